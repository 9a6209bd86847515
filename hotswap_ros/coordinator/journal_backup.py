# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Backup of a journal: one file that takes the journal's place after a damage."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from hotswap_ros.coordinator.journal_errors import JournalDamagedError, JournalError, error_of
from hotswap_ros.coordinator.journal_evidence import copy_journal
from hotswap_ros.coordinator.journal_file import refuse_foreign

_REMEDY = 'check that its folder exists, has room and belongs to this user'


class BackupError(JournalError):
    """The backup cannot be written; the journal is as it was."""

    def __init__(self, path: Path, error: Exception | str, remedy: str = _REMEDY) -> None:
        super().__init__(path, error, remedy)


def back_up(journal: Path, target: Path) -> int:
    """
    Write a verified copy of a journal, also of one in use; return its size in bytes.

    `target` appears as a whole or not at all, and replaces an older backup. Raises JournalError
    for what is no journal, and BackupError where the copy cannot be written.
    """
    _refuse_target(journal, target)
    part = target.with_name(f'{target.name}.part')
    try:
        _make(part)
        copy_journal(journal, part)
        _close_up(part)
        _verify(journal, part)
        size = part.stat().st_size
        part.replace(target)
        _sync(target.parent)
    except OSError as error:
        raise BackupError(target, error) from error
    finally:
        for ending in ('', '-wal', '-shm', '-journal'):
            with suppress(OSError):
                part.with_name(f'{part.name}{ending}').unlink(missing_ok=True)
    return size


def _refuse_target(journal: Path, target: Path) -> None:
    if target.is_dir():
        raise BackupError(target, 'it is a folder', 'name a file')
    if target.exists() and target.resolve() == journal.resolve():
        raise BackupError(target, 'it is the journal itself', 'name another file')
    if target.exists():
        # An older backup is replaced, and no other file.
        refuse_foreign(target)
        if target.with_name(f'{target.name}-wal').exists():
            raise BackupError(target, 'a program uses it', 'name another file')


def _make(part: Path) -> None:
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)


def _close_up(part: Path) -> None:
    """Put what the log of the copy holds into the file, which then needs no other one."""
    try:
        with closing(sqlite3.connect(part)) as db:
            db.execute('PRAGMA journal_mode = DELETE')
    except sqlite3.Error as error:
        raise BackupError(part, error) from error
    _sync(part)


def _verify(journal: Path, part: Path) -> None:
    """Check every page of the copy, whatever its size."""
    try:
        with closing(sqlite3.connect(part)) as db:
            (verdict,) = db.execute('PRAGMA integrity_check(1)').fetchone()
    except sqlite3.Error as error:
        raise error_of(journal, error) from error
    if verdict != 'ok':
        raise JournalDamagedError(journal, verdict)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
