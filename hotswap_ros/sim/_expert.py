# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The demonstrator: drives the arm with knowledge that no robot has."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.sim._arm import MAX_SPEED, PAYLOAD_RADIUS_M, POST_RADIUS_M, joint_angles
from hotswap_ros.sim._task import CONTROL_PERIOD_S, PickWorld

#: Joint speed per joint error, 1/s.
_GAIN = 6.0
#: How far the payload stays from the post, above it and beside it, in m.
_ABOVE_M, _BESIDE_M = 0.025, 0.03
#: Height over which the expert goes from waiting in front of the post to full speed, in m.
_RAMP_M = 0.04
#: Largest change of speed that the expert asks for, rad/s², and with what mass, kg·rad/s²: a heavy
#: payload must not be torn out of the gripper.
_ACCELERATION, _GENTLE = 25.0, 22.0


class Expert:
    """Knows the true goal, post and payload, which a policy has to infer from its observations."""

    def __init__(self, world: PickWorld) -> None:
        self._world = world

    def __call__(self, observation: NDArray[Any]) -> NDArray[np.float32]:
        """Return joint speeds, rad/s, of shape (1, 3). The observation is not looked at."""
        arm, scene = self._world.arm, self._world.scene
        joints = arm.joints
        azimuth, distance, height = scene.goal
        yaw_speed = _GAIN * (azimuth - joints[0])
        lowest, fastest = self._over_post(joints[0])
        yaw_speed = math.copysign(min(abs(yaw_speed), fastest), yaw_speed)
        shoulder, elbow = joint_angles(distance, max(height, lowest))
        wanted = (yaw_speed, _GAIN * (shoulder - joints[1]), _GAIN * (elbow - joints[2]))
        change = min(_ACCELERATION, _GENTLE / scene.payload_kg) * CONTROL_PERIOD_S
        speeds = [
            min(max(want, now - change), now + change) + torque / gain
            for want, now, torque, gain in zip(wanted, arm.speeds, arm.load, arm.servo_gain)
        ]
        return np.clip([speeds], -MAX_SPEED, MAX_SPEED).astype(np.float32)

    def _over_post(self, yaw: float) -> tuple[float, float]:
        """Return how low (m) the payload may be and how fast (rad/s of yaw) it may go."""
        scene = self._world.scene
        x, y, height = self._world.arm.hand
        post_azimuth, post_distance, post_top = scene.post
        reach = min(post_distance, math.hypot(x, y))
        margin = (POST_RADIUS_M + PAYLOAD_RADIUS_M + _BESIDE_M) / reach
        to_goal = scene.goal[0] - yaw
        to_post = (post_azimuth - yaw) * math.copysign(1.0, to_goal)
        if not -margin < to_post < abs(to_goal) + margin:
            return 0.0, math.inf
        clear = post_top + PAYLOAD_RADIUS_M + _ABOVE_M
        lowest = clear + _RAMP_M / 2
        if to_post <= 0.0:
            return lowest, math.inf
        risen = min(max((height - clear) / _RAMP_M, 0.0), 1.0) * MAX_SPEED
        return lowest, max(risen, _GAIN * (to_post - margin))
