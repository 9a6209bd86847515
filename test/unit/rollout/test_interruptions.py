# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Robots, counters and answers that are missing; newcomers; windows; gates that cannot decide."""

from datetime import datetime, timezone

import pytest

from hotswap_ros.models import TaskCounts, VersionCounters
from hotswap_ros.plan import ChooseWinner
from hotswap_ros.rollout import Cause, CommandRefusedError, PauseReason, Status, Verb
from hotswap_ros.rollout.evidence.trial_counts import TrialCounts
from hotswap_ros.rollout.evidence.winner import conclude_trial


def to_the_watch(fleet, rollout):
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    fleet.run(3)
    return [robot for robot in fleet.robots.values() if robot.routing.candidate]


def pause_of(fleet, rollout):
    state = fleet.state(rollout)
    return state.status, state.pause_reason


# -- missing data, unreachable robots, failed queries ---------------------------------------------


def test_counters_that_stop_coming_pause_and_their_return_resumes(fleet, plan):
    rollout = fleet.start(plan(missingAfter=20).replace('tasks: 60', 'tasks: 600'))
    lost, *_ = to_the_watch(fleet, rollout)
    lost.counts_are_lost = True
    fleet.run(15)
    assert fleet.state(rollout).status is Status.RUNNING
    fleet.run(10)
    assert pause_of(fleet, rollout) == (Status.PAUSED, PauseReason.MISSING_DATA)
    assert lost.robot_id in fleet.state(rollout).reason
    lost.counts_are_lost = False
    fleet.run(2)
    assert fleet.state(rollout).status is Status.RUNNING


def test_some_counters_may_be_missing_if_the_plan_says_so(fleet, plan):
    rollout = fleet.start(plan(missingAfter=20, maxMissing=1))
    lost, *_ = to_the_watch(fleet, rollout)
    lost.counts_are_lost = True
    fleet.run(60)
    assert PauseReason.MISSING_DATA.value not in fleet.kinds()


def test_a_gate_that_cannot_be_asked_pauses_and_is_asked_again(fleet, plan, monkeypatch):
    rollout = fleet.start(plan(maxFailedQueries=2).replace('tasks: 60', 'tasks: 600'))
    to_the_watch(fleet, rollout)
    gate = fleet.coordinator._rollouts.get(rollout).gate_feed._gate

    def fails(**_):
        raise OSError('the store of the gate does not answer')

    monkeypatch.setattr(gate, 'checks', fails)
    fleet.run(2)
    assert fleet.state(rollout).status is Status.RUNNING
    fleet.run(2)
    assert pause_of(fleet, rollout) == (Status.PAUSED, PauseReason.FAILED_QUERY)
    assert 'does not answer' in fleet.state(rollout).reason
    monkeypatch.undo()
    fleet.run(2)
    assert fleet.state(rollout).status is Status.RUNNING


def test_a_stage_may_allow_more_unreachable_robots(fleet, plan):
    text = plan().replace('tasks: 60', 'tasks: 600, maxUnreachable: 1')
    rollout = fleet.start(text)
    lost, other = to_the_watch(fleet, rollout)
    lost.online = False
    fleet.run(20)
    assert fleet.state(rollout).status is Status.RUNNING
    other.online = False
    fleet.run(10)
    assert pause_of(fleet, rollout) == (Status.PAUSED, PauseReason.UNREACHABLE)


# -- gates that cannot decide ---------------------------------------------------------------------


def short(plan, on_inconclusive):
    """Return a plan whose first stage is over before anything can be decided."""
    return plan(onInconclusive=on_inconclusive).replace('tasks: 60', 'duration: 4')


def test_an_inconclusive_gate_rolls_back_if_the_plan_says_so(fleet, plan):
    state = fleet.finish(fleet.start(short(plan, 'rollback')))
    assert (state.status, state.cause) == (Status.ROLLED_BACK, Cause.INCONCLUSIVE)


def test_an_inconclusive_gate_lets_go_on_if_the_plan_says_so(fleet, plan):
    rollout = fleet.start(short(plan, 'continue'))
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    assert 'inconclusive' in fleet.kinds()


def test_no_traffic_is_never_a_success_whatever_the_plan_says(fleet, plan):
    rollout = fleet.start(short(plan, 'continue'))
    fleet.run(60, tasks=0)
    assert pause_of(fleet, rollout) == (Status.PAUSED, PauseReason.INCONCLUSIVE)


def test_watching_on_asks_again_only_when_there_is_something_new(fleet, plan):
    rollout = fleet.start(plan().replace('tasks: 60', 'duration: 4'))
    fleet.run_until(lambda: fleet.state(rollout).status is Status.PAUSED)
    fleet.command(rollout, Verb.RESUME)
    fleet.run(100, tasks=0)
    assert fleet.state(rollout).status is Status.RUNNING, 'nothing new, so nothing to judge'
    assert fleet.kinds().count('inconclusive') == 1
    fleet.run_until(lambda: fleet.state(rollout).step_index > 2, at_most=60)


def test_watching_on_ends_when_nothing_comes(fleet, plan):
    rollout = fleet.start(plan().replace('tasks: 60', 'duration: 4, timeout: 60'))
    fleet.run_until(lambda: fleet.state(rollout).status is Status.PAUSED)
    fleet.run(200, tasks=0)
    fleet.command(rollout, Verb.RESUME)
    fleet.run(3, tasks=0)
    assert fleet.state(rollout).status is Status.RUNNING
    fleet.run(58, tasks=0)
    assert pause_of(fleet, rollout) == (Status.PAUSED, PauseReason.INCONCLUSIVE)
    fleet.command(rollout, Verb.SKIP_WAIT, 'known to be idle')
    fleet.run(2)
    assert fleet.state(rollout).step_index > 2


# -- newcomers ------------------------------------------------------------------------------------


def test_a_new_robot_joins_the_last_finished_stage(fleet, plan):
    rollout = fleet.start(plan(stages=((20, 60), (50, 1_500), (100, 300))))
    fleet.run_until(lambda: fleet.state(rollout).step_index >= 5)
    new = fleet.add_robot('r90')
    fleet.run(5)
    assert (new.routing.candidate, new.routing.candidate_share) == ('v24', 0.5)
    assert 'joined' in fleet.kinds()
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    assert fleet.state(rollout).steps[-1].title('v24') == 'promote v24 on 11 robots'
    assert new.routing.stable == 'v24'


def test_who_comes_before_the_first_stage_makes_it_no_larger(make_fleet, plan):
    fleet = make_fleet(robots=1)
    rollout = fleet.start(plan(stages=((20, 60), (100, 60))))
    new = fleet.add_robot('r90')
    fleet.run_until(lambda: fleet.state(rollout).step_index == 2)
    assert fleet.state(rollout).served == {'r00'}
    fleet.run_until(lambda: fleet.state(rollout).step_index > 2)
    fleet.run_until(lambda: new.routing.candidate == 'v24')
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    assert new.routing.stable == 'v24'


def test_a_new_robot_before_any_stage_has_finished_waits_for_the_last(fleet, plan):
    rollout = fleet.start(plan(stages=((20, 200), (100, 300))))
    fleet.run(5)
    new = fleet.add_robot('r90')
    fleet.run_until(lambda: fleet.state(rollout).step_index == 3)
    assert new.routing.candidate == ''
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    assert new.routing.stable == 'v24'


def test_a_new_robot_rolls_back_with_the_others(fleet, plan):
    rollout = fleet.start(plan(stages=((20, 60), (50, 1_500), (100, 300))))
    fleet.run_until(lambda: fleet.state(rollout).step_index >= 5)
    new = fleet.add_robot('r90')
    fleet.run(5)
    fleet.command(rollout, Verb.ABORT)
    fleet.finish(rollout)
    assert (new.routing.stable, new.routing.candidate) == ('v23', '')


def test_a_new_robot_joins_its_own_region(make_fleet):
    fleet = make_fleet(robots=8, regions=('north', 'south'))
    rollout = fleet.start(
        'modelId: pick_policy\nversion: v24\nstrategy: RegionalRollout\n'
        'regions: [south, north]\ndelayBetweenRegions: PT2M'
    )
    fleet.run_until(lambda: len(fleet.serving('v24')) == 4)
    north, south = fleet.add_robot('r90', 'north'), fleet.add_robot('r91', 'south')
    west = fleet.add_robot('r92', 'west')
    fleet.run(5)
    assert (north.routing.stable, south.routing.stable) == ('v23', 'v24')
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    assert (north.routing.stable, west.routing.stable) == ('v24', 'v23')


def test_a_new_robot_without_the_labels_of_the_plan_is_left_alone(make_fleet, plan):
    fleet = make_fleet(robots=6, labels=('gripper=cup',))
    rollout = fleet.start(plan(labels='[gripper=cup]', stages=((50, 60), (100, 300))))
    cup = fleet.add_robot('r90', labels=('floor=1', 'gripper=cup'))
    jaw = fleet.add_robot('r91', labels=('gripper=jaw',))
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    assert (cup.routing.stable, jaw.routing.stable) == ('v24', 'v23')


def test_nobody_joins_robots_that_were_named(fleet):
    rollout = fleet.start(
        'modelId: pick_policy\nversion: v24\nstrategy: Direct\ntargetDevices: [r01]'
    )
    fleet.add_robot('r90')
    fleet.finish(rollout)
    assert fleet.serving('v24') == {'r01'}


# -- deployment windows ---------------------------------------------------------------------------


def test_a_rollout_neither_starts_nor_advances_outside_its_window(make_fleet, plan):
    evening = datetime(2026, 11, 20, 21, 59, tzinfo=timezone.utc).timestamp()
    fleet = make_fleet(start=evening)
    window = "[{start: '22:00', end: '22:02'}]"
    stages = ((20, 500), (100, 300))
    rollout = fleet.start(plan(deploymentWindows=window, stages=stages))
    fleet.run(50)
    assert fleet.state(rollout).status is Status.PENDING
    with pytest.raises(CommandRefusedError):
        fleet.command(rollout, Verb.PAUSE)
    fleet.run(40)
    assert fleet.state(rollout).status is Status.RUNNING
    fleet.run(400)
    state = fleet.state(rollout)
    assert (state.status, state.step_has_begun) == (Status.RUNNING, False)
    assert '22:00 to 22:02 UTC' in state.reason
    assert fleet.kinds().count('window') == 1
    fleet.skip(24 * 3600 - 480)
    assert fleet.finish(rollout).status is Status.SUCCEEDED


def test_harm_outside_the_window_rolls_back(make_fleet, plan):
    evening = datetime(2026, 11, 20, 22, 0, tzinfo=timezone.utc).timestamp()
    fleet = make_fleet(start=evening)
    window = "[{start: '22:00', end: '22:00:30'}]"
    rollout = fleet.start(plan(deploymentWindows=window, stages=((20, 60_000), (100, 5))))
    fleet.run(40)
    for robot in fleet.robots.values():
        robot.success = {**robot.success, 'v24': 0.2}
    assert fleet.finish(rollout).status is Status.ROLLED_BACK


def test_a_rollout_that_waits_for_its_window_can_be_aborted(make_fleet, plan):
    fleet = make_fleet(start=datetime(2026, 11, 20, 12, tzinfo=timezone.utc).timestamp())
    rollout = fleet.start(plan(deploymentWindows="[{start: '22:00', end: '23:00'}]"))
    fleet.command(rollout, Verb.ABORT)
    assert fleet.finish(rollout, at_most=5).status is Status.ABORTED


# -- the winner of the document's own example -----------------------------------------------------


def test_9200_and_9210_of_10000_keep_a():
    trial_counts, shares = TrialCounts(), {}
    for arm, (version, successes) in enumerate((('v23', 9200), ('v24', 9210))):
        for number in range(50):
            robot_id = f'{version} {number}'
            shares[robot_id] = float(arm)
            won = successes // 50 + (number < successes % 50)
            counters = {version: VersionCounters(tasks=TaskCounts(200, 200, won))}
            trial_counts.observe(robot_id, 'boot', {}, 'v23', 'v24')
            trial_counts.observe(robot_id, 'boot', counters, 'v23', 'v24')
    step = ChooseWinner(robots=(), metric='success_rate', minimum_improvement=0.0)
    found = conclude_trial(step, trial_counts, 'v23', 'v24', shares)
    assert found.verdict == 'keep'
    assert found.evidence['p_value'] == pytest.approx(0.7938, abs=1e-4)
