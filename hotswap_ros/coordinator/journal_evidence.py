# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A journal as evidence: read from a copy, so that the file stays as it is, byte for byte."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hotswap_ros.coordinator.journal import Journal
from hotswap_ros.coordinator.journal_errors import error_of
from hotswap_ros.coordinator.journal_file import check, refuse_foreign


@contextmanager
def read_journal(path: Path) -> Iterator[Journal]:
    """
    Open a copy of a journal, also of one in use, or in a folder that may not be written to.

    Raises JournalError for what is no journal.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / 'journal.db'
        copy_journal(path, copy)
        journal = Journal(copy, known_as=path)
        try:
            yield journal
        finally:
            journal.close()


def copy_journal(path: Path, copy: Path) -> None:
    """
    Copy a journal with what its write-ahead log holds; the copy may have a log of its own.

    Raises JournalError, which names `path`, for what is no journal.
    """
    refuse_foreign(path)
    try:
        _copy(path, copy)
        with closing(sqlite3.connect(copy)) as db:
            check(path, db, Journal.CHECK_BYTES, may_be_new=False)
    except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
        raise error_of(path, error) from error


def _copy(path: Path, copy: Path) -> None:
    """Copy a database with what its write-ahead log holds."""
    log, index = (path.with_name(f'{path.name}{ending}') for ending in ('-wal', '-shm'))
    if not log.is_file() or not log.stat().st_size:
        # Immutable: SQLite makes no file beside it, and needs no lock.
        _backup(f'{path.resolve().as_uri()}?mode=ro&immutable=1', copy)
    elif index.is_file():  # of a coordinator that runs
        _backup(f'{path.resolve().as_uri()}?mode=ro', copy)
    else:  # of a coordinator that crashed, or a copy of both files
        shutil.copyfile(path, copy)
        shutil.copyfile(log, copy.with_name(f'{copy.name}-wal'))


def _backup(source: str, copy: Path) -> None:
    with closing(sqlite3.connect(source, uri=True)) as db, closing(sqlite3.connect(copy)) as own:
        db.backup(own)
