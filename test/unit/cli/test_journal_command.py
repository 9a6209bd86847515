# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap journal backup` and `prune`, without ROS."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import Result

from hotswap_ros.coordinator import read_journal
from hotswap_ros.coordinator.journal_sums import add_sums
from hotswap_ros.testing import FakeFleet

Hotswap = Callable[..., Result]


@pytest.fixture
def fleet(tmp_path: Path) -> FakeFleet:
    """Return a running fleet after four rollouts, long ago."""
    rates = dict.fromkeys(['v23', 'v24', 'v25', 'v26', 'v27'], 0.95)
    fleet = FakeFleet(tmp_path / 'journal.sqlite3', rates, robots=2)
    for version in ('v24', 'v25', 'v26', 'v27'):
        plan = f'strategy: Direct\nmodelId: pick_policy\nversion: {version}\n'
        fleet.finish(fleet.start(plan))
    fleet.run(2)
    return fleet


def ids(path: Path | str) -> list[str]:
    with read_journal(Path(path)) as journal:
        return [summary.rollout_id for summary in journal.history()]


@pytest.mark.parametrize('limit', [('--older-than', 'P90D'), ('--keep-rollouts', 1)])
def test_a_dry_run_says_what_a_prune_deletes(
    hotswap: Hotswap, fleet: FakeFleet, limit: tuple[str, object]
) -> None:
    path, before = fleet.journal_path, ids(fleet.journal_path)
    dry = hotswap('journal', 'prune', *limit, '--dry-run', '--journal', path)
    assert (dry.exit_code, ids(path)) == (0, before)
    done = hotswap('journal', 'prune', *limit, '--journal', path)
    assert (done.exit_code, ids(path)) == (0, before[:1])
    for name in before[1:]:
        assert name in dry.output
        assert name in done.output


def test_the_file_shrinks_where_no_coordinator_runs(hotswap: Hotswap, fleet: FakeFleet) -> None:
    path = Path(fleet.journal_path)
    fleet.kill_coordinator()
    before = path.stat().st_size
    assert hotswap('journal', 'prune', '--keep-rollouts', 1, '--journal', path).exit_code == 0
    assert path.stat().st_size < before


def test_what_is_larger_than_asked_for_is_said(hotswap: Hotswap, fleet: FakeFleet) -> None:
    with closing(sqlite3.connect(fleet.journal_path)) as db, db:
        db.execute("UPDATE rollouts SET reason = ? WHERE version = 'v27'", ('x' * 2_000_000,))
        add_sums(db)
    done = hotswap('journal', 'prune', '--max-size', 1, '--journal', fleet.journal_path)
    assert '--max-size' in done.output
    assert len(ids(fleet.journal_path)) == 1


def test_a_database_without_tables_is_no_journal(hotswap: Hotswap, tmp_path: Path) -> None:
    path = tmp_path / 'another.db3'
    with closing(sqlite3.connect(path)) as db, db:
        db.execute('CREATE TABLE own (id INTEGER)')
        db.execute('DROP TABLE own')
    before = path.read_bytes()
    assert before
    found = hotswap('journal', 'prune', '--keep-rollouts', 1, '--journal', path)
    assert found.exit_code == 1
    assert str(path) in found.output.replace('\n', '')
    assert path.read_bytes() == before


def test_the_newest_backups_stay(hotswap: Hotswap, fleet: FakeFleet, tmp_path: Path) -> None:
    file = tmp_path / 'backups' / 'journal.bak'
    file.parent.mkdir()
    other = file.with_name(f'{file.name}.2026')
    other.write_text('of somebody else')
    found = []
    for number in range(5):
        fleet.run(1)
        done = hotswap('journal', 'backup', file, '--keep', 3, '--journal', fleet.journal_path)
        assert done.exit_code == 0
        found.insert(0, file.read_bytes())
        names = [file, *(file.with_name(f'{file.name}.{n}') for n in (1, 2))][: number + 1]
        assert [path.read_bytes() for path in names] == found[:3]
        assert sorted(file.parent.iterdir()) == sorted([*names, other])
    assert hotswap('journal', 'backup', file, '--journal', fleet.journal_path).exit_code == 0
    assert sorted(file.parent.iterdir()) == [file, other]
    assert ids(file) == ids(fleet.journal_path)


def test_no_other_file_is_taken_for_a_backup(
    hotswap: Hotswap, fleet: FakeFleet, tmp_path: Path
) -> None:
    file, other = tmp_path / 'journal.bak', tmp_path / 'journal.bak.1'
    other.write_text('of somebody else')
    done = hotswap('journal', 'backup', file, '--keep', 3, '--journal', fleet.journal_path)
    assert done.exit_code == 1
    assert 'journal.bak.1' in done.output.replace('\n', '')
    assert other.read_text() == 'of somebody else'
    assert not file.exists()


def test_nothing_is_deleted_without_a_limit(hotswap: Hotswap, fleet: FakeFleet) -> None:
    assert hotswap('journal', 'prune', '--journal', fleet.journal_path).exit_code == 1
    assert len(ids(fleet.journal_path)) == 4


@pytest.mark.parametrize('age', ['90 days', 'P3M', '-5', 'P1D' * 9_999])
def test_an_age_that_is_no_time_is_named(hotswap: Hotswap, fleet: FakeFleet, age: str) -> None:
    found = hotswap('journal', 'prune', f'--older-than={age}', '--journal', fleet.journal_path)
    assert found.exit_code == 1
    assert '--older-than' in found.output
    assert len(found.output) < 1_000
    assert len(ids(fleet.journal_path)) == 4


@pytest.mark.parametrize('content', [None, b'', b'a,b\n', b'SQLite format 3\0' * 99])
@pytest.mark.parametrize('verb', ['backup', 'prune'])
def test_what_is_no_journal_is_refused(
    hotswap: Hotswap, tmp_path: Path, verb: str, content: bytes | None
) -> None:
    path, target = tmp_path / 'other.db', tmp_path / 'backup.db'
    if content is not None:
        path.write_bytes(content)
    given = (target,) if verb == 'backup' else ('--keep-rollouts', 1)
    done = hotswap('journal', verb, *given, '--journal', path)
    assert done.exit_code == 1
    assert str(path) in done.output.replace('\n', '')
    assert not target.exists()
    assert path.exists() == (content is not None)
    assert content is None or path.read_bytes() == content


def test_the_journal_of_the_ros_home_folder_is_the_default(
    hotswap: Hotswap, fleet: FakeFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('ROS_HOME', str(tmp_path / 'home'))
    (tmp_path / 'home' / 'hotswap_ros').mkdir(parents=True)
    default = tmp_path / 'home' / 'hotswap_ros' / 'journal.sqlite3'
    assert hotswap('journal', 'backup', default, '--journal', fleet.journal_path).exit_code == 0
    assert hotswap('journal', 'backup', tmp_path / 'copy').exit_code == 0
    assert ids(tmp_path / 'copy') == ids(fleet.journal_path)
