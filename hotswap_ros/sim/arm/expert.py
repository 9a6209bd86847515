# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The demonstrator: an expert that drives the arm with knowledge that no robot has."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.sim.arm.arm import MAX_SPEED, POST_RADIUS_M, joint_angles
from hotswap_ros.sim.arm.task import CONTROL_PERIOD_S, PickWorld
from hotswap_ros.sim.policies.recipes import USUAL, Style

#: Distance between payload and post, beside it, in m.
_BESIDE_M = 0.03
#: Height over which the expert goes from waiting in front of the post to full speed, in m.
_RAMP_M = 0.04


class Expert:
    """An expert that knows the true goal, post and payload, which a policy has to infer."""

    def __init__(self, world: PickWorld, style: Style = USUAL) -> None:
        self._world = world
        self._style = style

    def __call__(self, observation: NDArray[Any]) -> NDArray[np.float32]:
        """Return joint speeds, rad/s, of shape (1, 3). The observation is ignored."""
        arm, scene, style = self._world.arm, self._world.scene, self._style
        joints = arm.joints
        azimuth, distance, height = scene.goal
        to_goal = self._way(azimuth, joints[0])
        yaw_speed = style.gain * to_goal
        lowest, fastest = self._over_post(joints[0], to_goal)
        yaw_speed = math.copysign(min(abs(yaw_speed), fastest), yaw_speed)
        shoulder, elbow = joint_angles(distance, max(height, lowest))
        wanted = (yaw_speed, style.gain * (shoulder - joints[1]), style.gain * (elbow - joints[2]))
        # A heavy payload must not slip out of the gripper.
        change = min(style.acceleration, style.gentle / scene.payload_kg) * CONTROL_PERIOD_S
        part = style.heavy_compensation if scene.category == 'heavy' else 1.0
        speeds = [
            min(max(want, now - change), now + change) + part * torque / gain
            for want, now, torque, gain in zip(wanted, arm.speeds, arm.load, arm.servo_gain)
        ]
        return np.clip([speeds], -MAX_SPEED, MAX_SPEED).astype(np.float32)

    def _way(self, azimuth: float, yaw: float) -> float:
        """Return the angle to the goal, rad."""
        scene = self._world.scene
        to_goal = azimuth - yaw
        if not self._style.goes_round or scene.category != 'cluttered':
            return to_goal
        turn = scene.goal[0] - scene.start[0]
        return to_goal - math.copysign(2 * math.pi, turn)

    def _over_post(self, yaw: float, to_goal: float) -> tuple[float, float]:
        """Return the lowest height (m) and highest speed (rad/s of yaw) of the payload."""
        scene = self._world.scene
        x, y, height = self._world.arm.hand
        post_azimuth, post_distance, post_top = scene.post
        reach = min(post_distance, math.hypot(x, y))
        margin = (POST_RADIUS_M + scene.payload_radius_m + _BESIDE_M) / reach
        to_post = (post_azimuth - yaw) * math.copysign(1.0, to_goal)
        if not -margin < to_post < abs(to_goal) + margin:
            return 0.0, math.inf
        clear = post_top + scene.payload_radius_m + self._style.above_m
        lowest = clear + _RAMP_M / 2
        if to_post <= 0.0:
            return lowest, math.inf
        risen = min(max((height - clear) / _RAMP_M, 0.0), 1.0) * MAX_SPEED
        return lowest, max(risen, self._style.gain * (to_post - margin))
