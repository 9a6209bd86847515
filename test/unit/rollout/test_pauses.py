# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Pauses that overlap, and the table of verbs by status."""

import pytest

from hotswap_ros.rollout import CommandRefusedError, PauseReason, Status, Verb, verb_table
from hotswap_ros.rollout.verbs import check_allowed

UNREACHABLE, BY_HAND = PauseReason.UNREACHABLE, PauseReason.BY_HAND
APPROVAL, INCONCLUSIVE = PauseReason.APPROVAL, PauseReason.INCONCLUSIVE
#: One stage that lasts a minute, and its approval.
BY_TIME = 'stages: [{percentage: 50, duration: 60}, {percentage: 100, duration: 0}]'
HEAD = 'modelId: pick_policy\nversion: v24\n'
CANARY = f'{HEAD}strategy: Canary\n{BY_TIME}'
APPROVED = (
    f'{HEAD}strategy: ProgressiveRollout\nautoProgress: false\n{BY_TIME}\n'
    'approval: {timeout: 60, onTimeout: rollback}'
)


def reasons(fleet, rollout):
    return {pause.reason for pause in fleet.state(rollout).pauses}


def run_to(fleet, rollout, kind):
    """Run into a step of a kind; return a robot of its cohort."""

    def is_there():
        state = fleet.state(rollout)
        return state.step.kind == kind and state.step_has_begun

    fleet.run_until(is_there)
    fleet.run(2)
    return fleet.robots[fleet.state(rollout).step.robots[0]]


def lose(fleet, robot):
    """Let a robot be unreachable for long enough to pause the rollout."""
    robot.online = False
    fleet.run(7)


def recover(fleet, robot):
    robot.online = True
    fleet.run(2)


# -- a person and the rollout itself --------------------------------------------------------------


def test_a_person_can_hold_a_rollout_that_paused_by_itself(fleet):
    rollout = fleet.start(CANARY)
    robot = run_to(fleet, rollout, 'observe')
    lose(fleet, robot)
    assert reasons(fleet, rollout) == {UNREACHABLE}
    fleet.command(rollout, Verb.PAUSE, 'wait for me')
    state = fleet.state(rollout)
    assert reasons(fleet, rollout) == {UNREACHABLE, BY_HAND}
    assert state.pause_reason is BY_HAND
    assert 'wait for me' in state.reason
    recover(fleet, robot)
    fleet.run(30)
    state = fleet.state(rollout)
    assert (state.status, reasons(fleet, rollout)) == (Status.PAUSED, {BY_HAND})
    assert 'resumed' not in fleet.kinds(), 'it does not go on'
    fleet.command(rollout, Verb.RESUME)
    assert fleet.kinds().count('resumed') == 0
    fleet.step()
    assert fleet.kinds().count('resumed') == 1
    assert fleet.state(rollout).status is Status.RUNNING
    assert fleet.finish(rollout).status is Status.SUCCEEDED


def test_a_rollout_that_a_person_resumes_waits_for_its_robots(fleet, refusal):
    rollout = fleet.start(CANARY)
    robot = run_to(fleet, rollout, 'observe')
    fleet.command(rollout, Verb.PAUSE)
    lose(fleet, robot)
    assert fleet.state(rollout).pause_reason is BY_HAND, 'a person comes first'
    fleet.command(rollout, Verb.RESUME)
    assert (fleet.state(rollout).status, reasons(fleet, rollout)) == (Status.PAUSED, {UNREACHABLE})
    assert robot.robot_id in fleet.state(rollout).reason
    with pytest.raises(CommandRefusedError, match=refusal(Verb.RESUME, Status.PAUSED)):
        fleet.command(rollout, Verb.RESUME)
    recover(fleet, robot)
    assert (fleet.state(rollout).status, reasons(fleet, rollout)) == (Status.RUNNING, set())


def test_a_rollout_is_paused_by_hand_once(fleet, refusal):
    rollout = fleet.start(CANARY)
    lose(fleet, run_to(fleet, rollout, 'observe'))
    fleet.command(rollout, Verb.PAUSE)
    with pytest.raises(CommandRefusedError, match=refusal(Verb.PAUSE, Status.PAUSED)):
        fleet.command(rollout, Verb.PAUSE)
    assert len(fleet.state(rollout).pauses) == 2


@pytest.mark.parametrize('first', ['by hand', 'by itself'])
def test_time_in_two_pauses_counts_once(fleet, first):
    rollout = fleet.start(CANARY)
    robot = run_to(fleet, rollout, 'observe')
    step = fleet.state(rollout).step_index
    began = fleet.state(rollout).step_records[step].started
    fleet.run(5)
    if first == 'by hand':
        fleet.command(rollout, Verb.PAUSE)
        held_from = fleet.now
        fleet.run(10)
    robot.online = False
    fleet.run_until(lambda: fleet.state(rollout).is_paused_for(UNREACHABLE))
    if first == 'by itself':
        held_from = fleet.now
        fleet.run(10)
        fleet.command(rollout, Verb.PAUSE)
        fleet.run(10)
    fleet.boot_coordinator()
    fleet.run(10)
    robot.online = True
    fleet.run_until(lambda: reasons(fleet, rollout) == {BY_HAND})
    fleet.run(10)
    fleet.command(rollout, Verb.RESUME)
    held_s = fleet.now - held_from
    assert held_s > 30
    fleet.run_until(lambda: fleet.state(rollout).step_index > step)
    record = fleet.state(rollout).step_records[step]
    assert record.started - began == held_s, 'all of the time in pauses, and once'
    assert record.ended - record.started == pytest.approx(60, abs=1)


def test_a_clock_that_is_set_back_moves_pauses_once(fleet):
    rollout = fleet.start(CANARY)
    lose(fleet, run_to(fleet, rollout, 'observe'))
    fleet.command(rollout, Verb.PAUSE)
    fleet.step()
    before = fleet.state(rollout)
    fleet.kill_coordinator()
    fleet.set_clock(-100)
    fleet.boot_coordinator()
    after = fleet.state(rollout)
    by_s = before.saved_at - fleet.now
    assert 90 <= by_s <= 110
    assert [a.since - b.since for a, b in zip(after.pauses, before.pauses)] == [-by_s, -by_s]
    assert after.held_since == before.held_since - by_s
    assert after.step_records[-1].started == before.step_records[-1].started - by_s


def test_an_undecided_gate_that_a_person_skips_stays_held(fleet, plan):
    rollout = fleet.start(plan())
    run_to(fleet, rollout, 'observe')
    runner = fleet.coordinator._rollouts.get(rollout)
    runner.transitions.pause(INCONCLUSIVE, 'too little to decide', fleet.now)
    fleet.command(rollout, Verb.PAUSE)
    step = fleet.state(rollout).step_index
    fleet.command(rollout, Verb.SKIP_WAIT)
    fleet.run(10)
    state = fleet.state(rollout)
    assert (state.step_index, reasons(fleet, rollout)) == (step + 1, {BY_HAND})
    assert not state.step_has_begun, 'the next step waits'
    fleet.command(rollout, Verb.RESUME)
    fleet.run(2)
    assert len(fleet.state(rollout).step_records) > step + 1


# -- approval -------------------------------------------------------------------------------------


def test_a_step_that_is_approved_begins_once_its_robots_are_reachable(fleet):
    rollout = fleet.start(APPROVED)
    robot = run_to(fleet, rollout, 'approval')
    lose(fleet, robot)
    state = fleet.state(rollout)
    assert (reasons(fleet, rollout), state.pause_reason) == ({APPROVAL, UNREACHABLE}, APPROVAL)
    fleet.command(rollout, Verb.APPROVE)
    assert reasons(fleet, rollout) == {UNREACHABLE}
    fleet.run(5)
    assert not fleet.state(rollout).step_has_begun
    next_step = fleet.state(rollout).step_index
    recover(fleet, robot)
    assert len(fleet.state(rollout).step_records) > next_step


def test_unreachable_robots_do_not_stop_the_time_for_approval(fleet):
    rollout = fleet.start(APPROVED)
    robot = run_to(fleet, rollout, 'approval')
    lose(fleet, robot)
    fleet.run(55)
    assert fleet.state(rollout).rolling_back_since is not None


def test_a_person_who_holds_an_approval_stops_its_time(fleet):
    rollout = fleet.start(APPROVED)
    run_to(fleet, rollout, 'approval')
    fleet.command(rollout, Verb.PAUSE, 'lunch')
    fleet.run(100)
    assert reasons(fleet, rollout) == {APPROVAL, BY_HAND}
    fleet.command(rollout, Verb.RESUME)
    fleet.run(50)
    assert reasons(fleet, rollout) == {APPROVAL}
    fleet.run(10)
    assert fleet.state(rollout).rolling_back_since is not None


def test_time_without_a_coordinator_counts_as_time_for_approval(fleet):
    rollout = fleet.start(APPROVED)
    run_to(fleet, rollout, 'approval')
    fleet.kill_coordinator()
    fleet.skip(55)
    fleet.boot_coordinator()
    fleet.run(10)
    assert fleet.state(rollout).rolling_back_since is not None


def test_a_held_rollout_that_is_approved_goes_on_when_it_is_resumed(fleet):
    rollout = fleet.start(APPROVED)
    run_to(fleet, rollout, 'approval')
    fleet.command(rollout, Verb.PAUSE)
    fleet.command(rollout, Verb.APPROVE)
    fleet.run(5)
    assert (reasons(fleet, rollout), fleet.state(rollout).step_has_begun) == ({BY_HAND}, False)
    fleet.command(rollout, Verb.RESUME)
    assert fleet.finish(rollout).status is Status.SUCCEEDED


# -- the table ------------------------------------------------------------------------------------


def test_the_table_has_each_verb_and_status():
    (_, *statuses), *rows = verb_table()
    assert statuses == [status.value for status in Status]
    assert [row[0] for row in rows] == [verb.value for verb in Verb]
    assert {len(row) for row in rows} == {10}
    for verb, *cells in rows:
        ended = dict(zip(Status, cells)).items()
        assert {cell for status, cell in ended if status.is_terminal} == {'no'}, verb


@pytest.mark.parametrize('row', verb_table()[1:], ids=lambda row: row[0])
def test_a_verb_is_refused_where_the_table_says_no(fleet, row):
    """The rollout has a watched step, and waits for nothing."""
    rollout = fleet.start(CANARY)
    run_to(fleet, rollout, 'observe')
    for status, cell in zip(Status, row[1:]):
        state = fleet.state(rollout).model_copy(update={'status': status})
        depends_on_a_pause = 'waits' in cell or 'undecided' in cell
        if cell == 'no' or depends_on_a_pause:
            with pytest.raises(CommandRefusedError):
                check_allowed(Verb(row[0]), state)
        else:
            check_allowed(Verb(row[0]), state)
