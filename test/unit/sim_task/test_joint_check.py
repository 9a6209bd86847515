# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is checked of an external arm: joints that follow, links that float."""

import math

import pytest

pytest.importorskip('mujoco')

from hotswap_ros.sim.arm.arm import SERVO_GAIN, Arm
from hotswap_ros.sim.arm.external import ExternalWorld, JointReport
from hotswap_ros.sim.arm.joint_check import JointCheck, LinkGravity
from hotswap_ros.sim.arm.task import CONTROL_PERIOD_S, start_joints

AWAY = (0.0, 0.0, -2.0)


class Outside:
    """An arm in MuJoCo, of which some joints hear no commands, and links may feel gravity."""

    def __init__(self, joints, deaf=(), links_feel_gravity=False, payload_kg=0.5):
        self.arm = Arm()
        if links_feel_gravity:
            self.arm.model.body_gravcomp[:] = 0.0
        self.arm.place(joints, payload_kg, 0.02, AWAY, AWAY)
        self.arm.drive((0.0, 0.0, 0.0))
        self._deaf = deaf
        self._time_s = 0.0

    def report(self, sent=(0.0, 0.0, 0.0)):
        arm = self.arm
        effort = [gain * (s - v) for gain, s, v in zip(SERVO_GAIN, sent, arm.speeds)]
        return JointReport(self._time_s, tuple(arm.joints), tuple(arm.speeds), effort)

    def drive(self, speeds):
        self._time_s += CONTROL_PERIOD_S
        heard = [0.0 if i in self._deaf else speed for i, speed in enumerate(speeds)]
        self.arm.drive(heard)


def check(outside, periods):
    """Return the check after so many periods, and when it was content; None: never."""
    checked = JointCheck()
    for period in range(periods):
        speeds = checked.hear(outside.report())
        if speeds is None:
            return checked, period
        outside.drive(speeds)
    return checked, None


@pytest.mark.parametrize('links_feel_gravity', [False, True])
@pytest.mark.parametrize('joints', [(0.0, 0.0, 0.0), (2.8, 1.1, 2.6), (-2.8, -1.8, 0.1)])
def test_joints_that_follow_are_content_within_a_second(joints, links_feel_gravity):
    checked, period = check(Outside(joints, links_feel_gravity=links_feel_gravity), 100)
    assert period is not None
    assert period * CONTROL_PERIOD_S < 1.0
    assert checked.deaf(1e9) == ()


@pytest.mark.parametrize('links_feel_gravity', [False, True])
@pytest.mark.parametrize('deaf', [0, 1, 2])
def test_a_joint_that_hears_nothing_is_named_though_its_payload_pulls_it(deaf, links_feel_gravity):
    # Stretched out above the middle: the payload pulls where the check wants to go.
    outside = Outside((0.0, -0.6, 0.3), (deaf,), links_feel_gravity)
    checked, period = check(outside, 120)
    assert period is None
    assert checked.deaf(outside.report().time_s) == (deaf,)


def test_no_joint_is_named_before_its_time():
    checked = JointCheck()
    still = JointReport(100.0, (0.0, 0.0, 1.0), (0.0, 0.0, 0.0))
    assert checked.hear(still) == (pytest.approx(1.5), pytest.approx(-1.5), pytest.approx(1.5))
    assert checked.deaf(105.0) == ()
    assert checked.deaf(105.1) == (0, 1, 2)


# -- links ----------------------------------------------------------------------------------------


def weigh(poses, **options):
    """Let an arm come to rest at the starts of tasks, as between tasks; return what is felt."""
    gravity, world = LinkGravity(), ExternalWorld('robot', 1)
    outside = Outside((0.0, -0.6, 1.2), **options)
    for _ in range(poses):
        target = start_joints(world.scene)
        speeds = (0.0, 0.0, 0.0)
        for _ in range(60):
            speeds = [
                min(max(4.0 * (t - q), -1.5), 1.5) for t, q in zip(target, outside.arm.joints)
            ]
            outside.drive(speeds)
        gravity.add(outside.report(speeds))
        world._next()
    return gravity


@pytest.mark.parametrize('payload_kg', [0.2, 0.5, 1.5])
def test_links_that_float_are_not_taken_for_heavy_ones(payload_kg):
    gravity = weigh(8, payload_kg=payload_kg)
    assert gravity.felt == pytest.approx(0.0, abs=0.1)
    assert not gravity.is_felt


@pytest.mark.parametrize('payload_kg', [0.2, 0.5, 1.5])
def test_gravity_on_the_links_is_seen_whatever_the_payload(payload_kg):
    gravity = weigh(8, payload_kg=payload_kg, links_feel_gravity=True)
    assert gravity.felt == pytest.approx(1.0, abs=0.1)
    assert gravity.is_felt


def test_a_few_poses_and_no_torques_say_nothing():
    assert math.isnan(weigh(3, links_feel_gravity=True).felt)
    gravity = LinkGravity()
    for _ in range(10):
        gravity.add(JointReport(0.0, (0.0, 0.0, 1.0), (0.0, 0.0, 0.0)))
    assert math.isnan(gravity.felt)
    assert not gravity.is_felt
