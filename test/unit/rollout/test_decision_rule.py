# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Success metrics promote, guardrails roll back, signals pause and ask a person."""

import pytest

from hotswap_ros.gates import checks_by_role
from hotswap_ros.plan import PlanError, Role, SuccessCriteria, load_plan
from hotswap_ros.rollout import PauseReason, Status, Verb

STAGES = ((50, 150), (100, 300))
QUIET = 'maxStuckPerRobot: null, graveEvents: [], maxProgressDrop: 0.02'


def fleet_that_does_less(make_fleet, progress=0.0):
    """Return a fleet where v24 succeeds as often as v23, and does less of the tasks that fail."""
    fleet = make_fleet({'v23': 0.7, 'v24': 0.7})
    for robot in fleet.robots.values():
        robot.failure_progress = {'v23': 0.9, 'v24': progress}
    return fleet


def checks(fleet, rollout):
    return {check['name']: check for check in fleet.coordinator.report(rollout)['checks']}


def test_a_guardrail_rolls_back(make_fleet, plan):
    fleet = fleet_that_does_less(make_fleet)
    rollout = fleet.start(plan(stages=STAGES, successCriteria=f'{{{QUIET}}}'))
    assert fleet.finish(rollout).status is Status.ROLLED_BACK
    found = checks(fleet, rollout)['progress']
    assert (found['role'], found['verdict']) == ('guardrail', 'fail')


def test_a_signal_pauses_once_and_a_person_decides(make_fleet, plan):
    fleet = fleet_that_does_less(make_fleet)
    rollout = fleet.start(plan(stages=STAGES, successCriteria=f'{{{QUIET}, signals: [progress]}}'))
    fleet.run_until(lambda: fleet.state(rollout).status is not Status.RUNNING)
    state = fleet.state(rollout)
    assert (state.status, state.pause_reason) == (Status.PAUSED, PauseReason.INCONCLUSIVE)
    found = checks(fleet, rollout)['progress']
    assert (found['role'], found['verdict']) == ('signal', 'fail')
    fleet.command(rollout, Verb.RESUME)
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    assert fleet.coordinator.report(rollout)['checks']
    assert fleet.kinds().count('inconclusive') == 1


def proving(make_fleet, plan, metric):
    """Return the end of a rollout that proves a metric, and the candidate's tasks."""
    fleet = fleet_that_does_less(make_fleet, progress=0.9)
    criteria = (
        '{maxStuckPerRobot: null, graveEvents: [], maxProgressDrop: 0.05, maxSuccessDrop: 0.05, '
        f'successMetric: {metric}}}'
    )
    budget = '{tasks: 20000, duration: PT40M}'
    rollout = fleet.start(
        plan(stages=STAGES, promoteOn='proven', proofBudget=budget, successCriteria=criteria)
    )
    fleet.run_until(lambda: fleet.state(rollout).status is not Status.RUNNING)
    assert checks(fleet, rollout)[metric]['role'] == 'success'
    return fleet.state(rollout), fleet.coordinator.report(rollout)['candidate_tasks']


def test_progress_may_prove_what_is_promoted(make_fleet, plan):
    """Progress is equal and hardly varies; success varies much, and proves after more tasks."""
    state, tasks = proving(make_fleet, plan, 'progress')
    assert state.status is Status.SUCCEEDED
    assert tasks < 0.7 * proving(make_fleet, plan, 'success')[1]


def test_a_rule_has_each_check_in_one_role():
    criteria = SuccessCriteria(
        max_latency_ms=20, max_progress_drop=0.05, success_metric='progress', signals=['latency']
    )
    rule = checks_by_role(criteria)
    assert rule[Role.SUCCESS] == ('progress',)
    assert rule[Role.SIGNAL] == ('latency', 'sample_ratio')
    assert set(rule[Role.GUARDRAIL]) == {'success', 'stuck', 'grave_events'}


@pytest.mark.parametrize(
    'criteria',
    [
        '{signals: [progress]}',
        '{signals: [grave_events], graveEvents: []}',
        '{signals: [progress], maxProgressDrop: 0.1, successMetric: progress}',
        '{signals: [stuck]}',
        '{signals: [success]}',
    ],
)
def test_a_signal_has_to_be_a_check_that_may_be_one(plan, criteria):
    with pytest.raises(PlanError, match='signals'):
        load_plan(plan(successCriteria=criteria))
