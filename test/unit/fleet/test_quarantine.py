# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Robots that are started again, renamed, or two of a name."""

from dataclasses import replace

import pytest

from hotswap_ros.fleet import FleetView
from hotswap_ros.rollout import PauseReason, Status

MODEL = 'pick_policy'


def quarantined(fleet):
    return fleet.coordinator.robots_quarantined


def alerts(fleet):
    return [event for event in fleet.events if event.kind == 'quarantined' and event.alert]


def test_two_robots_of_one_id_are_reported_and_get_no_commands(fleet, plan):
    rollout = fleet.start(plan())
    fleet.run(3)
    duplicate = fleet.duplicate('r03')
    fleet.run(8)
    assert quarantined(fleet) == ('r03',)
    (alert,) = alerts(fleet)
    assert alert.robots == ('r03',)
    assert '/elsewhere/r03/model_server' in alert.text
    assert ' /r03/model_server' in alert.text
    assert "parameter 'robot_id'" in alert.text
    sent = []
    for robot in (fleet.robots['r03'], duplicate):
        robot.obey = sent.append
    fleet.run(30)
    assert sent == []
    assert fleet.coordinator.snapshot(fleet.now, rollout).robots_unreachable == 1


def test_they_pause_a_rollout_as_unreachable_robots_do(fleet, plan):
    rollout = fleet.start(plan(stages=((100, 3_000),)))
    fleet.run(5)
    fleet.duplicate('r03')
    fleet.run(8)
    state = fleet.state(rollout)
    assert (state.status, state.pause_reason) == (Status.PAUSED, PauseReason.UNREACHABLE)
    assert 'quarantined' in state.reason
    assert 'r03' in state.reason
    fleet.duplicates.clear()
    fleet.run(12)
    assert quarantined(fleet) == ()
    assert [alert.level.value for alert in alerts(fleet)] == ['error', 'info']
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    assert fleet.stables() == {'v24'}


def test_a_robot_that_starts_again_and_again_is_one(fleet):
    fleet.run(2)
    for _ in range(8):
        fleet.robots['r03'].reboot('v23')
        fleet.run(1)
    assert quarantined(fleet) == ()


def test_messages_from_before_a_restart_that_come_late_are_no_second_robot(fleet):
    fleet.run(2)
    before = fleet.robots['r03'].report
    fleet.robots['r03'].reboot('v23')
    fleet.run(1)
    fleet.coordinator.on_report(before, fleet.now)
    fleet.run(1)
    assert quarantined(fleet) == ()


def test_two_robots_at_one_server_name_get_no_commands(fleet):
    fleet.run(2)
    for _ in range(8):
        fleet.step()
        report = replace(fleet.robots['r04'].report, server='/r03/model_server')
        fleet.coordinator.on_report(report, fleet.now)
    assert quarantined(fleet) == ('r03', 'r04')
    assert [alert.robots for alert in alerts(fleet)] == [('r03',), ('r04',)]
    assert any('namespace' in alert.text for alert in alerts(fleet))


def test_a_renamed_robot_is_a_new_one_and_the_old_name_is_unreachable(fleet):
    fleet.run(2)
    robot = fleet.robots['r33'] = fleet.robots.pop('r03')
    robot.robot_id = 'r33'
    assert robot.server == '/r03/model_server'
    fleet.run(1)
    assert fleet.coordinator.robots_heard(fleet.now) == 10
    assert quarantined(fleet) == ()


@pytest.mark.parametrize('returns', [0, 1, 2, 3])
def test_three_returns_are_the_proof(returns, fleet):
    view = FleetView(0.0, unreachable_after_s=5.0)
    report = fleet.robots['r03'].report
    other = replace(report, boot_id='another')
    turns = [report, other] * 3
    for at, heard in enumerate(turns[: 2 + returns]):
        view.on_report(heard, float(at))
    assert view.is_reachable(MODEL, 'r03', 6.0) is (returns < 3)
    assert bool(view.quarantined) is (returns == 3)
