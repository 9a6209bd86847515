# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Versions that robots have or had: a rollback to one of them is never looked up."""

from hotswap_ros.rollout import Cause, Status

MODEL = 'pick_policy'


def known(fleet):
    return fleet.coordinator.known_versions(MODEL)


def roll_back(fleet, version=''):
    rollback = fleet.coordinator.roll_back(MODEL, version, (), fleet.now)
    fleet.run_until(lambda: rollback.is_done, at_most=5)
    fleet.step()


def restart(fleet):
    """Restart coordinator and robots: the robots report only what they serve."""
    fleet.kill_coordinator()
    for robot in fleet.robots.values():
        for version in robot.versions.keys() - {robot.routing.stable}:
            del robot.versions[version]
    fleet.boot_coordinator()
    fleet.run(2)


def test_what_robots_serve_or_have_loaded_is_known(fleet, plan):
    fleet.run(3)
    assert known(fleet) == {'v23'}
    fleet.start(plan())
    fleet.run_until(lambda: 'v24' in known(fleet), at_most=10)
    assert fleet.coordinator.known_versions('place_policy') == set()


def test_what_robots_served_before_is_known_after_restarts(fleet, plan):
    ends = [fleet.finish(fleet.start(plan(version))).status for version in ('v24', 'v25')]
    assert ends == [Status.SUCCEEDED, Status.ROLLED_BACK]
    restart(fleet)
    assert known(fleet) == {'v23', 'v24', 'v25'}


def test_the_target_of_a_rollback_is_known_after_restarts(fleet, plan):
    fleet.run(3)
    roll_back(fleet, 'v22')
    fleet.finish(fleet.start(plan()))
    restart(fleet)
    assert known(fleet) == {'v22', 'v23', 'v24'}


def test_a_version_that_no_robot_found_is_not_known(fleet, plan):
    fleet.run(3)
    for robot in fleet.robots.values():
        robot.unloadable['v32'] = Cause.UNKNOWN_VERSION
    assert fleet.finish(fleet.start(plan('v32'))).status is not Status.SUCCEEDED
    assert known(fleet) == {'v23'}
    restart(fleet)
    assert known(fleet) == {'v23'}
