# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rollouts to robots that serve nothing yet."""

import pytest

from hotswap_ros.plan import PlanError, load_plan
from hotswap_ros.rollout import Cause, NothingToRollBackError, Status, Verb

DIRECT = 'modelId: pick_policy\nversion: v24\nstrategy: Direct'


@pytest.fixture
def bare(make_fleet):
    """Return a fleet of three robots that serve nothing."""
    fleet = make_fleet(robots=0)
    for name in ('r00', 'r01', 'r02'):
        fleet.add_robot(name, stable='')
    fleet.run(3)
    return fleet


def test_direct_brings_the_first_version(bare):
    state = bare.finish(bare.start(DIRECT))
    assert state.status is Status.SUCCEEDED
    assert bare.stables() == {'v24'}
    assert state.previous == {'r00': '', 'r01': '', 'r02': ''}
    bare.run(30)
    assert {bare.robots[name].report.resident() for name in bare.robots} == {('v24',)}


def test_robots_with_and_without_a_version_are_in_one_direct_rollout(fleet):
    fleet.add_robot('r10', stable='')
    assert fleet.finish(fleet.start(DIRECT)).status is Status.SUCCEEDED
    assert fleet.stables() == {'v24'}


@pytest.mark.parametrize('strategy', ['Canary', 'BlueGreen', 'Shadow'])
def test_what_compares_needs_a_previous_version(bare, strategy):
    text = {
        'Canary': 'stages: [{percentage: 100, tasks: 60}]',
        'Shadow': 'tasks: 60',
    }
    plan = f'modelId: pick_policy\nversion: v24\nstrategy: {strategy}\n{text.get(strategy, "")}'
    with pytest.raises(PlanError) as caught:
        bare.start(plan)
    (problem,) = caught.value.problems
    assert 'r00, r01' in problem
    assert "'strategy: Direct'" in problem
    assert bare.stables() == {''}


def test_what_compares_leaves_robots_without_a_version_out(fleet, plan):
    fleet.add_robot('r10', stable='')
    state = fleet.finish(fleet.start(plan()))
    assert state.status is Status.SUCCEEDED
    assert 'r10' not in state.robots
    assert fleet.robots['r10'].routing.stable == ''


def test_a_first_version_that_one_robot_cannot_load_is_served_nowhere(bare):
    bare.robots['r01'].unloadable['v24'] = Cause.STAGING_FAILED
    state = bare.finish(bare.start(DIRECT))
    assert (state.status, state.cause) == (Status.FAILED, Cause.STAGING_FAILED)
    assert bare.stables() == {''}
    assert bare.coordinator.report(state.rollout_id)['cause'] == 'staging_failed'


def test_a_first_version_that_a_person_rolls_back_leaves_nothing_served(bare):
    rollout = bare.start(f'{DIRECT}\nconfirmTimeout: PT30S')
    bare.run_until(lambda: bare.robots['r02'].report.is_ready('v24'))
    bare.robots['r02'].deaf = True
    bare.run_until(lambda: bare.stables() == {'', 'v24'})
    bare.robots['r02'].deaf = False
    bare.command(rollout, Verb.ROLLBACK, 'too early')
    state = bare.finish(rollout)
    assert state.status is Status.ROLLED_BACK
    bare.run_until(lambda: bare.stables() == {''})
    bare.run(100)
    assert bare.stables() == {''}
    assert 'verified' not in bare.kinds(), 'there is nothing to watch'


def test_an_ordered_rollback_of_a_first_version_needs_a_version(bare):
    assert bare.finish(bare.start(DIRECT)).status is Status.SUCCEEDED
    with pytest.raises(NothingToRollBackError):
        bare.coordinator.roll_back('pick_policy', '', (), bare.now)
    bare.coordinator.roll_back('pick_policy', 'v23', (), bare.now)
    bare.run_until(lambda: bare.stables() == {'v23'})


def test_a_coordinator_that_is_restarted_goes_on_with_a_first_version(bare):
    rollout = bare.start(DIRECT)
    bare.step()
    bare.kill_coordinator()
    bare.boot_coordinator()
    assert bare.finish(rollout).status is Status.SUCCEEDED
    assert bare.stables() == {'v24'}


def test_the_checklist_has_nothing_to_fall_back_to(bare):
    rollout = bare.start(load_plan(f'{DIRECT}\nchecklist: testing'))
    state = bare.state(rollout)
    assert state.cause is Cause.CHECKLIST_FAILED
    blocked = [item.name.value for item in state.checklist if item.blocks]
    assert blocked == ['fallback_present']
    override = '{preset: testing, overrides: {fallback_present: {by: Ann, remark: its first}}}'
    rollout = bare.start(load_plan(f'{DIRECT}\nchecklist: {override}'))
    assert bare.finish(rollout).status is Status.SUCCEEDED
