# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The arm obeys mechanics: geometry, servos that sag, torques that tell the payload, contact."""

import math

import pytest

pytest.importorskip('mujoco')

from hotswap_ros.sim.arm.arm import JOINT_HIGH, JOINT_LOW, MAX_SPEED, Arm, joint_angles

NOWHERE = (2.0, 0.0, 0.3)


def placed(azimuth=0.0, distance=0.5, height=0.3, payload_kg=0.5, post=NOWHERE, clutter=()):
    arm = Arm()
    arm.place((azimuth, *joint_angles(distance, height)), payload_kg, 0.03, post, NOWHERE, clutter)
    return arm


@pytest.mark.parametrize('azimuth', [-2.0, 0.0, 0.7])
@pytest.mark.parametrize(('distance', 'height'), [(0.3, 0.1), (0.5, 0.35), (0.7, 0.36)])
def test_the_hand_is_where_the_joint_angles_say(azimuth, distance, height):
    x, y, z = placed(azimuth, distance, height).hand
    assert math.hypot(x, y) == pytest.approx(distance, abs=1e-9)
    assert math.atan2(y, x) == pytest.approx(azimuth, abs=1e-9)
    assert z == pytest.approx(height, abs=1e-9)


def test_all_places_of_tasks_are_within_the_joint_limits():
    for distance in (0.3, 0.36, 0.5, 0.7):
        for height in (0.1, 0.2, 0.4):
            joints = (0.0, *joint_angles(distance, height))
            assert all(map(lambda low, q, high: low < q < high, JOINT_LOW, joints, JOINT_HIGH))


def test_out_of_reach_means_stretched():
    shoulder, elbow = joint_angles(2.0, 0.35)
    assert elbow == pytest.approx(0.0, abs=0.01)
    assert shoulder == pytest.approx(0.0, abs=0.01)


def test_at_rest_the_servos_hold_exactly_the_payload():
    arm = placed(payload_kg=1.5)
    before = arm.hand
    _, shoulder, elbow = arm.effort
    assert -shoulder == pytest.approx(1.5 * 9.81 * 0.5)
    radius_of_elbow = 0.5 - 0.4 * math.cos(sum(arm.joints[1:]))
    assert -elbow == pytest.approx(1.5 * 9.81 * (0.5 - radius_of_elbow))
    holding = [torque / gain for torque, gain in zip(arm.load, arm.servo_gain)]
    for _ in range(20):
        arm.drive(holding)
    assert arm.hand == pytest.approx(before, abs=1e-6)


def test_servos_that_are_told_to_stand_still_sag_under_the_payload():
    fall = {}
    for payload_kg in (0.2, 2.0):
        arm = placed(payload_kg=payload_kg)
        for _ in range(10):
            arm.drive((0.0, 0.0, 0.0))
        fall[payload_kg] = 0.3 - arm.hand[2]
    assert 0.0 < 5 * fall[0.2] < fall[2.0]


def test_joints_reach_the_speed_asked_for_and_no_more_than_they_can():
    arm = placed()
    for _ in range(4):
        arm.drive((1.0, 0.0, 0.0))
    assert arm.speeds[0] == pytest.approx(1.0, rel=0.05)
    for _ in range(6):
        arm.drive((100.0, 0.0, 0.0))
    assert arm.speeds[0] == pytest.approx(MAX_SPEED, rel=0.05)


def test_a_soft_robot_sags_more():
    fall = []
    for stiffness in (0.8, 1.2):
        arm = Arm(stiffness)
        arm.place((0.0, *joint_angles(0.5, 0.3)), 1.0, 0.03, NOWHERE, NOWHERE)
        for _ in range(10):
            arm.drive((0.0, 0.0, 0.0))
        fall.append(0.3 - arm.hand[2])
    assert fall[0] > 1.3 * fall[1]


def test_yaw_into_the_post_is_a_touch():
    arm = placed(height=0.15, post=(0.5 * math.cos(0.5), 0.5 * math.sin(0.5), 0.25))
    assert not arm.touches
    for _ in range(12):
        arm.drive((1.0, 0.0, 0.0))
    assert arm.touches
    assert arm.joints[0] < 0.5


def test_what_lies_about_can_be_touched_too():
    arm = placed(height=0.07, clutter=[(0.5 * math.cos(0.4), 0.5 * math.sin(0.4), 0.06)])
    assert not arm.touches
    for _ in range(10):
        arm.drive((1.0, 0.0, 0.0))
    assert arm.touches


@pytest.mark.parametrize(('radius_m', 'touches'), [(0.02, False), (0.035, True)])
def test_a_large_payload_touches_where_a_small_one_does_not(radius_m, touches):
    arm = Arm()
    place = (0.5, 0.0, 0.17)
    arm.place((0.0, *joint_angles(0.5, 0.2)), 0.5, radius_m, NOWHERE, NOWHERE, [place])
    assert arm.touches == touches


def test_a_yaw_without_stops_goes_on():
    ends = []
    for endless in (False, True):
        arm = Arm(endless_yaw=endless)
        arm.place((2.8, *joint_angles(0.5, 0.3)), 0.5, 0.03, NOWHERE, NOWHERE)
        for _ in range(10):
            arm.drive((2.0, 0.0, 0.0))
        ends.append(arm.joints[0])
    assert ends[0] < JOINT_HIGH[0] + 0.05 < 3.5 < ends[1]


def test_over_the_post_is_none():
    arm = placed(height=0.35, post=(0.5 * math.cos(0.5), 0.5 * math.sin(0.5), 0.25))
    holding = [torque / gain for torque, gain in zip(arm.load, arm.servo_gain)]
    touched = False
    for _ in range(20):
        arm.drive((1.0, *holding[1:]))
        touched |= arm.touches
    assert not touched
    assert arm.joints[0] > 0.8


def test_the_floor_is_hard():
    arm = placed(height=0.12)
    for _ in range(10):
        arm.drive((0.0, 1.5, 0.0))
    assert arm.touches
    assert arm.hand[2] > 0.02


def test_placing_anew_forgets_the_past():
    arm = placed(payload_kg=2.0)
    for _ in range(5):
        arm.drive((2.0, -1.0, 1.0))
    arm.place((0.0, *joint_angles(0.5, 0.3)), 0.5, 0.03, NOWHERE, NOWHERE)
    fresh = placed()
    for _ in range(10):
        arm.drive((1.0, -0.2, 0.1))
        fresh.drive((1.0, -0.2, 0.1))
    assert arm.joints == fresh.joints
    assert arm.effort == fresh.effort
