# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A journal that is read as evidence stays as it is, and so does any other file."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hotswap_ros.coordinator import Journal, JournalError, read_journal
from hotswap_ros.coordinator.journal_sums import add_sums

_OLDER = Path(__file__).parent / 'data' / 'journal_lists_of_robots.sql'


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    folder = tmp_path / 'evidence'
    folder.mkdir()
    with closing(sqlite3.connect(folder / 'journal.db')) as db:
        db.executescript(_OLDER.read_text())
    return folder / 'journal.db'


@pytest.mark.parametrize('is_writable', [True, False])
def test_a_journal_stays_as_it_is(journal: Path, is_writable: bool) -> None:
    before = files(journal.parent)
    if not is_writable:
        journal.chmod(0o400)
        journal.parent.chmod(0o500)
    try:
        with read_journal(journal) as found:
            assert found.history()
        assert files(journal.parent) == before
    finally:
        journal.parent.chmod(0o700)


def test_what_the_log_of_a_crashed_coordinator_holds_is_read(journal: Path) -> None:
    with closing(sqlite3.connect(journal, isolation_level=None)) as db:
        db.execute('PRAGMA journal_mode = WAL')
        db.execute('PRAGMA wal_autocheckpoint = 0')
        db.execute("UPDATE rollouts SET reason = 'in the log'")
        add_sums(db)
        crashed = journal.parent.parent / 'crashed'
        crashed.mkdir()
        for name in ('journal.db', 'journal.db-wal'):
            shutil.copy(journal.with_name(name), crashed / name)
    before = files(crashed)
    with read_journal(crashed / 'journal.db') as found:
        assert {summary.reason for summary in found.history()} == {'in the log'}
    assert files(crashed) == before


def test_a_journal_in_use_is_read(tmp_path: Path) -> None:
    path = tmp_path / 'journal.db'
    running = Journal(path)
    running.hold()
    before = path.read_bytes()
    with read_journal(path) as found:
        assert found.history() == []
    assert path.read_bytes() == before
    running.close()


def test_another_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'bag_0.db3'
    with closing(sqlite3.connect(path)) as db:
        db.execute('CREATE TABLE topics (id INTEGER PRIMARY KEY, name TEXT)')
    before = files(tmp_path)
    with pytest.raises(JournalError, match=r'something else .tables: topics'), read_journal(path):
        pass
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (b'', 'is empty'),
        (b'version,success\n', 'no SQLite'),
        (b'SQLite format 3\0' * 9, ':'),
    ],
)
def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / 'journal.db'
    path.write_bytes(content)
    with pytest.raises(JournalError, match=words), read_journal(path):
        pass
    assert files(tmp_path) == {'journal.db': content}


def test_no_file_is_made(tmp_path: Path) -> None:
    with pytest.raises(JournalError), read_journal(tmp_path / 'journal.db'):
        pass
    assert not files(tmp_path)
