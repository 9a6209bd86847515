# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Old rollouts leave the journal; what is still needed stays."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from hotswap_ros.coordinator import BackupError, Journal, JournalError, Retention, back_up, prune
from hotswap_ros.testing import FakeFleet

DAY = 86_400.0
DIRECT = 'strategy: Direct\nmodelId: pick_policy\nversion: {}\n'
VERSIONS = [f'v{number}' for number in range(24, 32)]


@pytest.fixture
def fleet(tmp_path: Path) -> FakeFleet:
    """Return a fleet after eight rollouts that succeeded, whose alerts were published."""
    rates = dict.fromkeys(['v23', *VERSIONS], 0.95)
    fleet = FakeFleet(tmp_path / 'journal.sqlite3', rates, robots=2)
    for version in VERSIONS:
        fleet.finish(fleet.start(DIRECT.format(version)))
    fleet.run(2)
    return fleet


def ids(fleet: FakeFleet) -> list[str]:
    return [summary.rollout_id for summary in fleet.coordinator.history()][::-1]


def pruned(fleet: FakeFleet, retention: Retention, now: float | None = None) -> list[str]:
    """Prune beside the running coordinator, as the worker of the node does."""
    beside = Journal(fleet.journal_path)
    try:
        return prune(beside, retention, fleet.now if now is None else now).rollouts
    finally:
        beside.close()


def test_the_newest_stay(fleet: FakeFleet) -> None:
    before = ids(fleet)
    assert pruned(fleet, Retention(keep_rollouts=3)) == before[:-3]
    assert ids(fleet) == before[-3:]
    assert all(fleet.coordinator.report(name)['events'] for name in ids(fleet))


def test_what_is_old_goes_but_for_the_newest(fleet: FakeFleet) -> None:
    before = ids(fleet)
    assert pruned(fleet, Retention(older_than_s=DAY)) == []
    assert pruned(fleet, Retention(older_than_s=DAY), fleet.now + 2 * DAY) == before[:-1]


def test_the_oldest_go_until_the_size_fits(fleet: FakeFleet) -> None:
    before, journal = ids(fleet), fleet.journal
    most = journal.bytes() * 4 // 5
    gone = pruned(fleet, Retention(max_bytes=most))
    assert gone == before[: len(gone)]
    assert 0 < len(gone) < len(before)
    assert journal.bytes() <= most


def test_numbers_of_events_are_given_once(fleet: FakeFleet) -> None:
    last = fleet.journal.commit()
    pruned(fleet, Retention(keep_rollouts=1), fleet.now + 99 * DAY)
    assert fleet.journal.commit() == last


def test_a_rollout_under_way_goes_on(fleet: FakeFleet) -> None:
    running = fleet.start(DIRECT.format('v23'))
    fleet.step()
    pruned(fleet, Retention(older_than_s=1.0), fleet.now + 99 * DAY)
    assert running in ids(fleet)
    fleet.boot_coordinator()
    fleet.finish(running)


def test_a_robot_that_has_not_confirmed_keeps_its_rollback(fleet: FakeFleet) -> None:
    fleet.robots['r01'].online = False
    rollback = fleet.coordinator.roll_back('pick_policy', 'v30', (), fleet.now)
    fleet.run(120)
    for version in ('v24', 'v25'):
        fleet.finish(fleet.start(DIRECT.format(version)))
    unconfirmed = {pending.rollout_id for pending in fleet.journal.pending_rollbacks()}
    assert rollback.state.rollback_id in unconfirmed
    pruned(fleet, Retention(keep_rollouts=1))
    assert unconfirmed <= set(ids(fleet))


def test_alerts_to_come_out_stay(tmp_path: Path) -> None:
    fleet = FakeFleet(tmp_path / 'journal.sqlite3', {'v23': 0.9, 'v24': 0.9, 'v25': 0.9}, robots=2)
    fleet.events_are_delivered = False
    fleet.start(DIRECT.format('v24'))
    fleet.run(60)
    fleet.finish(fleet.start(DIRECT.format('v25')))
    untold = fleet.journal.untold()
    pruned(fleet, Retention(keep_rollouts=1))
    assert fleet.journal.untold() == untold


def test_a_rollback_stays_with_the_rollout_that_it_reversed(fleet: FakeFleet) -> None:
    fleet.coordinator.roll_back('pick_policy', '', (), fleet.now)
    fleet.run(120)
    reversed_id = fleet.coordinator.report(ids(fleet)[-1])['rolls_back']
    assert reversed_id
    pruned(fleet, Retention(keep_rollouts=1), fleet.now + 99 * DAY)
    again = fleet.coordinator.roll_back('pick_policy', 'v24', (), fleet.now)
    assert again.state.rolls_back == ''


def test_events_of_no_rollout_go_with_their_age(fleet: FakeFleet) -> None:
    fleet.duplicate('r00')
    fleet.run(30)
    assert any(not event.rollout_id for event in fleet.events)
    fleet.finish(fleet.start(DIRECT.format('v24')))
    with closing(sqlite3.connect(fleet.journal_path)) as db:
        sql = "SELECT count(*) FROM events WHERE rollout_id = ''"
        before = db.execute(sql).fetchone()[0]
        pruned(fleet, Retention(older_than_s=DAY), fleet.now + 2 * DAY)
        assert db.execute(sql).fetchone()[0] < before


KILLED = """
import os, sys, itertools
from hotswap_ros.coordinator import Journal, Retention, prune
turns = itertools.count(1)
def pause():
    if next(turns) == 3:
        os.kill(os.getpid(), 9)
    return False
prune(Journal(sys.argv[1]), Retention(keep_rollouts=1), 1e9, pause)
"""


def test_a_prune_that_is_killed_leaves_a_readable_journal(fleet: FakeFleet) -> None:
    before = ids(fleet)
    fleet.kill_coordinator()
    done = subprocess.run([sys.executable, '-c', KILLED, str(fleet.journal_path)], check=False)
    assert done.returncode == -9
    fleet.boot_coordinator()
    assert ids(fleet) == before[3:]
    assert all(fleet.coordinator.report(name)['events'] for name in ids(fleet))
    assert pruned(fleet, Retention(keep_rollouts=1)) == before[3:-1]


def test_a_backup_beside_a_coordinator_is_a_journal(fleet: FakeFleet, tmp_path: Path) -> None:
    target = tmp_path / 'elsewhere.sqlite3'
    assert back_up(Path(fleet.journal_path), target) == target.stat().st_size
    assert [path.name for path in tmp_path.iterdir() if 'elsewhere' in path.name] == [target.name]
    restored = Journal(target)
    assert [s.rollout_id for s in restored.history()][::-1] == ids(fleet)
    restored.close()


@pytest.mark.parametrize('kind', ['itself', 'folder', 'foreign', 'no folder'])
def test_a_backup_replaces_no_other_file(fleet: FakeFleet, tmp_path: Path, kind: str) -> None:
    foreign = tmp_path / 'notes.txt'
    foreign.write_text('notes')
    targets = {
        'itself': Path(fleet.journal_path),
        'folder': tmp_path,
        'foreign': foreign,
        'no folder': tmp_path / 'none' / 'backup',
    }
    with pytest.raises(JournalError) as raised:
        back_up(Path(fleet.journal_path), targets[kind])
    assert str(targets[kind]) in str(raised.value)
    assert foreign.read_text() == 'notes'


def test_no_room_leaves_the_older_backup(
    fleet: FakeFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / 'backup.sqlite3'
    back_up(Path(fleet.journal_path), target)
    older = target.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('os.fsync', full)
    with pytest.raises(BackupError, match='room'):
        back_up(Path(fleet.journal_path), target)
    assert target.read_bytes() == older
    assert not list(tmp_path.glob('*.part*'))
