# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Journals with a wrong bit: each is read, or its error says what a person can do."""

from __future__ import annotations

import random
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from _journals import make_journal, open_all

from hotswap_ros.coordinator import (
    Journal,
    JournalDamagedError,
    JournalError,
    read_journal,
)
from hotswap_ros.coordinator.journal_sums import SUMMED, add_sums

_FILES = 200


@pytest.fixture(scope='module')
def journal(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_journal(tmp_path_factory.mktemp('journal') / 'journal.sqlite3')


def test_the_journal_as_it_was_opens(journal: bytes, tmp_path: Path) -> None:
    (tmp_path / 'journal').write_bytes(journal)
    open_all(tmp_path / 'journal')


@pytest.mark.parametrize('seed', range(4))
def test_a_wrong_bit_is_noticed_or_changes_nothing(
    journal: bytes, tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    errors = []
    (tmp_path / 'journal').write_bytes(journal)
    sound = open_all(tmp_path / 'journal')
    for number in range(_FILES // 4):
        content = bytearray(journal)
        # Half of them where the tables are described.
        most = len(content) if number % 2 else 4096
        content[draw.randrange(most)] ^= 1 << draw.randrange(8)
        path = tmp_path / f'{number}.sqlite3'
        path.write_bytes(content)
        try:
            assert open_all(path) == sound
        except JournalError as error:
            errors.append((path, error))
    damaged = [(path, error) for path, error in errors if isinstance(error, JournalDamagedError)]
    assert damaged
    assert all(str(path) in str(error) for path, error in errors)
    assert all(f'{path.name}-wal' in str(error) for path, error in damaged)
    assert all('backup' in str(error) for _, error in damaged)


def test_another_value_in_a_row_is_noticed(journal: bytes, tmp_path: Path) -> None:
    path = tmp_path / 'journal'
    for table, columns in SUMMED.items():
        for column in columns.split(', '):
            path.write_bytes(journal)
            with closing(sqlite3.connect(path)) as db, db:
                # Of another type, or with another last letter.
                changed = f"substr({column}, 1, length({column}) - 1) || 'x'"
                done = db.execute(f'UPDATE {table} SET {column} = {changed} WHERE rowid = 1')
            if done.rowcount:
                with pytest.raises(JournalDamagedError, match=table):
                    open_all(path)


def test_a_table_of_a_newer_release_or_of_sqlite_is_no_damage(
    journal: bytes, tmp_path: Path
) -> None:
    path = tmp_path / 'journal'
    path.write_bytes(journal)
    with closing(sqlite3.connect(path)) as db:
        db.execute('ANALYZE')
        db.commit()
    open_all(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute('CREATE TABLE later (key TEXT)')
    with pytest.raises(JournalDamagedError):
        open_all(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute('PRAGMA user_version = 99')
    open_all(path)


def test_a_database_of_something_else_is_no_journal(tmp_path: Path) -> None:
    path = tmp_path / 'bag.db3'
    with closing(sqlite3.connect(path)) as db:
        db.execute('CREATE TABLE topics (id INTEGER PRIMARY KEY)')
    before = path.read_bytes()
    with pytest.raises(JournalError, match='topics'):
        Journal(path)
    assert path.read_bytes() == before


def test_no_start_of_a_file_is_another_error(journal: bytes, tmp_path: Path) -> None:
    path = tmp_path / 'journal'
    for size in range(4096, len(journal), 4096):
        path.write_bytes(journal[:size])
        with pytest.raises(JournalDamagedError):
            open_all(path)


def test_damage_is_said_where_a_journal_is_evidence(journal: bytes, tmp_path: Path) -> None:
    path = tmp_path / 'journal'
    path.write_bytes(journal[: len(journal) // 2])
    with pytest.raises(JournalDamagedError) as raised, read_journal(path):
        pass
    assert str(path) in str(raised.value)


def test_evidence_is_named_as_it_is_where_a_row_is_damaged(journal: bytes, tmp_path: Path) -> None:
    path = tmp_path / 'journal'
    path.write_bytes(journal)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE rollouts SET report = '{'")
        add_sums(db)
    with (
        pytest.raises(JournalDamagedError, match=re.escape(str(path))),
        read_journal(path) as found,
    ):
        found.history()
