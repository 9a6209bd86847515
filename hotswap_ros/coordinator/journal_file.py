# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The file of the journal: where it lies, its tables, and how it is opened, checked and held."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any

from hotswap_ros.coordinator.journal_errors import (
    JournalDamagedError,
    JournalError,
    JournalHeldError,
    error_of,
)
from hotswap_ros.coordinator.journal_lock import hold
from hotswap_ros.coordinator.journal_sums import changed_row, register
from hotswap_ros.coordinator.journal_upgrade import FORMAT, is_current, upgrade

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (
    key TEXT PRIMARY KEY, value INTEGER NOT NULL, sum INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS rollouts (
    rollout_id TEXT PRIMARY KEY, model_id TEXT NOT NULL, version TEXT NOT NULL,
    strategy TEXT NOT NULL, started REAL NOT NULL, ended REAL, status TEXT NOT NULL,
    reason TEXT NOT NULL, state TEXT NOT NULL, report TEXT NOT NULL,
    sum INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY, rollout_id TEXT NOT NULL, event TEXT NOT NULL,
    sum INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS events_of_rollout ON events (rollout_id);
CREATE TABLE IF NOT EXISTS desired (
    model_id TEXT NOT NULL, robot_id TEXT NOT NULL, entry TEXT NOT NULL,
    sum INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (model_id, robot_id));
CREATE TABLE IF NOT EXISTS rehearsals (
    model_id TEXT NOT NULL, robot_id TEXT NOT NULL, ended REAL NOT NULL, seconds REAL NOT NULL,
    sum INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (model_id, robot_id));
CREATE TABLE IF NOT EXISTS aftermaths (
    rollout_id TEXT PRIMARY KEY, state TEXT NOT NULL, is_done INTEGER NOT NULL,
    sum INTEGER NOT NULL DEFAULT 0);
INSERT OR IGNORE INTO meta (key, value) SELECT 'told', coalesce(max(id), 0) FROM events;
"""


#: Tables of the schema.
_TABLES = frozenset(re.findall(r'TABLE IF NOT EXISTS (\w+)', _SCHEMA))

#: Tables that every release has written.
_ALWAYS = frozenset({'rollouts', 'events', 'desired'})
_MAGIC = b'SQLite format 3\0'
_NAME_ANOTHER = "name the file of parameter 'journal'"

#: Path of a journal in memory, which ends with the process.
IN_MEMORY = ':memory:'


def journal_path(given: str = '') -> str:
    """Return the file of parameter `journal`."""
    if given == 'none':
        return IN_MEMORY
    if given:
        return given
    home = os.environ.get('ROS_HOME') or str(Path.home() / '.ros')
    return str(Path(home) / 'hotswap_ros' / 'journal.sqlite3')


def refuse_foreign(path: Path) -> None:
    """Raise JournalError unless a file exists and begins as a database does."""
    try:
        with path.open('rb') as file:
            start = file.read(len(_MAGIC))
    except OSError as error:
        raise JournalError(path, error, _NAME_ANOTHER) from error
    if start != _MAGIC:
        what = 'it is empty' if not start else 'it is no SQLite database'
        raise JournalError(path, what, _NAME_ANOTHER)


def check(path: Path, db: sqlite3.Connection, most_bytes: int, *, may_be_new: bool) -> None:
    """
    Check that a database is a journal, and its pages and rows if it has `most_bytes` or less.

    A database without tables passes where the journal `may_be_new`. Raises JournalError,
    JournalDamagedError and sqlite3.Error; they name `path`.
    """
    rows = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    written = {str(name) for (name,) in rows}  # a name in a damaged file may be anything
    found = {name for name in written if not name.startswith('sqlite_')}
    is_new = may_be_new and not found
    if not is_new and not found & _ALWAYS:
        names = ', '.join(sorted(found)[:8]) or 'none'
        what = f'it is a database of something else (tables: {names})'
        raise JournalError(path, what, _NAME_ANOTHER)
    (written_as,) = db.execute('PRAGMA user_version').fetchone()
    # A newer release may have more tables.
    if written_as <= FORMAT and found - _TABLES:
        names = ', '.join(sorted(found - _TABLES)[:8])
        raise JournalDamagedError(path, f'unknown tables: {names}')
    pages, page_bytes = (value(db, name) for name in ('page_count', 'page_size'))
    if pages * page_bytes > most_bytes:
        return
    (verdict,) = db.execute('PRAGMA integrity_check(1)').fetchone()
    if verdict != 'ok':
        raise JournalDamagedError(path, verdict)
    if written_as == FORMAT and not is_new and (what := _changed_table(db) or changed_row(db)):
        raise JournalDamagedError(path, what)


def _changed_table(db: sqlite3.Connection) -> str:
    """Return which table is not as this format has it; empty: none."""
    with closing(sqlite3.connect(IN_MEMORY)) as sound:
        sound.executescript(_SCHEMA)
        for table in sorted(_TABLES):
            columns = f'PRAGMA table_info({table})'
            if db.execute(columns).fetchall() != sound.execute(columns).fetchall():
                return f'table {table} has other columns'
    return ''


def value(db: sqlite3.Connection, name: str) -> int:
    """Return a pragma of a database that is a number."""
    (found,) = db.execute(f'PRAGMA {name}').fetchone()
    return int(found)


class JournalFile:
    """
    The open file: statements, transactions and the lock against other coordinators.

    It uses write-ahead logging with full synchronization: after a transaction the data are on the
    disk. One thread uses it. Errors name the file `known_as`; None: `path`. A database without
    tables is refused as one of something else unless it `may_be_new`. Raises JournalError.
    """

    #: When SQLite ends a commit; a simulation without power cuts may set OFF.
    SYNCHRONOUS = 'FULL'

    #: Size up to which the pages are checked at the start: robots keep a lease for 3 s and more.
    CHECK_BYTES = 500_000_000

    def __init__(
        self, path: Path | str, known_as: Path | None = None, *, may_be_new: bool = True
    ) -> None:
        path = Path(path)
        self._file, self._path = path, known_as or path
        self._lock: IO[bytes] | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=5.0, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise error_of(self._path, error) from error
        try:
            self._prepare(may_be_new=may_be_new)
        except BaseException:
            self.close()
            raise

    def _prepare(self, *, may_be_new: bool) -> None:
        try:
            check(self._path, self._db, self.CHECK_BYTES, may_be_new=may_be_new)
            register(self._db)
            self._db.execute('PRAGMA journal_mode = WAL')
            self._db.execute(f'PRAGMA synchronous = {self.SYNCHRONOUS}')
            self._db.executescript(_SCHEMA)
            if not is_current(self._db):
                # A coordinator of the older release that still runs needs the names as they are.
                self.hold()
                upgrade(self._db)
        except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
            raise error_of(self._path, error) from error

    def close(self) -> None:
        """Close the file and release it."""
        self._db.close()
        if self._lock is not None:
            self._lock.close()

    def hold(self) -> None:
        """Lock the file against other coordinators until it is closed; reading stays possible."""
        if str(self._file) == IN_MEMORY or self._lock is not None:
            return
        try:
            self._lock = hold(self._file)
        except BlockingIOError as error:
            what = 'another coordinator holds it'
            remedy = "stop that one, or give this one another file in parameter 'journal'"
            raise JournalHeldError(self._path, what, remedy) from error
        except OSError as error:
            raise JournalError(self._path, error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all of it or nothing. Raises JournalError."""
        try:
            # Immediate: a second writer fails before, not after, half of the work.
            self._db.execute('BEGIN IMMEDIATE')
            yield
            self._db.execute('COMMIT')
        except sqlite3.Error as error:
            raise error_of(self._path, error) from error
        finally:
            if self._db.in_transaction:
                self._db.execute('ROLLBACK')

    def shrink(self) -> None:
        """Give deleted pages back to the disk; it needs as much room, and that nobody writes."""
        self.execute('VACUUM')

    def bytes(self) -> int:
        """Return how many bytes of the file are in use; deleted pages are not."""
        pages, free, page_bytes = (
            value(self._db, name) for name in ('page_count', 'freelist_count', 'page_size')
        )
        return (pages - free) * page_bytes

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """Return the rows of a statement. Raises JournalError."""
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise error_of(self._path, error) from error
