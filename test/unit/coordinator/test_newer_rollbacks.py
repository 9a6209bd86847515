# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rollbacks that are ordered while others are under way: the newer one has its robots at once."""

import pytest

from hotswap_ros.coordinator import strategy_metrics
from hotswap_ros.plan import load_plan
from hotswap_ros.rollout import Cause, OverlapError, Status

MODEL = 'pick_policy'


@pytest.fixture
def promoted(fleet, plan):
    """Return a fleet on which v24 was rolled out, and the rollout."""
    rollout = fleet.start(plan())
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    return fleet, rollout


def order(fleet, version='', robots=()):
    return fleet.coordinator.roll_back(MODEL, version, robots, fleet.now)


def report(fleet, rollback):
    return fleet.coordinator.report(rollback.state.rollback_id)


def kinds(fleet, rollback):
    return [event['kind'] for event in report(fleet, rollback)['events']]


def restart(fleet):
    fleet.kill_coordinator()
    fleet.boot_coordinator()


@pytest.mark.parametrize('is_restarted', [False, True])
def test_a_newer_rollback_does_not_wait_for_a_slow_robot(promoted, is_restarted):
    fleet, _ = promoted
    fleet.robots['r04'].deaf = True
    older = order(fleet)
    fleet.run(5)
    newer = order(fleet, 'v22')
    fleet.step()
    if is_restarted:
        restart(fleet)
    fleet.run(4)
    (under_way,) = fleet.coordinator.rollbacks
    assert under_way.state.rollback_id == newer.state.rollback_id
    assert fleet.serving('v22') == fleet.robots.keys() - {'r04'}, 'at once'
    found = report(fleet, older)
    assert (found['status'], found['robots_total']) == ('superseded', 10)
    assert newer.state.rollback_id in found['reason']
    assert found['rollback']['taken_over'] == dict.fromkeys(
        sorted(fleet.robots), newer.state.rollback_id
    )
    assert (found['rollback']['unconfirmed'], found['robots_failed']) == ([], [])
    assert found['rollback']['verified'] is None
    assert kinds(fleet, older) == ['rollback', 'superseded']
    told = [event for event in fleet.events if event.kind == 'superseded']
    assert len(told) == 1 + is_restarted, 'at least once'
    assert {(e.alert, e.level.value, e.text) for e in told} == {(True, 'warning', found['reason'])}
    fleet.robots['r04'].deaf = False
    fleet.run(5)
    assert fleet.stables() == {'v22'}
    assert report(fleet, newer)['status'] == 'rolled_back'
    assert [s.status for s in fleet.coordinator.history(2)] == [
        Status.ROLLED_BACK,
        Status.SUPERSEDED,
    ]


def test_the_older_rollback_keeps_the_robots_that_the_newer_one_does_not_name(promoted):
    fleet, _ = promoted
    fleet.robots['r03'].deaf = fleet.robots['r04'].deaf = True
    older = order(fleet)
    fleet.run(5)
    newer = order(fleet, 'v22', ('r03', 'r05'))
    fleet.run(6)
    assert set(fleet.coordinator.rollbacks) == {older, newer}
    assert (older.robots_total, older.state.robots_confirmed) == (8, 7)
    assert older.state.unconfirmed == ('r04',)
    assert (newer.state.robots_confirmed, newer.state.unconfirmed) == (1, ('r03',))
    restart(fleet)
    fleet.robots['r04'].deaf = False
    fleet.run(10)
    found = report(fleet, older)
    assert (found['status'], found['robots_total']) == ('rolled_back', 10)
    assert 'v23 is back on 8 of 8 robots' in found['reason']
    assert found['reason'].endswith(f'rollback {newer.state.rollback_id} took over r03, r05')
    assert found['rollback']['unconfirmed'] == [], 'r03 belongs to the newer one'
    assert kinds(fleet, older) == ['rollback', 'taken_over', 'rolled_back']
    fleet.robots['r03'].deaf = False
    fleet.run(5)
    assert fleet.serving('v22') == {'r03', 'r05'}
    assert fleet.serving('v23') == fleet.robots.keys() - {'r03', 'r05'}


def test_orders_for_other_robots_run_beside_each_other(promoted):
    fleet, _ = promoted
    first, second = order(fleet, 'v22', ('r00', 'r01')), order(fleet, 'v23', ('r02', 'r03'))
    fleet.run(6)
    assert (first.is_done, second.is_done) == (True, True)
    assert (fleet.serving('v22'), fleet.serving('v23')) == ({'r00', 'r01'}, {'r02', 'r03'})
    assert {report(fleet, one)['status'] for one in (first, second)} == {'rolled_back'}


@pytest.mark.parametrize(('deaf', 'serves'), [(False, 'v23'), (True, 'v24')])
def test_a_robot_that_refuses_the_newer_rollback_stays_on_its_version(promoted, deaf, serves):
    fleet, _ = promoted
    fleet.robots['r04'].deaf = True
    fleet.robots['r05'].deaf = deaf
    order(fleet)
    fleet.run(5)
    fleet.robots['r05'].deaf = False
    fleet.robots['r05'].unloadable['v22'] = Cause.UNKNOWN_VERSION
    newer = order(fleet, 'v22')
    fleet.robots['r04'].deaf = False
    fleet.run(10)
    assert list(newer.state.refused) == ['r05']
    assert fleet.robots['r05'].routing.stable == serves
    assert len(fleet.serving('v22')) == 9


def test_a_refusal_of_the_older_rollback_stays_in_its_report(promoted):
    fleet, _ = promoted
    fleet.robots['r03'].unloadable['v22'] = Cause.UNKNOWN_VERSION
    fleet.robots['r04'].deaf = True
    older = order(fleet, 'v22')
    fleet.run(5)
    assert list(older.state.refused) == ['r03']
    order(fleet, 'v23', ('r03',))
    fleet.robots['r04'].deaf = False
    fleet.run(5)
    found = report(fleet, older)
    assert (found['status'], found['robots_failed']) == ('failed', ['r03'])
    assert (found['rollback']['confirmed'], len(fleet.serving('v22'))) == (9, 9)
    assert fleet.serving('v23') == {'r03'}


def test_forward_again_before_it_was_done_took_nothing_back(promoted):
    fleet, rollout = promoted
    fleet.robots['r04'].deaf = True
    older = order(fleet)
    assert older.state.rolls_back == rollout
    fleet.run(5)
    assert order(fleet, 'v24').state.rolls_back == ''
    fleet.robots['r04'].deaf = False
    fleet.run(5)
    assert fleet.stables() == {'v24'}
    canary, _ = strategy_metrics(fleet.coordinator.history())
    assert canary.rollback_rate == 0.0


def test_the_newer_rollback_reverses_the_rollout_of_the_older_one(promoted):
    fleet, rollout = promoted
    order(fleet, 'v23')
    assert order(fleet, 'v22').state.rolls_back == rollout
    fleet.run(5)
    canary, rollback = strategy_metrics(fleet.coordinator.history())
    assert (canary.rollback_rate, rollback.success_rate) == (1.0, 1.0)


def test_a_rollout_does_not_begin_on_robots_that_are_rolled_back(promoted, plan):
    fleet, _ = promoted
    fleet.robots['r04'].deaf = True
    rollback = order(fleet, '', ('r03', 'r04'))
    fleet.run(5)
    with pytest.raises(OverlapError, match=r'r03, r04') as error:
        fleet.coordinator.start(load_plan(plan('v25')), fleet.now)
    assert rollback.state.rollback_id in str(error.value)
    direct = f'modelId: {MODEL}\nversion: v23\nstrategy: Direct\n'
    rollout = fleet.coordinator.start(load_plan(direct + 'targetDevices: [r00, r01]'), fleet.now)
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    assert not rollback.is_done, 'beside it'
    assert fleet.serving('v23') == {'r00', 'r01', 'r03'}


def test_robots_that_roll_back_do_not_join_a_rollout(promoted, plan):
    fleet, _ = promoted
    fleet.robots['r04'].deaf = True
    order(fleet, 'v23', ('r03', 'r04'))
    long = plan('v24', stages=((50, 60_000), (100, 300)))
    fleet.add_robot('r90')
    fleet.add_robot('r91')
    rollout = fleet.start(long)
    fleet.run(5)
    fleet.robots['r04'].deaf = False
    fleet.run(5)
    assert fleet.coordinator.rollbacks == ()
    fleet.run(5)
    assert fleet.state(rollout).previous.keys() == {'r90', 'r91'}
    assert fleet.serving('v23') >= {'r03', 'r04'}
