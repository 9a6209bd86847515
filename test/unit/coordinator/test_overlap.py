# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rollouts of one model on different robots: each has its own, and no robot has two."""

import pytest

from hotswap_ros.plan import load_plan
from hotswap_ros.rollout import OverlapError, SeveralRolloutsError, Status, Verb

MODEL = 'pick_policy'
LONG = ((50, 60_000), (100, 300))


@pytest.fixture
def fleet(fleet):
    """Return a fleet of which r00 to r04 have the label left, and r05 to r09 right."""
    for number, robot in enumerate(fleet.robots.values()):
        robot.labels = ('left',) if number < 5 else ('right',)
    fleet.run(30)
    return fleet


def left(fleet):
    return {i for i, robot in fleet.robots.items() if 'left' in robot.labels}


def right(fleet):
    return fleet.robots.keys() - left(fleet)


def test_one_rolls_back_and_the_other_continues(fleet, plan):
    bad = fleet.start(plan('v25', labels='[left]'))
    good = fleet.start(plan('v24', labels='[right]'))
    fleet.run_until(lambda: fleet.candidates() == {'v24', 'v25'})
    assert set(fleet.lease_rollouts) == {bad, good}
    before = {i: fleet.robots[i].routing.generation for i in right(fleet)}
    fleet.command(bad, Verb.PAUSE)
    fleet.command(bad, Verb.ROLLBACK)
    fleet.run_until(lambda: fleet.state(bad).status.is_terminal, at_most=10)
    assert fleet.state(bad).status is Status.ROLLED_BACK
    assert {i: fleet.robots[i].routing.generation for i in right(fleet)} == before
    fleet.step()
    assert fleet.lease_rollouts == (good,)
    assert fleet.finish(good).status is Status.SUCCEEDED
    assert (fleet.serving('v23'), fleet.serving('v24')) == (left(fleet), right(fleet))
    assert fleet.coordinator.report(bad)['previous'].keys() == left(fleet)


def test_a_gate_of_one_says_nothing_of_the_other(fleet, plan):
    bad = fleet.start(plan('v25', labels='[left]'))
    good = fleet.start(plan('v24', labels='[right]'))
    assert fleet.finish(bad).status is Status.ROLLED_BACK
    fleet.kill_coordinator()
    fleet.boot_coordinator()
    state = fleet.finish(good)
    assert (state.status, state.previous.keys()) == (Status.SUCCEEDED, right(fleet))
    assert fleet.serving('v23') == left(fleet)


def test_one_robot_in_common_is_refused_by_name(fleet, plan):
    fleet.robots['r07'].labels = ('left', 'right')
    first = fleet.start(plan('v24', LONG, labels='[left]'))
    fleet.step()
    for labels in ('[right]', '[]'):
        with pytest.raises(OverlapError) as error:
            fleet.coordinator.start(load_plan(plan('v25', labels=labels)), fleet.now)
        text = str(error.value)
        assert text.startswith(f"rollout {first} of model '{MODEL}' is under way on r0")
        assert text.endswith(': wait for its end, abort it, or let the plan name other robots')
    assert 'under way on r00, r01, r02, r03, r04 and 1 more:' in text
    fleet.step()
    assert fleet.coordinator.shown_ids == (first,)


def test_regions_that_a_plan_does_not_name_are_free_for_another(make_fleet):
    fleet = make_fleet(regions=('north', 'south'))
    head = f'modelId: {MODEL}\nversion: v24\nstrategy: RegionalRollout\ndelayBetweenRegions: 20\n'
    north = fleet.start(head + 'regions: [north]')
    south = fleet.start(head + 'regions: [south]')
    with pytest.raises(OverlapError, match='r00, r02'):
        fleet.coordinator.start(load_plan(head + 'regions: [south, north]'), fleet.now)
    assert fleet.finish(north).status is fleet.finish(south).status is Status.SUCCEEDED
    assert fleet.stables() == {'v24'}


def test_a_new_robot_joins_the_first_that_means_it_and_no_other(fleet, plan):
    first = fleet.start(plan('v24', LONG, labels='[left]'))
    second = fleet.start(plan('v25', LONG, labels='[right]'))
    fleet.run(3)
    fleet.add_robot('r90', labels=('left', 'right'))
    fleet.add_robot('r91', labels=('right',))
    fleet.run(5)
    assert fleet.state(first).previous.keys() == left(fleet)
    assert fleet.state(second).previous.keys() == {*right(fleet), 'r91'}
    fleet.kill_coordinator()
    fleet.boot_coordinator()
    fleet.command(first, Verb.ABORT)
    fleet.run(10)
    assert fleet.state(first).status is Status.ABORTED
    fleet.robots['r90'].reboot('v23')
    fleet.run(10)
    assert 'r90' not in fleet.state(second).previous, 'not afterwards, either'
    assert fleet.robots['r90'].routing.versions == ('v23',)


def test_what_another_rollout_brought_somewhere_does_not_join_the_first(fleet, plan):
    """It served the version of the first before, and takes no part in it."""
    robot = fleet.robots['r07']
    robot.labels = ('left', 'right')
    robot.reboot('v24')
    first = fleet.start(plan('v24', LONG, labels='[left]'))
    direct = f'modelId: {MODEL}\nversion: v25\nstrategy: Direct\nlabels: [right]'
    assert fleet.finish(fleet.start(direct)).status is Status.SUCCEEDED
    fleet.run(20)
    assert robot.routing.versions == ('v25',)
    assert 'r07' not in fleet.state(first).previous


def test_a_rollback_ends_those_that_have_its_robots_and_no_other(fleet, plan):
    first = fleet.start(plan('v24', LONG, labels='[left]'))
    second = fleet.start(plan('v25', LONG, labels='[right]'))
    fleet.run_until(lambda: fleet.candidates() == {'v24', 'v25'})
    rollback = fleet.coordinator.roll_back(MODEL, 'v23', ('r01',), fleet.now)
    fleet.run(5)
    assert rollback.is_done
    assert (fleet.state(first).status, rollback.state.rolls_back) == (Status.SUPERSEDED, first)
    assert rollback.state.rollback_id in fleet.state(first).reason
    assert rollback.state.targets.keys() == left(fleet), 'all of its robots are rolled back'
    assert fleet.state(second).status is Status.RUNNING
    assert fleet.candidates() == {'v25'}


def test_what_somebody_rolled_back_does_not_join_a_rollout_that_ran_then(fleet, plan):
    """It served the version before: it takes no part, and is rolled back because it does badly."""
    fleet.robots['r07'].reboot('v24')
    rollout = fleet.start(plan('v24', LONG))
    fleet.run(3)
    fleet.coordinator.roll_back(MODEL, 'v23', ('r07',), fleet.now)
    fleet.run(20)
    assert fleet.state(rollout).status is Status.RUNNING
    assert 'r07' not in fleet.state(rollout).previous
    assert fleet.robots['r07'].routing.stable == 'v23'


def test_which_is_meant_must_be_said_where_there_are_several(fleet, plan):
    first = fleet.start(plan('v24', LONG, labels='[left]'))
    second = fleet.start(plan('v25', LONG, labels='[right]'))
    with pytest.raises(SeveralRolloutsError) as error:
        fleet.command('', Verb.PAUSE)
    assert str(error.value) == (
        '2 rollouts are under way: name one of '
        f'{first} (v24 of {MODEL}), {second} (v25 of {MODEL})'
    )
    assert fleet.coordinator.shown_ids == (first, second)
    assert fleet.state('').rollout_id == second, 'the newest'
    fleet.command(second, Verb.ABORT)
    fleet.run(10)
    assert fleet.coordinator.shown_ids == (first,)
    assert fleet.state('').rollout_id == first, 'the newest under way'
    fleet.command('', Verb.ABORT)
    fleet.run(10)
    assert fleet.coordinator.shown_ids == (second,), 'the newest'
