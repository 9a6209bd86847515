# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rollouts of versions with other inputs or outputs than what the robots serve."""

import pytest

from hotswap_ros.models import Interface, TensorSpec
from hotswap_ros.plan import PlanError, VersionFacts, load_plan
from hotswap_ros.rollout import Cause, Status
from hotswap_ros.sim.virtual.server import Refusal

STRATEGIES = {
    'Direct': '',
    'Canary': 'stages: [{percentage: 100, tasks: 60}]',
    'Shadow': 'tasks: 60',
    'BlueGreen': '',
}


def facts(inputs, outputs):
    interface = Interface(
        *(
            tuple(TensorSpec(name=name, shape=shape) for name, shape in found.items())
            for found in (inputs, outputs)
        )
    )
    return VersionFacts(interface=interface)


V23 = facts({'observation': (1, 15)}, {'decision': (1, 3)})


def plan_of(strategy, version='v24'):
    head = f'modelId: pick_policy\nversion: {version}\nstrategy: {strategy}\n'
    return load_plan(head + STRATEGIES[strategy])


@pytest.mark.parametrize('strategy', STRATEGIES)
@pytest.mark.parametrize(
    ('inputs', 'outputs', 'differing'),
    [
        ({'observation': (1, 14)}, {'decision': (1, 3)}, 'observation'),
        ({'observation': (1, 15)}, {'decision': (1, 2)}, 'decision'),
        ({'observation': (1, 15)}, {'value': (1, 3)}, 'decision'),
    ],
)
def test_no_strategy_starts_with_another_interface(fleet, strategy, inputs, outputs, differing):
    fleet.run(3)
    versions = {'v23': V23, 'v24': facts(inputs, outputs)}
    for asked in (fleet.coordinator.preview, fleet.coordinator.start):
        with pytest.raises(PlanError) as caught:
            asked(plan_of(strategy), fleet.now, versions)
        (problem,) = caught.value.problems
        assert f"'{differing}'" in problem
    fleet.run(3)
    assert not fleet.kinds(), 'nothing was begun'
    assert {robot.routing.generation for robot in fleet.robots.values()} == {0}


def test_every_version_that_robots_serve_is_compared(fleet):
    fleet.add_robot('r10', stable='v22')
    fleet.run(3)
    versions = {
        'v22': facts({'observation': (1, 9)}, {'decision': (1, 3)}),
        'v23': V23,
        'v24': V23,
    }
    with pytest.raises(PlanError) as caught:
        fleet.coordinator.start(plan_of('Direct'), fleet.now, versions)
    (problem,) = caught.value.problems
    assert 'v22' in problem
    assert 'v23' not in problem


@pytest.mark.parametrize('known', [{}, {'v23': V23}, {'v23': VersionFacts(), 'v24': V23}])
def test_what_is_not_known_keeps_nothing_from_starting(fleet, known):
    fleet.run(3)
    rollout = fleet.coordinator.start(plan_of('Direct'), fleet.now, known)
    assert fleet.finish(rollout).status is Status.SUCCEEDED


@pytest.mark.parametrize('strategy', STRATEGIES)
def test_a_load_that_robots_refuse_stands_in_the_result_at_once(fleet, strategy):
    for robot in fleet.robots.values():
        robot.unloadable['v24'] = Cause.STAGING_FAILED
    rollout = fleet.start(plan_of(strategy))
    state = fleet.finish(rollout, at_most=10)
    assert (state.status, state.cause) == (Status.FAILED, Cause.STAGING_FAILED)
    assert "version 'v24' cannot be loaded" in state.reason


@pytest.mark.parametrize('strategy', ['Canary', 'Shadow', 'BlueGreen'])
def test_a_routing_that_robots_refuse_stands_in_the_result_at_once(fleet, strategy):
    for robot in fleet.robots.values():
        refuse_beside_stable(robot)
    state = fleet.finish(fleet.start(plan_of(strategy)), at_most=10)
    assert state.status in (Status.ROLLED_BACK, Status.FAILED)
    assert state.cause is Cause.STAGING_FAILED
    assert 'input differs' in state.reason
    assert fleet.stables() == {'v23'}


def refuse_beside_stable(robot):
    route = robot.route

    def refuse(routing):
        if len(routing.versions) > 1 or routing.stable == 'v24':
            return Refusal(Cause.STAGING_FAILED, 'input differs')
        return route(routing)

    robot.route = refuse
