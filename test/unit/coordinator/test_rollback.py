# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rollbacks that somebody orders."""

import pytest

from hotswap_ros.plan import load_plan
from hotswap_ros.rollout import (
    Cause,
    NothingToRollBackError,
    OverlapError,
    Status,
    UnknownRobotError,
)

MODEL = 'pick_policy'


def _roll_back(fleet, version='', robots=()):
    return fleet.coordinator.roll_back(MODEL, version, robots, fleet.now)


def test_what_was_served_before_the_last_rollout_comes_back(fleet, plan):
    fleet.finish(fleet.start(plan()))
    rollback = _roll_back(fleet)
    fleet.run_until(lambda: rollback.is_done, at_most=5)
    assert fleet.stables() == {'v23'}
    assert (rollback.state.robots_confirmed, rollback.robots_total) == (10, 10)
    assert rollback.state.command_s <= rollback.state.confirm_s
    assert rollback.state.refused == {}


def test_nothing_is_loaded_for_it(fleet, plan):
    fleet.finish(fleet.start(plan()))
    for robot in fleet.robots.values():
        robot.unloadable['v23'] = Cause.UNKNOWN_VERSION
    rollback = _roll_back(fleet)
    fleet.run_until(lambda: rollback.is_done, at_most=5)
    assert rollback.state.refused == {}


@pytest.mark.parametrize('version', ['', 'v23'])
def test_a_second_rollback_without_a_version_never_leads_forward(fleet, plan, version):
    fleet.finish(fleet.start(plan()))
    for ordered in (version, '', ''):
        rollback = _roll_back(fleet, ordered)
        fleet.run_until(lambda r=rollback: r.is_done, at_most=5)
        fleet.step()
        assert fleet.stables() == {'v23'}
    rollback = _roll_back(fleet, 'v24')
    fleet.run_until(lambda: rollback.is_done, at_most=5)
    assert fleet.stables() == {'v24'}


def test_an_order_of_what_is_under_way_joins_it(fleet, plan):
    fleet.finish(fleet.start(plan()))
    first = _roll_back(fleet)
    assert _roll_back(fleet) is first
    assert _roll_back(fleet, 'v23') is first
    assert _roll_back(fleet, 'v22') is not first


def test_copies_of_an_order_are_one_rollback(fleet, plan):
    fleet.finish(fleet.start(plan()))
    order = ('pick_policy', '', ('r01', 'r02'))
    first = fleet.coordinator.roll_back(*order, fleet.now, 'a nonce')
    assert fleet.coordinator.roll_back(*order, fleet.now, 'a nonce') is first
    fleet.run_until(lambda: first.is_done, at_most=5)
    forward = _roll_back(fleet, 'v24')
    fleet.run_until(lambda: forward.is_done, at_most=5)
    fleet.step()
    fleet.boot_coordinator()
    fleet.step()
    late = fleet.coordinator.roll_back(*order, fleet.now, 'a nonce')
    assert late.state.rollback_id == first.state.rollback_id
    assert late.is_done
    fleet.run(5)
    assert fleet.stables() == {'v24'}
    assert len(fleet.coordinator.history()) == 3


def test_named_robots_only(fleet, plan):
    fleet.finish(fleet.start(plan()))
    rollback = _roll_back(fleet, robots=('r01', 'r02'))
    fleet.run_until(lambda: rollback.is_done, at_most=5)
    back = {r.robot_id for r in fleet.robots.values() if r.routing.stable == 'v23'}
    assert back == {'r01', 'r02'}


def test_it_ends_a_rollout_that_is_under_way(fleet, plan):
    rollout = fleet.start(plan())
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    rollback = _roll_back(fleet, 'v23')
    fleet.run_until(lambda: rollback.is_done, at_most=5)
    assert fleet.state(rollout).status is Status.SUPERSEDED
    fleet.run(50)
    assert fleet.candidates() == set()
    assert fleet.stables() == {'v23'}


def test_a_version_that_needs_room_makes_the_candidate_give_way(fleet, plan):
    fleet.finish(fleet.start(plan('v24')))
    fleet.start(plan('v25').replace('tasks: 60', 'tasks: 60000'))
    fleet.run_until(lambda: fleet.candidates() == {'v25'})
    rollback = _roll_back(fleet, 'v22')
    fleet.run_until(lambda: rollback.is_done, at_most=20)
    assert fleet.stables() == {'v22'}


def test_an_unknown_version_leaves_everything_as_it_was(fleet, plan):
    fleet.finish(fleet.start(plan()))
    for robot in fleet.robots.values():
        robot.unloadable['v99'] = Cause.UNKNOWN_VERSION
    rollback = _roll_back(fleet, 'v99')
    fleet.run_until(lambda: rollback.is_done, at_most=5)
    assert {cause for cause, _ in rollback.state.refused.values()} == {Cause.UNKNOWN_VERSION}
    assert (len(rollback.state.refused), rollback.state.robots_confirmed) == (10, 0)
    fleet.run(20)
    assert fleet.stables() == {'v24'}
    assert 'v23' in fleet.robots['r00'].versions


def test_a_robot_that_cannot_load_does_not_delay_the_others(fleet, plan):
    fleet.finish(fleet.start(plan()))
    fleet.robots['r03'].unloadable['v22'] = Cause.UNKNOWN_VERSION
    rollback = _roll_back(fleet, 'v22')
    fleet.run_until(lambda: rollback.is_done, at_most=20)
    assert list(rollback.state.refused) == ['r03']
    assert rollback.state.robots_confirmed == 9
    fleet.run(5)
    served = {robot.robot_id: robot.routing.stable for robot in fleet.robots.values()}
    assert served.pop('r03') == 'v24'
    assert set(served.values()) == {'v22'}


def test_a_robot_that_does_not_obey_delays_a_rollback_for_a_minute_at_most(fleet, plan):
    fleet.finish(fleet.start(plan()))
    fleet.robots['r04'].deaf = True
    rollback = _roll_back(fleet)
    fleet.run_until(lambda: rollback.is_done, at_most=70)
    assert (rollback.state.unconfirmed, rollback.state.robots_confirmed) == (('r04',), 9)
    _roll_back(fleet, 'v24')
    fleet.robots['r04'].deaf = False
    fleet.run(5)
    assert fleet.stables() == {'v24'}


def test_an_unreachable_robot_has_a_pending_rollback_of_an_order(fleet, plan):
    fleet.finish(fleet.start(plan()))
    fleet.robots['r04'].online = False
    fleet.run(10)
    rollback = _roll_back(fleet)
    fleet.run_until(lambda: rollback.is_done, at_most=5)
    assert rollback.state.unconfirmed == ('r04',)
    assert rollback.state.robots_confirmed == 9
    fleet.robots['r04'].online = True
    fleet.run(3)
    assert fleet.stables() == {'v23'}


def test_it_needs_a_previous_version(fleet):
    fleet.step()
    with pytest.raises(NothingToRollBackError, match="'pick_policy'"):
        _roll_back(fleet)
    with pytest.raises(UnknownRobotError, match='r99'):
        _roll_back(fleet, 'v23', ('r99',))


def test_a_rollout_at_the_same_time_is_refused(fleet, plan):
    fleet.finish(fleet.start(plan()))
    _roll_back(fleet)
    with pytest.raises(OverlapError):
        fleet.coordinator.start(load_plan(plan('v25')), fleet.now)
