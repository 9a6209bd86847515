# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Whole rollouts in virtual time, through the Coordinator."""

import pytest

from hotswap_ros.models import FailureCause, TaskCounts
from hotswap_ros.plan import load_plan
from hotswap_ros.rollout import (
    Cause,
    CommandRefusedError,
    NoRobotsError,
    OverlapError,
    PauseReason,
    Status,
    UnknownRolloutError,
    Verb,
)


def test_a_good_version_is_promoted_everywhere(fleet, plan):
    rollout = fleet.start(plan())
    state = fleet.finish(rollout)
    assert (state.status, state.cause) == (Status.SUCCEEDED, Cause.NONE)
    assert fleet.stables() == {'v24'}
    assert fleet.candidates() == set()
    report = fleet.coordinator.report(rollout)
    assert [check['verdict'] for check in report['checks']] == ['pass'] * 4
    assert report['candidate_tasks'] >= 510
    assert report['events'][0]['kind'] == 'started'
    assert report['events'][-1]['kind'] == 'succeeded'


def test_both_versions_stay_resident_after_a_rollout(fleet, plan):
    fleet.finish(fleet.start(plan()))
    for robot in fleet.robots.values():
        assert {v for v, r in robot.versions.items() if r.state.is_resident} == {'v23', 'v24'}


def test_a_bad_version_is_rolled_back_and_never_leaves_its_cohort(fleet, plan):
    rollout = fleet.start(plan('v25'))
    state = fleet.finish(rollout)
    assert (state.status, state.cause) == (Status.ROLLED_BACK, Cause.GATE_FAILED)
    assert fleet.stables() == {'v23'}
    assert fleet.candidates() == set()
    touched = {robot.robot_id for robot in fleet.robots.values() if 'v25' in robot.served}
    assert touched <= set(state.steps[0].robots)
    assert len(touched) <= 2
    report = fleet.coordinator.report(rollout)
    assert 'success' in [c['name'] for c in report['checks'] if c['verdict'] == 'fail']
    assert (report['rollback']['confirmed'], report['rollback']['unconfirmed']) == (2, [])
    assert 'v25' in state.reason


def test_the_canary_shares_its_tasks_with_the_control_on_the_same_robots(fleet, plan):
    rollout = fleet.start(plan())
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    canaries = [r for r in fleet.robots.values() if r.routing.candidate]
    assert len(canaries) == 2
    assert {r.routing.candidate_share for r in canaries} == {0.5}
    assert {r.routing.salt for r in canaries} == {rollout}
    assert all(r.routing.lease_s == 10.0 for r in canaries)
    fleet.step()
    assert fleet.lease_rollouts == (rollout,)


def test_a_rollout_of_robots_that_serve_it_already_is_refused(fleet, plan):
    fleet.step()
    with pytest.raises(NoRobotsError, match='v23'):
        fleet.coordinator.start(load_plan(plan('v23')), fleet.now)


def test_without_robots_a_rollout_is_refused(fleet, plan):
    with pytest.raises(NoRobotsError, match="'modelId'"):
        fleet.coordinator.start(load_plan(plan()), fleet.now)


def test_a_second_rollout_of_the_model_is_refused_and_changes_nothing(fleet, plan):
    first = fleet.start(plan())
    fleet.run(5)
    with pytest.raises(OverlapError, match=first):
        fleet.coordinator.start(load_plan(plan('v25')), fleet.now)
    assert fleet.finish(first).status is Status.SUCCEEDED


@pytest.mark.parametrize('cause', [Cause.UNKNOWN_VERSION, Cause.DIGEST_MISMATCH])
def test_a_version_that_a_robot_cannot_load_fails_before_anything_serves_it(fleet, plan, cause):
    for robot in fleet.robots.values():
        robot.unloadable['v24'] = cause
    state = fleet.finish(fleet.start(plan()))
    assert (state.status, state.cause) == (Status.FAILED, cause)
    assert "version 'v24' cannot be loaded" in state.reason
    assert state.diagnosis.cause == "Robots cannot load it: version 'v24' cannot be loaded"
    assert all(robot.served == {'v23'} for robot in fleet.robots.values())


def test_a_version_that_a_robot_took_out_itself_is_rolled_back_everywhere(fleet, plan):
    rollout = fleet.start(plan())
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    robot = next(r for r in fleet.robots.values() if r.routing.candidate)
    generation = robot.routing.generation
    robot.fail_in_a_row('v24', FailureCause.NOT_FINITE)
    state = fleet.finish(rollout, at_most=5)
    assert (state.status, state.cause) == (Status.ROLLED_BACK, Cause.GATE_FAILED)
    assert robot.robot_id in state.reason
    assert 'not finite' in state.reason
    assert state.diagnosis.cause == 'Its decisions contain NaN or infinity'
    assert fleet.coordinator.report(rollout)['diagnosis']['breakers'] == {
        robot.robot_id: 'not_finite'
    }
    assert fleet.candidates() == set()
    assert robot.routing.generation <= generation + 1, 'nobody tried to bring it back'


def test_why_a_robot_gave_the_version_up_is_why_it_is_rolled_back(fleet, plan):
    rollout = fleet.start(plan())
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    robot = next(r for r in fleet.robots.values() if r.routing.candidate)
    robot.give_up('v24', 'it leaks')
    state = fleet.finish(rollout, at_most=5)
    assert (state.status, state.cause) == (Status.ROLLED_BACK, Cause.GATE_FAILED)
    assert robot.robot_id in state.reason
    assert 'it leaks' in state.reason
    assert state.diagnosis.cause == 'Robots disabled it: it leaks'


def test_a_robot_without_room_for_two_versions_is_named(fleet, plan):
    for robot in fleet.robots.values():
        robot.resident_limit = 1
    state = fleet.finish(fleet.start(plan()), at_most=5)
    assert (state.status, state.cause) == (Status.FAILED, Cause.STAGING_FAILED)
    assert all(robot_id in state.reason for robot_id in state.step.robots)
    assert state.where(lambda robot: robot.failed) == set(state.step.robots)
    assert "parameter 'resident_limit'" in state.reason


def test_different_files_under_one_version_are_detected(fleet, plan):
    rollout = fleet.start(plan())
    for robot in fleet.robots.values():
        robot.digests['v24'] = f'digest {robot.robot_id}'
    state = fleet.finish(rollout)
    assert (state.status, state.cause) == (Status.FAILED, Cause.DIGEST_MISMATCH)
    assert 'digest r' in state.reason


def test_cancel_puts_the_previous_version_back(fleet, plan):
    rollout = fleet.start(plan())
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    fleet.coordinator.command(rollout, Verb.ABORT, fleet.now, 'not today')
    state = fleet.finish(rollout, at_most=5)
    assert (state.status, state.cause) == (Status.ABORTED, Cause.CANCELED)
    assert 'not today' in state.reason
    assert fleet.candidates() == set()
    fleet.run(100)
    assert fleet.candidates() == set(), 'an aborted rollout never retries itself'
    with pytest.raises(UnknownRolloutError):
        fleet.coordinator.command(rollout, Verb.ABORT, fleet.now)


def test_pause_holds_the_step_and_resume_goes_on(fleet, plan, refusal):
    rollout = fleet.start(plan())
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    fleet.coordinator.command(rollout, Verb.PAUSE, fleet.now)
    step = fleet.state(rollout).step_index
    fleet.run(300)
    assert fleet.state(rollout).status is Status.PAUSED
    assert fleet.state(rollout).pause_reason is PauseReason.BY_HAND
    assert fleet.state(rollout).step_index == step
    with pytest.raises(CommandRefusedError, match=refusal(Verb.PAUSE, Status.PAUSED)):
        fleet.coordinator.command(rollout, Verb.PAUSE, fleet.now)
    fleet.coordinator.command(rollout, Verb.RESUME, fleet.now)
    assert fleet.finish(rollout).status is Status.SUCCEEDED


def test_harm_found_during_a_pause_rolls_back(fleet, plan):
    rollout = fleet.start(plan('v25'))
    fleet.run_until(lambda: fleet.candidates() == {'v25'})
    fleet.coordinator.command(rollout, Verb.PAUSE, fleet.now)
    assert fleet.finish(rollout).status is Status.ROLLED_BACK


def test_abort_during_a_pause_ends_the_rollout(fleet, plan):
    rollout = fleet.start(plan())
    fleet.run(5)
    fleet.coordinator.command(rollout, Verb.PAUSE, fleet.now)
    fleet.coordinator.command(rollout, Verb.ABORT, fleet.now)
    assert fleet.finish(rollout, at_most=5).status is Status.ABORTED


def test_no_traffic_is_inconclusive_and_never_a_success(fleet, plan):
    text = plan().replace('tasks: 60', 'duration: PT1M')
    rollout = fleet.start(text)
    fleet.run(120, tasks=0)
    state = fleet.state(rollout)
    assert (state.status, state.pause_reason) == (Status.PAUSED, PauseReason.INCONCLUSIVE)
    assert 'inconclusive' in fleet.kinds()
    fleet.coordinator.command(rollout, Verb.RESUME, fleet.now)
    assert fleet.finish(rollout).status is Status.SUCCEEDED


def test_too_few_tasks_in_time_are_inconclusive(fleet, plan):
    rollout = fleet.start(plan().replace('tasks: 60', 'tasks: 60, timeout: PT1M'))
    fleet.run(120, tasks=0)
    state = fleet.state(rollout)
    assert (state.status, state.pause_reason) == (Status.PAUSED, PauseReason.INCONCLUSIVE)
    assert '0 of 60' in state.reason


def test_an_operator_can_skip_a_wait(fleet, plan):
    rollout = fleet.start(plan().replace('tasks: 60', 'tasks: 60, duration: PT10H'))
    fleet.run(200)
    step = fleet.state(rollout).step_index
    fleet.coordinator.command(rollout, Verb.SKIP_WAIT, fleet.now, 'seen enough')
    assert fleet.state(rollout).step_index == step + 1


def test_a_wait_that_has_not_begun_cannot_be_skipped(fleet, plan, refusal):
    rollout = fleet.start(plan())
    fleet.run_until(lambda: fleet.state(rollout).step_index == 2)
    assert len(fleet.state(rollout).step_records) == 2, 'between two steps'
    with pytest.raises(CommandRefusedError, match=refusal(Verb.SKIP_WAIT, Status.RUNNING)):
        fleet.coordinator.command(rollout, Verb.SKIP_WAIT, fleet.now)


def test_an_unreachable_canary_pauses_and_its_return_resumes(fleet, plan):
    rollout = fleet.start(plan())
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    lost = next(r for r in fleet.robots.values() if r.routing.candidate)
    lost.online = False
    fleet.run(10)
    state = fleet.state(rollout)
    assert (state.status, state.pause_reason) == (Status.PAUSED, PauseReason.UNREACHABLE)
    assert lost.robot_id in state.reason
    lost.online = True
    assert fleet.finish(rollout).status is Status.SUCCEEDED


def test_an_unreachable_robot_has_a_pending_rollback(fleet, plan):
    rollout = fleet.start(plan())
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    lost = next(r for r in fleet.robots.values() if r.routing.candidate)
    lost.online = False
    fleet.run(6)
    fleet.coordinator.command(rollout, Verb.ABORT, fleet.now)
    assert fleet.finish(rollout).status is Status.ABORTED
    assert 'rollback_pending' in fleet.kinds()
    assert lost.routing.candidate == 'v24'
    fleet.boot_coordinator()
    lost.online = True
    fleet.run(5)
    assert lost.routing.candidate == ''


def test_a_robot_that_does_not_obey_has_a_pending_rollback_and_loses_its_lease(fleet, plan):
    rollout = fleet.start(plan(confirmTimeout='PT30S'))
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    fleet.step()
    assert fleet.lease_rollouts == (rollout,)
    deaf = next(r for r in fleet.robots.values() if r.routing.candidate)
    deaf.deaf = True
    fleet.coordinator.command(rollout, Verb.ABORT, fleet.now)
    fleet.run(3)
    assert fleet.state(rollout).status is Status.ROLLING_BACK
    assert fleet.lease_rollouts == ()
    assert fleet.finish(rollout, at_most=40).status is Status.ABORTED
    assert 'rollback_pending' in fleet.kinds()
    deaf.deaf = False
    fleet.run(3)
    assert fleet.candidates() == set()


def test_an_old_report_does_not_confirm_a_rollback(fleet, plan):
    rollout = fleet.start(plan())
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    fleet.coordinator.command(rollout, Verb.ABORT, fleet.now)
    fleet.coordinator.tick(fleet.now)
    assert fleet.state(rollout).status is Status.ROLLING_BACK, 'reports are from before the trial'
    fleet.finish(rollout, at_most=5)
    assert fleet.candidates() == set()


def test_a_robot_that_does_not_obey_times_out(fleet, plan):
    rollout = fleet.start(plan(confirmTimeout='PT30S'))
    fleet.run_until(lambda: all(r.is_ready('v24') for r in _canaries(fleet, rollout)))
    for robot in fleet.robots.values():
        robot.deaf = True
    fleet.run(40)
    assert fleet.state(rollout).cause is Cause.TIMED_OUT
    state = fleet.state(rollout)
    assert state.where(lambda robot: robot.failed) == set(state.steps[0].robots)
    assert '30 s' in state.reason


def _canaries(fleet, rollout):
    robots = fleet.state(rollout).steps[0].robots
    return [fleet.robots[robot_id].report for robot_id in robots]


def test_a_robot_that_reboots_is_brought_to_what_it_should_serve(fleet, plan):
    fleet.finish(fleet.start(plan()))
    robot = fleet.robots['r03']
    robot.reboot(stable='v23')
    fleet.run(10)
    assert robot.routing.stable == 'v24'


def test_a_canary_that_reboots_goes_on_being_counted(fleet, plan):
    rollout = fleet.start(plan())
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    fleet.run(20)
    next(r for r in fleet.robots.values() if r.routing.candidate).reboot('v23')
    assert fleet.finish(rollout).status is Status.SUCCEEDED


def test_a_lost_lease_is_mended_with_a_higher_generation(fleet, plan):
    rollout = fleet.start(plan())
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    robot = next(r for r in fleet.robots.values() if r.routing.candidate)
    generation = robot.routing.generation
    robot.serve(robot.routing.without('v24'))
    fleet.run(3)
    assert robot.routing.candidate == 'v24'
    assert robot.routing.generation > generation
    assert fleet.finish(rollout).status is Status.SUCCEEDED


def test_the_next_version_takes_the_place_of_the_one_that_is_idle(fleet, plan):
    fleet.finish(fleet.start(plan('v24')))
    state = fleet.finish(fleet.start(plan('v25')))
    assert state.status is Status.ROLLED_BACK
    assert fleet.stables() == {'v24'}


def test_history_names_the_newest_first(fleet, plan):
    fleet.finish(fleet.start(plan('v24')))
    fleet.finish(fleet.start(plan('v25')))
    found = [(s.version, s.status) for s in fleet.coordinator.history()]
    assert found == [('v25', Status.ROLLED_BACK), ('v24', Status.SUCCEEDED)]
    assert len(fleet.coordinator.history(limit=1)) == 1


def test_a_plan_can_be_seen_before_it_is_run(fleet, plan):
    fleet.step()
    steps = fleet.coordinator.preview(load_plan(plan()), fleet.now).steps
    assert len(steps) == 10
    assert steps[0].title('v24') == '20%: load v24 on 2 robots'
    assert fleet.coordinator.snapshot(fleet.now) is None


@pytest.mark.parametrize('method', ['threshold', 'fixed', 'sequential'])
@pytest.mark.parametrize('control', ['within_robots', 'across_robots'])
def test_every_method_and_control_sees_a_bad_version(fleet, plan, method, control):
    criteria = {'method': method, 'control': control}
    state = fleet.finish(fleet.start(plan('v25', successCriteria=criteria)))
    assert (state.status, state.cause) == (Status.ROLLED_BACK, Cause.GATE_FAILED)
    assert fleet.stables() == {'v23'}


def test_a_method_that_looks_at_the_end_of_a_stage_looks_at_that_stage(fleet, plan):
    criteria = {'method': 'threshold', 'baselineSuccessRate': 0.92}
    rollout = fleet.start(plan('v25', successCriteria=criteria))
    state = fleet.finish(rollout)
    assert state.cause is Cause.GATE_FAILED
    (check,) = [c for c in fleet.coordinator.report(rollout)['checks'] if c['name'] == 'success']
    assert (check['verdict'], check['control']) == ('fail', 0.92)


def test_a_robot_that_stays_unreachable_has_failed_its_task(fleet, plan):
    def finished():
        return fleet.coordinator.snapshot(fleet.now, rollout).checks[0].n

    rollout = fleet.start(plan(maxUnreachable=2))
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    robot = next(r for r in fleet.robots.values() if r.routing.candidate)
    fleet.run(2)
    robot.counts['v24'] += TaskCounts(started=1)
    fleet.step(tasks=0)
    before = finished()
    robot.online = False
    fleet.run(60, tasks=0)
    assert finished() == before
    fleet.run(120, tasks=0)
    for other in fleet.robots.values():
        if other is not robot:
            other.do_tasks(1)
    others = sum(r.counts.get('v24', TaskCounts()).finished for r in fleet.robots.values())
    fleet.step(tasks=0)
    assert finished() == others + 1


def test_tasks_count_under_the_share_that_drew_them_though_the_status_comes_later(fleet):
    """The robots go from 50% to 90%; for seconds only their counters arrive."""
    plan = (
        'modelId: pick_policy\nversion: v24\nstrategy: Canary\n'
        'stages: [{percentage: 20, tasks: 40}, {percentage: 100, tasks: 9000}]'
    )
    rollout = fleet.start(plan)
    fleet.run_until(lambda: 0.5 in fleet.shares().values())
    canaries = [r for r in fleet.robots.values() if r.routing.candidate]
    fleet.run_until(lambda: all(robot.routing.candidate_share == 0.9 for robot in canaries))
    for robot in canaries:
        robot.status_is_lost = True
    fleet.run(4, tasks=50)
    for robot in canaries:
        robot.status_is_lost = False
    fleet.run(4, tasks=50)
    checks = fleet.coordinator.snapshot(fleet.now, rollout).checks
    (found,) = (check for check in checks if check.name == 'sample_ratio')
    assert found.n > 400
    assert found.p_value > 0.01
    assert found.estimate == pytest.approx(found.threshold, abs=0.03)
