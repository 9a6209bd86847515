# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The history: summaries, metrics of strategies, and verifications."""

import pytest

from hotswap_ros.coordinator import RolloutSummary, StrategyMetrics, strategy_metrics
from hotswap_ros.rollout import Cause, Status, Verb


def summary(status, strategy='Canary', *, took=100.0, robots=10, failed=0):
    ended = None if not status.is_terminal else 1_000.0 + took
    return RolloutSummary(
        'id', 'm', 'v24', strategy, 1_000.0, ended, status, '', robots, failed, 500
    )


def test_metrics_are_those_of_each_strategy():
    history = [
        *[summary(Status.SUCCEEDED, took=seconds) for seconds in (100.0, 200.0, 900.0)],
        summary(Status.ROLLED_BACK, failed=2),
        summary(Status.ABORTED),
        summary(Status.RUNNING),
        summary(Status.FAILED, 'Direct', robots=4, failed=1),
    ]
    canary, direct = strategy_metrics(history)
    assert (canary.strategy, canary.rollouts, canary.running, canary.succeeded) == (
        'Canary',
        6,
        1,
        3,
    )
    assert canary.success_rate == 3 / 4, 'what a person aborted is no failure of the strategy'
    assert (canary.low, canary.high) == pytest.approx((0.3006, 0.9544), abs=1e-4)
    assert canary.median_s == 200.0
    assert canary.rollback_rate == 1 / 5
    assert canary.device_failure_rate == 2 / 50
    assert (direct.success_rate, direct.median_s, direct.device_failure_rate) == (0.0, None, 0.25)


def test_what_a_checklist_blocked_is_counted_apart():
    blocked = summary(Status.FAILED, took=0.0, robots=0)
    (found,) = strategy_metrics([summary(Status.SUCCEEDED), blocked, blocked])
    assert (found.rollouts, found.running, found.blocked, found.succeeded) == (3, 0, 2, 1)
    assert (found.success_rate, found.rollback_rate, found.device_failure_rate) == (1.0, 0.0, 0.0)
    (found,) = strategy_metrics([blocked])
    assert (found.blocked, found.success_rate, found.rollback_rate) == (1, None, None)


def test_nothing_ended_is_no_rate():
    (found,) = strategy_metrics([summary(Status.RUNNING)])
    assert found == StrategyMetrics('Canary', 1, 1, 0, None, None, None, None, None, None)
    assert strategy_metrics([]) == []


def test_a_summary_counts_robots_and_the_tasks_of_all_gates(fleet):
    rollout = fleet.start(
        'modelId: pick_policy\nversion: v24\nphases:\n'
        '  - {strategy: Shadow, tasks: 300}\n'
        '  - {strategy: Canary, canaryPercentage: 10, canaryDuration: PT2M}\n'
        '  - strategy: ProgressiveRollout\n'
        '    stages: [{percentage: 50, duration: PT2M}, {percentage: 100, duration: PT0M}]\n'
    )
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    (found,) = fleet.coordinator.history()
    report = fleet.coordinator.report(rollout)
    assert (found.robots_total, found.robots_failed) == (10, 0)
    assert found.tasks == report['tasks'] > report['candidate_tasks'] > 0
    assert report['rollback'] is None


def test_robots_that_failed_are_counted(fleet):
    fleet.robots['r05'].unloadable['v24'] = Cause.UNKNOWN_VERSION
    rollout = fleet.start('modelId: pick_policy\nversion: v24\nstrategy: Direct')
    fleet.finish(rollout)
    (found,) = fleet.coordinator.history()
    assert (found.robots_total, found.robots_failed) == (10, 1)
    assert fleet.coordinator.report(rollout)['robots_failed'] == ['r05']


def test_the_report_says_what_a_rollback_affected(fleet, plan):
    rollout = fleet.start(plan())
    fleet.run_until(lambda: fleet.state(rollout).step.kind == 'observe')
    fleet.run(20)
    cohort = fleet.state(rollout).step.robots
    fleet.robots[cohort[0]].online = False
    fleet.command(rollout, Verb.ROLLBACK)
    fleet.finish(rollout)
    rollback = fleet.coordinator.report(rollout)['rollback']
    assert rollback['robots'] == sorted(cohort)
    assert rollback['unconfirmed'] == [cohort[0]]
    assert rollback['tasks'] > 0
    assert 0 < rollback['seconds'] < 10


def verdicts(fleet):
    return [event for event in fleet.events if event.kind == 'verified']


def verified(fleet, rollout):
    return fleet.coordinator.report(rollout)['rollback']['verified']


def start_and_abort(fleet, plan):
    rollout = fleet.start(plan())
    fleet.run_until(lambda: fleet.state(rollout).step.kind == 'observe')
    fleet.run(30)
    fleet.command(rollout, Verb.ROLLBACK)
    fleet.finish(rollout)
    return rollout


def test_success_is_verified_for_a_while_after_a_rollback(fleet, plan):
    rollout = start_and_abort(fleet, plan)
    fleet.run(50)
    assert verdicts(fleet) == []
    fleet.run(20)
    (verdict,) = verdicts(fleet)
    assert (verdict.level.value, verdict.alert) == ('info', True)
    assert fleet.coordinator.report(rollout)['events'][-1]['kind'] == 'verified'
    found = verified(fleet, rollout)
    assert (found['verdict'], found['sentence']) == ('as_before', verdict.text)


def test_a_version_that_is_worse_than_before_after_a_rollback_is_an_error(fleet, plan):
    rollout = start_and_abort(fleet, plan)
    for robot in fleet.robots.values():
        robot.success = {**robot.success, 'v23': 0.3}
    fleet.run(70)
    (verdict,) = verdicts(fleet)
    assert verdict.level.value == 'error'
    assert verified(fleet, rollout)['verdict'] == 'worse'


def test_no_tasks_after_a_rollback_verify_nothing(fleet, plan):
    rollout = start_and_abort(fleet, plan)
    fleet.run(500, tasks=0)
    assert verdicts(fleet) == []
    fleet.run(150, tasks=0)
    (verdict,) = verdicts(fleet)
    assert verdict.level.value == 'warning'
    assert verified(fleet, rollout)['verdict'] == 'undecided'


def test_a_rollback_long_after_on_named_robots_tells_what_it_did(make_fleet, plan):
    fleet = make_fleet(success={'v22': 0.9})
    rollout = fleet.start(plan())
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    fleet.run(600)
    fleet.robots['r04'].online = False
    fleet.run(8)
    rollback = fleet.coordinator.roll_back('pick_policy', 'v22', ('r02', 'r03', 'r04'), fleet.now)
    fleet.run_until(lambda: rollback.is_done)
    fleet.run(2)
    assert fleet.serving('v22') == {'r02', 'r03'}
    (told,) = [e for e in fleet.events if e.kind == 'rolled_back']
    found = fleet.coordinator.report(rollback.state.rollback_id)
    assert (found['version'], found['reason']) == ('v22', told.text)
    assert (found['rollback']['confirmed'], found['rollback']['unconfirmed']) == (2, ['r04'])
    for figure in (rollback.state.command_s, rollback.state.confirm_s):
        assert f'{figure:.2f} s' in told.text
    assert told.level.value == 'warning'
    fleet.robots['r04'].online = True
    fleet.run(10)
    assert fleet.serving('v22') == {'r02', 'r03', 'r04'}
