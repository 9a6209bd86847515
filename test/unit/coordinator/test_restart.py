# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Kill the coordinator at any second: the journal is enough to go on."""

import re

import pytest

from hotswap_ros.coordinator import Journal, JournalError
from hotswap_ros.rollout import PauseReason, Status, Verb


@pytest.mark.parametrize('seconds', [1, 2, 3, 5, 8, 13, 40, 70, 75, 80])
def test_a_good_rollout_succeeds_whenever_the_coordinator_restarts(fleet, plan, seconds):
    rollout = fleet.start(plan())
    fleet.run(seconds)
    fleet.boot_coordinator()
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    assert fleet.stables() == {'v24'}
    assert [s.status for s in fleet.coordinator.history()] == [Status.SUCCEEDED]


@pytest.mark.parametrize('seconds', [1, 3, 5, 8, 13, 21])
def test_a_bad_rollout_is_rolled_back_whenever_the_coordinator_restarts(fleet, plan, seconds):
    rollout = fleet.start(plan('v25'))
    fleet.run(seconds)
    fleet.boot_coordinator()
    assert fleet.finish(rollout).status is Status.ROLLED_BACK
    assert fleet.candidates() == set()


def test_what_the_gate_saw_survives(fleet, plan):
    rollout = fleet.start(plan())
    fleet.run(30)
    before = fleet.coordinator.report(rollout)['candidate_tasks']
    assert before > 0
    fleet.boot_coordinator()
    fleet.run(1)
    report = fleet.coordinator.report(rollout)
    assert report['candidate_tasks'] >= before
    assert 'restarted' in [event['kind'] for event in report['events']]


@pytest.fixture
def other_release(monkeypatch):
    """Let gates keep what they saw in a form that nobody understands after `undo`."""
    monkeypatch.setattr('hotswap_ros.gates.gate._FORMAT', 0)
    return monkeypatch


def test_evidence_of_another_release_is_collected_anew_once_a_person_agrees(
    fleet, plan, other_release
):
    rollout = fleet.start(plan(stages=[(50, 40), (100, 40)]))
    fleet.run_until(lambda: fleet.state(rollout).step.kind == 'observe')
    fleet.run(8)
    other_release.undo()
    fleet.boot_coordinator()
    fleet.run(1)
    state = fleet.state(rollout)
    assert (state.status, state.pause_reason) == (Status.PAUSED, PauseReason.INCONCLUSIVE)
    assert [pause.reason for pause in state.pauses] == [PauseReason.INCONCLUSIVE]
    assert fleet.kinds()[-2:] == ['restarted', 'inconclusive']
    fleet.coordinator.command(rollout, Verb.RESUME, fleet.now)
    assert fleet.finish(rollout).status is Status.SUCCEEDED


def test_a_rollout_of_another_release_that_has_ended_is_history(fleet, plan, other_release):
    rollout = fleet.start(plan())
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    other_release.undo()
    fleet.boot_coordinator()
    fleet.run(5)
    assert [s.status for s in fleet.coordinator.history()] == [Status.SUCCEEDED]
    assert fleet.coordinator.report(rollout)['status'] == 'succeeded'


def test_a_long_absence_is_not_taken_for_slow_robots(fleet, plan):
    rollout = fleet.start(plan(confirmTimeout='PT30S'))
    fleet.run(1)
    fleet.skip(3_600)
    fleet.boot_coordinator()
    assert fleet.finish(rollout).status is Status.SUCCEEDED


def test_an_absence_in_a_pause_is_given_back_once(fleet, plan):
    text = plan(stages=[(20, 30), (100, 30)]).replace('tasks: 30}', 'tasks: 30, duration: PT2M}')
    rollout = fleet.start(text)
    fleet.run_until(lambda: fleet.state(rollout).step_index == 2)
    fleet.run(20)
    fleet.coordinator.command(rollout, Verb.PAUSE, fleet.now)
    fleet.run(10)
    fleet.skip(3_600)
    fleet.boot_coordinator()
    fleet.run(10)
    fleet.coordinator.command(rollout, Verb.RESUME, fleet.now)
    fleet.run_until(lambda: fleet.state(rollout).step_index == 3, at_most=110)


def test_a_clock_that_was_set_back_makes_nobody_wait(make_fleet, plan):
    fleet = make_fleet(start=1e6)
    rollout = fleet.start(plan(stages=((50, 1), (100, 1)), onInconclusive='continue'))
    fleet.run_until(lambda: fleet.state(rollout).step.kind == 'observe')
    fleet.kill_coordinator()
    fleet.set_clock(-3_600)
    fleet.boot_coordinator()
    state = fleet.state(rollout)
    assert state.step_records[-1].started == fleet.now, 'nobody looked meanwhile'
    assert 0 <= fleet.now - state.started < 20
    assert fleet.finish(rollout, at_most=100).status is Status.SUCCEEDED


def test_the_newest_rollout_is_the_newest_by_any_clock(make_fleet, plan):
    fleet = make_fleet(start=1e6)
    first = fleet.start(plan())
    fleet.finish(first)
    fleet.kill_coordinator()
    fleet.set_clock(-3_600)
    fleet.boot_coordinator()
    fleet.run(3)
    second = fleet.start(plan('v23'))
    fleet.run(3)
    fleet.boot_coordinator()
    assert fleet.coordinator.snapshot(fleet.now).state.rollout_id == second
    assert [s.rollout_id for s in fleet.coordinator.history()] == [second, first]


def test_an_ended_rollout_stays_ended(fleet, plan):
    rollout = fleet.start(plan())
    state = fleet.finish(rollout)
    fleet.boot_coordinator()
    fleet.run(50)
    assert fleet.state(rollout) == state
    assert fleet.stables() == {'v24'}


def test_a_state_is_one_text_whatever_order_its_robots_came_in(fleet, plan):
    state = fleet.state(fleet.start(plan()))
    names = [f'robot_{number}' for number in range(100)]
    texts = {
        state.model_copy(update={'excluded': set(order)}).model_dump_json()
        for order in (names, names[::-1])
    }
    assert len(texts) == 1


def test_every_start_has_a_higher_epoch(fleet):
    first = fleet.coordinator.epoch
    fleet.boot_coordinator()
    assert fleet.coordinator.epoch == first + 1


def test_robots_heed_a_coordinator_that_lost_its_journal(make_fleet):
    fleet = make_fleet()
    for _ in range(5):
        fleet.boot_coordinator()
    before = fleet.coordinator.epoch
    fleet.skip(60)
    fleet.journal_path = fleet.journal_path.with_name('new.sqlite3')
    fleet.boot_coordinator()
    assert fleet.coordinator.epoch > before


def test_nothing_is_said_to_robots_before_the_journal_has_it(fleet, plan):
    import sqlite3

    rollout = fleet.start(plan())
    blocker = sqlite3.connect(fleet.journal_path, isolation_level=None)
    fleet.journal._db.execute('PRAGMA busy_timeout = 0')
    blocker.execute('BEGIN IMMEDIATE')
    fleet.run(10)
    assert all(set(robot.versions) == {'v23'} for robot in fleet.robots.values())
    assert fleet.lease_rollouts is None, 'robots go back to stable by themselves'
    assert 'locked' in fleet.coordinator.journal_error
    blocker.execute('ROLLBACK')
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    assert fleet.coordinator.journal_error == ''


def test_a_journal_that_cannot_be_opened_says_so(tmp_path):
    (tmp_path / 'folder').mkdir()
    with pytest.raises(JournalError, match=re.escape(str(tmp_path / 'folder'))):
        Journal(tmp_path / 'folder')


def test_a_file_that_is_no_journal_says_so(tmp_path):
    path = tmp_path / 'journal.sqlite3'
    path.write_bytes(b'this is not a database' * 100)
    with pytest.raises(JournalError, match=r'journal\.sqlite3'):
        Journal(path)
