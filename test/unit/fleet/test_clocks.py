# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Robots whose clocks are wrong: told of once, and swapped at the instant all the same."""

import random

import pytest

from hotswap_ros.fleet.clocks import Clocks
from hotswap_ros.rollout import Status

BLUE_GREEN = """
modelId: pick_policy
version: v24
strategy: BlueGreen
validationTasks: 100
watchDuration: PT1M
retention: 0
swapDelay: 4
"""


@pytest.fixture
def busy_fleet(make_fleet):
    """Return a fleet that has a history to compare with."""
    fleet = make_fleet(robots=5, start=1e9)
    fleet.run(60)
    return fleet


def swap(fleet):
    """Run until all serve v24; return when each of them came to, after the first."""
    came = {}
    for _ in range(600):
        fleet.step()
        for robot_id in fleet.serving('v24'):
            came.setdefault(robot_id, fleet.now)
        if len(came) == len(fleet.robots):
            break
    return {robot_id: moment - min(came.values()) for robot_id, moment in came.items()}


def told(fleet):
    return [event for event in fleet.events if event.kind == 'clock']


@pytest.mark.parametrize('skew_s', [-3600.0, -8.0, 8.0, 3600.0])
def test_a_robot_with_another_time_swaps_with_the_others(busy_fleet, skew_s):
    busy_fleet.robots['r02'].set_clock(skew_s)
    busy_fleet.run(30)
    rollout = busy_fleet.start(BLUE_GREEN)
    assert swap(busy_fleet) == {f'r{i:02}': 0.0 for i in range(5)}
    assert busy_fleet.finish(rollout).status is Status.SUCCEEDED
    (event,) = told(busy_fleet)
    assert event.alert
    assert event.robots == ('r02',)
    size = '60 min' if abs(skew_s) > 8 else '8 s'
    assert f'r02 {size} {"ahead" if skew_s > 0 else "behind"}' in event.text


def test_robots_that_do_not_tell_the_time_swap_at_the_instant(busy_fleet):
    for robot in busy_fleet.robots.values():
        robot.tells_time = False
    busy_fleet.kill_coordinator()
    busy_fleet.boot_coordinator()
    rollout = busy_fleet.start(BLUE_GREEN)
    assert set(swap(busy_fleet).values()) == {0.0}
    assert busy_fleet.finish(rollout).status is Status.SUCCEEDED
    assert not told(busy_fleet), 'not known is not wrong'


def test_a_clock_that_is_set_back_while_its_robot_waits_holds_it_up_for_seconds(busy_fleet):
    rollout = busy_fleet.start(BLUE_GREEN)
    busy_fleet.run_until(lambda: all(robot.pending for robot in busy_fleet.robots.values()))
    assert len({robot.pending.activate_at for robot in busy_fleet.robots.values()}) == 1
    busy_fleet.robots['r02'].set_clock(-3600.0)
    after = swap(busy_fleet)
    assert 0 < after.pop('r02') <= 4
    assert set(after.values()) == {0.0}
    assert busy_fleet.finish(rollout).status is Status.SUCCEEDED


def test_a_robot_that_was_unreachable_at_the_instant_does_not_wait_for_it_later(busy_fleet):
    rollout = busy_fleet.start(f'{BLUE_GREEN}\nmaxUnreachable: 1')
    busy_fleet.run_until(lambda: all(robot.pending for robot in busy_fleet.robots.values()))
    busy_fleet.robots['r02'].online = False
    busy_fleet.robots['r02'].reboot('v23')
    busy_fleet.run(30)
    busy_fleet.robots['r02'].set_clock(-3600.0)
    busy_fleet.robots['r02'].online = True
    assert max(swap(busy_fleet).values()) < 40
    assert busy_fleet.finish(rollout).status is Status.SUCCEEDED


def test_all_are_wrong_where_the_coordinator_is_and_right_again_when_it_is(busy_fleet):
    busy_fleet.kill_coordinator()
    busy_fleet.set_clock(3600)
    busy_fleet.boot_coordinator()
    busy_fleet.run(10)
    (event,) = told(busy_fleet)
    assert event.robots == tuple(busy_fleet.robots)
    assert "coordinator's clock first" in event.text
    busy_fleet.kill_coordinator()
    busy_fleet.set_clock(-3600)
    busy_fleet.boot_coordinator()
    busy_fleet.run(60)
    assert len(told(busy_fleet)) == 1
    busy_fleet.robots['r01'].set_clock(30.0)
    busy_fleet.run(30)
    busy_fleet.robots['r01'].set_clock(0.0)
    busy_fleet.run(60)
    assert [(e.level.value, e.robots) for e in told(busy_fleet)[2:]] == [('info', ('r01',))]


def test_a_robot_that_comes_back_has_no_right_time_before_that_is_known(busy_fleet):
    busy_fleet.robots['r02'].set_clock(30.0)
    busy_fleet.run(30)
    for _ in range(6):
        busy_fleet.robots['r02'].online = False
        busy_fleet.run(26)
        busy_fleet.robots['r02'].online = True
        busy_fleet.run(10)
    assert len(told(busy_fleet)) == 1
    busy_fleet.robots['r02'].set_clock(0.0)
    busy_fleet.run(60)
    assert [(e.level.value, e.robots) for e in told(busy_fleet)[1:]] == [('info', ('r02',))]


def test_messages_that_were_under_way_are_not_taken_for_a_clock_that_is_late():
    clocks, chance = Clocks(), random.Random(3)
    coming = [(sent + chance.expovariate(0.5), sent) for sent in range(300)]
    for arrives, sent in sorted(coming):
        clocks.hear('r00', sent + 0.2, arrives)
        skew_s = clocks.skew_s('r00')
        assert skew_s is None or (arrives < 10 or abs(skew_s - 0.2) < 1.0)
    assert clocks.is_right('r00')
    assert not clocks.is_right('r01'), 'never heard'
