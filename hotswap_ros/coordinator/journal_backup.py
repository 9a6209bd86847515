# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Backups of a journal: files of which one takes the journal's place after a damage."""

from __future__ import annotations

import os
import re
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


def back_up(journal: Path, target: Path, keep: int = 1) -> int:
    """
    Write a verified copy of a journal, also of one in use; return its size in bytes.

    `target` appears as a whole or not at all. The newest `keep` backups stay: the one before is
    `target` with the ending .1 then, and so on; others with such an ending go. Raises JournalError
    for what is no journal, and BackupError where the copy cannot be written.
    """
    part = target.with_name(f'{target.name}.part')
    try:
        _refuse_target(journal, target)
        _make(part)
        copy_journal(journal, part)
        _close_up(part)
        _verify(journal, part)
        size = part.stat().st_size
        _rotate(target, keep)
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
        # Older backups are replaced, and no other file.
        refuse_foreign(target)
        if target.with_name(f'{target.name}-wal').exists():
            raise BackupError(target, 'a program uses it', 'name another file')
    if target.parent.is_dir():
        for number in older_backups(target):
            refuse_foreign(_numbered(target, number))


def _rotate(target: Path, keep: int) -> None:
    """Let each backup that stays have the next number; a crash in between loses none of them."""
    numbers = sorted(older_backups(target), reverse=True)
    for number in numbers:
        older = _numbered(target, number)
        if number + 1 < keep:
            older.replace(_numbered(target, number + 1))
        else:
            older.unlink()
    if keep > 1 and target.exists():
        target.replace(_numbered(target, 1))


def older_backups(target: Path) -> list[int]:
    """Return the numbers that earlier backups of a file have in their endings."""
    ending = re.compile(re.escape(f'{target.name}.') + r'([1-9][0-9]{0,2})')
    found = (ending.fullmatch(path.name) for path in target.parent.iterdir())
    return sorted(int(match[1]) for match in found if match)


def _numbered(target: Path, number: int) -> Path:
    return target.with_name(f'{target.name}.{number}')


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
