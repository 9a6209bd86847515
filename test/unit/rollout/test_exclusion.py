# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Robots that leave a rollout before its end: unreachable, failed, or excluded by a person."""

import itertools

import pytest

from hotswap_ros.fleet import LoadVersion
from hotswap_ros.plan import PlanError, load_plan
from hotswap_ros.rollout import Cause, CommandRefusedError, PauseReason, Status, Verb

LONG = ((20, 600), (100, 300))


def to_the_watch(fleet, rollout):
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    fleet.run(3)
    return [robot for robot in fleet.robots.values() if robot.routing.candidate]


def paused(fleet, rollout):
    fleet.run_until(
        lambda: fleet.state(rollout).is_paused_for(PauseReason.UNREACHABLE), at_most=30
    )


# -- a robot that never comes back ----------------------------------------------------------------


def test_a_person_excludes_a_robot_and_the_rollout_succeeds_without_it(fleet, plan):
    rollout = fleet.start(plan(stages=LONG))
    lost, *_ = to_the_watch(fleet, rollout)
    lost.online = False
    paused(fleet, rollout)
    fleet.command(rollout, Verb.EXCLUDE, 'in repair', robot_id=lost.robot_id)
    state = fleet.finish(rollout)
    assert state.status is Status.SUCCEEDED
    assert fleet.serving('v24') == set(fleet.robots) - {lost.robot_id}
    found = fleet.coordinator.report(rollout)['robots_excluded']
    assert 'in repair' in found[lost.robot_id]
    assert 'excluded' in fleet.kinds()


def test_an_excluded_robot_that_comes_back_joins_like_a_new_one(fleet, plan):
    rollout = fleet.start(plan(stages=((20, 600), (50, 3_000), (100, 300))))
    lost, *_ = to_the_watch(fleet, rollout)
    lost.online = False
    paused(fleet, rollout)
    fleet.command(rollout, Verb.EXCLUDE, robot_id=lost.robot_id)
    fleet.run_until(lambda: fleet.state(rollout).step_index >= 5)
    lost.reboot()
    lost.online = True
    fleet.run_until(lambda: lost.routing.candidate == 'v24', at_most=30)
    assert 'joined' in fleet.kinds()
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    assert fleet.serving('v24') == set(fleet.robots)
    assert not fleet.state(rollout).excluded_robots


def test_an_excluded_robot_stays_excluded_after_a_restart_and_is_rolled_back(fleet, plan):
    rollout = fleet.start(plan(stages=LONG))
    lost, *_ = to_the_watch(fleet, rollout)
    lost.online = False
    paused(fleet, rollout)
    fleet.command(rollout, Verb.EXCLUDE, robot_id=lost.robot_id)
    fleet.run(2)
    fleet.boot_coordinator()
    assert list(fleet.state(rollout).excluded_robots) == [lost.robot_id]
    fleet.run(10)
    fleet.command(rollout, Verb.ABORT)
    fleet.finish(rollout)
    assert lost.robot_id in fleet.state(rollout).unconfirmed
    lost.online = True
    fleet.run(20)
    assert (lost.routing.stable, lost.routing.candidate) == ('v23', '')


@pytest.mark.parametrize('robot_id', ['', 'r99'])
def test_only_a_robot_that_takes_part_can_be_excluded(fleet, plan, robot_id):
    rollout = fleet.start(plan(stages=LONG))
    to_the_watch(fleet, rollout)
    with pytest.raises(CommandRefusedError):
        fleet.command(rollout, Verb.EXCLUDE, robot_id=robot_id)
    assert not fleet.state(rollout).excluded_robots


def test_a_robot_is_excluded_once(fleet, plan):
    rollout = fleet.start(plan(stages=LONG))
    one, *_ = to_the_watch(fleet, rollout)
    fleet.command(rollout, Verb.EXCLUDE, robot_id=one.robot_id)
    with pytest.raises(CommandRefusedError, match='already'):
        fleet.command(rollout, Verb.EXCLUDE, robot_id=one.robot_id)
    fleet.run(20)
    assert one.routing.candidate == '', 'it is reachable, and a person wants it out'


def test_the_last_robot_of_a_stage_cannot_be_excluded(make_fleet, plan):
    fleet = make_fleet(robots=4)
    rollout = fleet.start(plan(stages=((25, 600), (100, 300))))
    only, *_ = to_the_watch(fleet, rollout)
    with pytest.raises(CommandRefusedError, match='no robot'):
        fleet.command(rollout, Verb.EXCLUDE, robot_id=only.robot_id)


def test_the_plan_excludes_robots_that_do_not_come_back(fleet, plan):
    rollout = fleet.start(plan(stages=LONG, unreachableTimeout=60, onUnreachable='exclude'))
    lost, *_ = to_the_watch(fleet, rollout)
    lost.online = False
    fleet.run(50)
    assert fleet.state(rollout).status is Status.PAUSED
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    assert fleet.serving('v23') == {lost.robot_id}


def test_the_plan_rolls_back_when_robots_do_not_come_back(fleet, plan):
    rollout = fleet.start(plan(stages=LONG, unreachableTimeout=60, onUnreachable='rollback'))
    lost, *_ = to_the_watch(fleet, rollout)
    lost.online = False
    state = fleet.finish(rollout, at_most=120)
    assert (state.status, state.cause) == (Status.FAILED, Cause.TIMED_OUT)


def test_the_plan_asks_once_and_waits(fleet, plan):
    rollout = fleet.start(plan(stages=LONG, unreachableTimeout=60))
    lost, *_ = to_the_watch(fleet, rollout)
    lost.online = False
    fleet.run(200)
    state = fleet.state(rollout)
    assert (state.status, state.pause_reason) == (Status.PAUSED, PauseReason.UNREACHABLE)
    assert state.pause.is_asked
    assert fleet.kinds().count('unreachable') == 2, 'the pause and the question'
    lost.online = True
    fleet.run(5)
    assert fleet.state(rollout).status is Status.RUNNING


def test_robots_that_take_turns_are_not_excluded(fleet, plan):
    rollout = fleet.start(plan(stages=LONG, unreachableTimeout=60, onUnreachable='exclude'))
    one, other = to_the_watch(fleet, rollout)
    for _ in range(5):
        one.online, other.online = False, True
        fleet.run(20)
        one.online, other.online = True, False
        fleet.run(20)
    assert not fleet.state(rollout).excluded_robots


# -- robots that fail -----------------------------------------------------------------------------

FIFTY = ((100, 300),)


@pytest.mark.parametrize('allowed', [1, 0.02])
def test_one_robot_of_fifty_that_cannot_load_is_left_behind(make_fleet, plan, allowed):
    fleet = make_fleet(robots=50)
    fleet.robots['r07'].unloadable['v24'] = Cause.STAGING_FAILED
    rollout = fleet.start(plan(stages=FIFTY, maxFailed=allowed))
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    assert fleet.serving('v23') == {'r07'}
    report = fleet.coordinator.report(rollout)
    assert report['robots_failed'] == ['r07']
    assert 'cannot be loaded' in report['robots_excluded']['r07']


@pytest.mark.parametrize(('allowed', 'bad'), [(0, 1), (1, 2), (0.02, 2)])
def test_more_failures_than_the_plan_allows_roll_back(make_fleet, plan, allowed, bad):
    fleet = make_fleet(robots=50)
    for robot_id in list(fleet.robots)[:bad]:
        fleet.robots[robot_id].unloadable['v24'] = Cause.STAGING_FAILED
    rollout = fleet.start(plan(stages=FIFTY, maxFailed=allowed))
    state = fleet.finish(rollout)
    assert (state.status, state.cause) == (Status.FAILED, Cause.STAGING_FAILED)
    assert fleet.stables() == {'v23'}
    assert all(name in state.reason for name in list(fleet.robots)[:bad])


def test_a_stage_may_allow_other_numbers_of_failures(fleet, plan):
    fleet.robots['r07'].unloadable['v24'] = Cause.STAGING_FAILED
    text = plan(stages=((100, 300),)).replace('tasks: 300', 'tasks: 300, maxFailed: 1')
    assert fleet.finish(fleet.start(text)).status is Status.SUCCEEDED
    assert fleet.serving('v23') == {'r07'}


def test_a_robot_that_cannot_fetch_is_asked_again_ever_more_rarely(fleet, plan):
    bad = fleet.robots['r07']
    bad.may_refuse = True
    bad.unloadable['v24'] = Cause.NONE
    rollout = fleet.start(plan(stages=((100, 300),), maxFailed=1, confirmTimeout=120))
    asked = []
    for second in range(100):
        fleet.step()
        asked += [second for c in fleet.commands if _loads(c, 'r07')]
    assert 4 <= len(asked) <= 9
    waits = [b - a for a, b in itertools.pairwise(asked)]
    assert waits == sorted(waits)
    assert fleet.state(rollout).status is Status.RUNNING
    fleet.run(30)
    assert 'cannot be loaded' in fleet.coordinator.report(rollout)['robots_excluded']['r07']


def test_a_version_that_arrives_late_is_waited_for(fleet, plan):
    late = fleet.robots['r07']
    late.may_refuse = True
    late.unloadable['v24'] = Cause.NONE
    rollout = fleet.start(plan(stages=((100, 300),)))
    fleet.run(40)
    late.unloadable.clear()
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    assert fleet.serving('v24') == set(fleet.robots)


def _loads(command, robot_id):
    return isinstance(command, LoadVersion) and command.robot_id == robot_id


@pytest.mark.parametrize('value', ['-1', '1.5', '1.0', '0.0', 'yes', "'2%'"])
def test_failures_are_a_number_or_a_share(plan, value):
    with pytest.raises(PlanError, match='maxFailed'):
        load_plan(plan(maxFailed=value))
