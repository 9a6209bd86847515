# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
A journal of an older release, which has a list of robots for each property of a robot.

It holds a rollback that two robots did not confirm (rollout-1), a BlueGreen that releases the old
version (rollout-2), a canary that pauses for an unreachable robot (rollout-3), a shadow
(rollout-4) and an ordered rollback that one robot did not confirm yet (rollout-5).
"""

import json
import sqlite3
from pathlib import Path

import pytest

from hotswap_ros.coordinator import Journal, JournalError
from hotswap_ros.coordinator.journal_sums import add_sums
from hotswap_ros.rollout import PauseReason, Status
from hotswap_ros.rollout.migration import read_older
from hotswap_ros.rollout.robot_progress import Mark, RobotProgress

SQL = Path(__file__).parent / 'data' / 'journal_lists_of_robots.sql'
NOW = 1_000_000_078.0
MARK = Mark(boot_id='boot 1', finished=0)
LABELS = 'abcd'


def restore(path):
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as database:
        database.executescript(SQL.read_text())
    database.close()


@pytest.fixture
def journal(tmp_path):
    restore(tmp_path / 'journal.sqlite3')
    journal = Journal(tmp_path / 'journal.sqlite3')
    yield journal
    journal.close()


def test_each_robot_gets_the_record_that_the_lists_stand_for(journal):
    blue_green, canary, shadow = journal.active()
    old = RobotProgress('v23')
    swapped = RobotProgress('v23', staged=True, share=1.0, promoted=True, mark=MARK)
    retired = RobotProgress('v23', staged=True, share=1.0, promoted=True, retired=True, mark=MARK)
    assert blue_green.robots == {'r04': swapped, 'r05': retired, 'r06': retired, 'r07': retired}
    half = RobotProgress('v23', staged=True, share=0.5, mark=MARK)
    assert canary.robots == {'r08': half, 'r09': old, 'r10': old, 'r11': half}
    shadows = RobotProgress('v23', staged=True, shadows=True)
    assert shadow.robots == dict.fromkeys(('r12', 'r13', 'r14', 'r15'), shadows)
    assert canary.excluded == {f'r{n:02}' for n in (0, 1, 4, 5, 6, 7, 12, 13, 14, 15)}
    (pause,) = canary.pauses
    assert (canary.status, pause.reason) == (Status.PAUSED, PauseReason.UNREACHABLE)
    assert pause.since == canary.held_since == NOW - 7
    assert 'r11' in pause.text


def test_an_old_wait_for_approval_is_not_held():
    older = {'previous': {}, 'paused_at': 5.0, 'pause_reason': 'approval', 'reason': 'approve'}
    pause = {'reason': 'approval', 'since': 5.0, 'text': 'approve'}
    assert read_older(older)['pauses'] == [pause]
    assert read_older(older)['held_since'] is None


def test_an_old_rollback_keeps_what_is_still_to_be_confirmed(journal):
    assert [(p.rollout_id, p.robots) for p in journal.pending_rollbacks()] == [
        ('rollout-1', {'r02': 'v23', 'r03': 'v23'})
    ]
    robots = ('r00', 'r01', 'r02', 'r03')
    assert journal.marks('rollout-1') == {(robot_id, 'v25'): MARK for robot_id in robots}
    assert [order.rollback_id for order in journal.active_rollbacks()] == ['rollout-5']


def test_an_order_needs_of_an_old_rollout_its_marks_only(journal, tmp_path):
    before = journal.marks('rollout-1')
    with sqlite3.connect(tmp_path / 'journal.sqlite3') as database:
        database.execute("UPDATE rollouts SET state = json_set(state, '$.plan', 'of long ago')")
        add_sums(database)
    database.close()
    assert journal.marks('rollout-1') == before
    assert journal.marks('rollout-5') == journal.marks('unknown') == {}


def test_records_are_written_without_defaults(journal, tmp_path):
    (state, *_) = journal.active()
    state.robots = {'r04': RobotProgress('v23', staged=True)}
    journal.commit([(state, {})])
    with sqlite3.connect(tmp_path / 'journal.sqlite3') as database:
        sql = "SELECT json_extract(state, '$.robots') FROM rollouts WHERE rollout_id = ?"
        ((written,),) = database.execute(sql, (state.rollout_id,)).fetchall()
    database.close()
    assert json.loads(written) == {'r04': {'previous': 'v23', 'staged': True}}
    assert journal.active()[0] == state


def test_a_state_that_was_read_is_written_and_read_again(journal):
    states = journal.active()
    journal.commit([(state, {}) for state in states])
    assert journal.active() == states


def test_a_coordinator_finishes_what_the_older_release_began(make_fleet):
    fleet = make_fleet(robots=16, start=NOW)
    fleet.kill_coordinator()
    restore(fleet.journal_path)
    for number, robot in enumerate(fleet.robots.values()):
        robot.labels = (LABELS[number // 4],)
        robot.reboot('v23')
    fleet.boot_coordinator()
    states = [fleet.finish(f'rollout-{number}') for number in (2, 3, 4)]
    assert {state.status for state in states} == {Status.SUCCEEDED}
    assert fleet.serving('v24') == {f'r{number:02}' for number in range(4, 12)}
    assert fleet.serving('v25') == {'r00', 'r01'}, 'as the rollback was ordered'
    assert fleet.serving('v23') == {'r02', 'r03', 'r12', 'r13', 'r14', 'r15'}
    assert fleet.coordinator.report('rollout-1')['rollback']['unconfirmed'] == []


def test_a_journal_that_cannot_be_read_is_refused_with_a_remedy(journal, tmp_path):
    with sqlite3.connect(tmp_path / 'journal.sqlite3') as database:
        database.execute("UPDATE rollouts SET state = '{}' WHERE rollout_id = 'rollout-3'")
        add_sums(database)
    database.close()
    with pytest.raises(JournalError, match='let the release that wrote it finish or abort'):
        journal.active()
