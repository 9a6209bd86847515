# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A restored version is compared with its own tasks before, robot by robot."""

import random

import pytest

from hotswap_ros.coordinator.rollback.verification import Verification
from hotswap_ros.fleet import FleetView, RobotReport, Telemetry
from hotswap_ros.gates import MIN_TASKS
from hotswap_ros.models import Routing, TaskCounts, VersionCounters

MODEL = 'pick_policy'
DIRECT = f'modelId: {MODEL}\nversion: v24\nstrategy: Direct'


class Work:
    """
    Tasks of a robot, one after the other.

    `seconds` are how long one takes that fails and one that succeeds, `rates` how often each
    category succeeds and `mix` how often it comes.
    """

    def __init__(self, robot, seconds=(1, 1), rates=None, mix=None):
        self.robot = robot
        self.seconds = seconds
        self.rates = rates or {'': 0.92}
        self.mix = mix or {'': 1.0}
        self.is_off = False
        self._random = random.Random(f'work {robot.robot_id}')
        self._task = None
        robot.do_tasks = self._go_on

    def reboot(self):
        """Reboot the robot in the middle of a task."""
        self.robot.reboot()
        self._task = None

    def _go_on(self, number):
        for _ in range(number):
            if self._task is None and not self.is_off:
                self._begin()
            if self._task is not None:
                self._task[0] -= 1
                if self._task[0] <= 0:
                    self._end()

    def _begin(self):
        version = self.robot.begin_task()
        category = self._random.choices([*self.mix], self.mix.values())[0]
        won = self._random.random() < self.rates[category]
        self._task = [self.seconds[won], version, category, won]
        self.robot.count(version, TaskCounts(started=1), category)

    def _end(self):
        _, version, category, won = self._task
        self._task = None
        self.robot.count(version, TaskCounts(finished=1, succeeded=int(won)), category)


def at_work(fleet, **work):
    """Let all robots do tasks that take their time; return their work."""
    return [Work(robot, **work) for robot in fleet.robots.values()]


def promote(fleet, before_s=200, tasks=2):
    """Let v23 work for a while, then v24 for a moment."""
    fleet.run(before_s, tasks)
    fleet.finish(fleet.start(DIRECT))
    fleet.run(5, tasks)


def put_back(fleet):
    return fleet.coordinator.roll_back(MODEL, '', (), fleet.now).state.rollback_id


def verified(fleet, rollback_id):
    return fleet.coordinator.report(rollback_id)['rollback']['verified']


@pytest.mark.parametrize('seconds', [(2, 45), (45, 2)])
def test_tasks_that_fail_sooner_or_later_than_others_succeed_are_no_drop(make_fleet, seconds):
    fleet = make_fleet(robots=40)
    at_work(fleet, seconds=seconds, rates={'': 0.6})
    promote(fleet, before_s=300, tasks=1)
    rollback_id = put_back(fleet)
    fleet.run(60, tasks=1)
    assert verified(fleet, rollback_id)['verdict'] == 'watching', 'tasks are under way'
    fleet.run(60, tasks=1)
    assert verified(fleet, rollback_id)['verdict'] == 'as_before'


def test_neither_are_good_robots_that_are_off(make_fleet):
    fleet = make_fleet(robots=10)
    works = at_work(fleet)
    for work in works[5:]:
        work.rates = {'': 0.6}
    promote(fleet)
    rollback_id = put_back(fleet)
    for work in works[:5]:
        work.is_off = True
    fleet.run(70)
    assert verified(fleet, rollback_id)['verdict'] == 'as_before'


def test_nor_harder_tasks(make_fleet):
    fleet = make_fleet(robots=10)
    rates = {'cup': 0.97, 'bag': 0.5}
    works = at_work(fleet, rates=rates, mix={'cup': 0.8, 'bag': 0.2})
    promote(fleet)
    rollback_id = put_back(fleet)
    for work in works:
        work.mix = {'cup': 0.3, 'bag': 0.7}
    fleet.run(70)
    found = verified(fleet, rollback_id)
    rate = found['succeeded'] / found['finished']
    assert found['succeeded_before'] / found['finished_before'] > rate + 0.15
    assert abs(found['drop']) < 0.06
    assert f'{100 * found["drop"]:.1f} points' in found['sentence']


def test_but_what_is_worse_on_each_robot_is(make_fleet):
    fleet = make_fleet(robots=10)
    works = at_work(fleet, seconds=(5, 3))
    promote(fleet)
    rollback_id = put_back(fleet)
    for work in works:
        work.rates = {'': 0.8}
    fleet.run(80)
    found = verified(fleet, rollback_id)
    assert (found['verdict'], round(found['drop'], 1)) == ('worse', 0.1)
    assert found['p_value'] < 0.01


def test_a_robot_whose_task_does_not_end_is_left_out(make_fleet):
    fleet = make_fleet(robots=4)
    works = at_work(fleet)
    promote(fleet)
    rollback_id = put_back(fleet)
    fleet.run(5)
    works[0].seconds = (10_000, 10_000)
    fleet.run(585)
    assert verified(fleet, rollback_id)['verdict'] == 'watching'
    fleet.run(20)
    found = verified(fleet, rollback_id)
    assert found['verdict'] == 'as_before'
    assert '1 robot' in found['sentence']


def test_a_task_that_a_reboot_interrupts_is_not_waited_for(make_fleet):
    fleet = make_fleet(robots=4)
    works = at_work(fleet)
    promote(fleet)
    rollback_id = put_back(fleet)
    fleet.run(50)
    works[0].seconds = (10_000, 10_000)
    fleet.run(20)
    assert verified(fleet, rollback_id)['verdict'] == 'watching'
    works[0].reboot()
    works[0].seconds = (1, 1)
    fleet.run(5)
    found = verified(fleet, rollback_id)
    assert found['verdict'] == 'as_before'
    assert '1 robot' not in found['sentence']


def test_a_late_message_from_before_the_rollback_does_not_count():
    view = FleetView(0.0)

    def hear(tasks, won, boot='a'):
        counters = VersionCounters(tasks=TaskCounts(tasks, tasks, won))
        routing = Routing(MODEL, 'v23')
        view.on_report(RobotReport('r1', '/r1', MODEL, boot, routing), now)
        view.on_telemetry(MODEL, 'r1', Telemetry(boot, routing, {'v23': counters}))

    now = 0.0
    hear(100, 90)
    verification = Verification.begin('rollback', MODEL, {'r1': 'v23'}, view, now, 60.0)
    now = 70.0
    hear(95, 85)
    verification.tick(view, now)
    assert not verification.state.is_done
    now = 72.0
    hear(160, 145)
    verification.tick(view, now)
    assert verification.state.verdict == 'as_before'
    assert (verification.state.finished, verification.state.succeeded) == (60, 55)


def test_what_robots_had_done_is_learnt_from_those_that_are_heard_late(make_fleet):
    fleet = make_fleet(robots=4)
    at_work(fleet, seconds=(3, 3))
    promote(fleet)
    for robot in fleet.robots.values():
        robot.counts_are_lost = True
    fleet.kill_coordinator()
    fleet.boot_coordinator()
    fleet.run(2)
    rollback_id = put_back(fleet)
    fleet.run(4)
    for robot in fleet.robots.values():
        robot.counts_are_lost = False
    fleet.run(70)
    assert verified(fleet, rollback_id)['verdict'] == 'as_before'


def test_a_fleet_that_does_nothing_is_undecided(make_fleet):
    fleet = make_fleet(robots=4)
    works = at_work(fleet)
    promote(fleet)
    rollback_id = put_back(fleet)
    for work in works:
        work.is_off = True
    fleet.run(615)
    found = verified(fleet, rollback_id)
    assert found['verdict'] == 'undecided'
    assert found['finished'] < MIN_TASKS
