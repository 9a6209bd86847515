# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The demonstrator: drives the arm with knowledge that no robot has."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.sim._arm import (
    CONTROL_PERIOD_S,
    MAX_SPEED,
    PAYLOAD_RADIUS_M,
    POST_RADIUS_M,
    joint_angles,
)
from hotswap_ros.sim._task import PickWorld

_GAIN = 6.0
_CLEARANCE_M = 0.025
_LIFT_M = PAYLOAD_RADIUS_M + _CLEARANCE_M
#: Largest change of speed that the expert asks for, rad/s², and the force, kg·rad/s², that keeps a
#: heavy payload from slipping.
_ACCELERATION, _GENTLE = 25.0, 22.0


class Expert:
    """True goal, true post, true payload: what a policy has to infer, the expert knows."""

    def __init__(self, world: PickWorld) -> None:
        self._world = world

    def __call__(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return speeds of the joints, rad/s, shape (1, 3). Looks at the world, not at its senses."""
        arm, scene = self._world.arm, self._world.scene
        joints, speeds = arm.joints, arm.speeds
        yaw = joints[0]
        x, y, height = arm.hand
        goal_azimuth, goal_distance, goal_height = scene.goal
        post_azimuth, post_distance, post_top = scene.post

        clear = post_top + _LIFT_M
        margin = (POST_RADIUS_M + PAYLOAD_RADIUS_M + 0.03) / min(post_distance, math.hypot(x, y))
        side = math.copysign(1.0, goal_azimuth - yaw)
        ahead = (post_azimuth - yaw) * side
        between = -margin < ahead < abs(goal_azimuth - yaw) + margin
        speed = _GAIN * (goal_azimuth - yaw)
        if between:
            goal_height = max(goal_height, clear + 0.02)
            if ahead > 0.0:
                free = min(max((height - clear) / 0.04, 0.0), 1.0) * MAX_SPEED
                allowed = max(free, _GAIN * (ahead - margin))
                speed = side * min(abs(speed), max(allowed, 0.0))
        shoulder, elbow = joint_angles(goal_distance, goal_height)
        wanted = (speed, _GAIN * (shoulder - joints[1]), _GAIN * (elbow - joints[2]))
        load = arm.load
        change = min(_ACCELERATION, _GENTLE / scene.payload_kg) * CONTROL_PERIOD_S
        return np.array(
            [[
                _clip(_clip(want, now - change, now + change) + torque / gain, -MAX_SPEED, MAX_SPEED)
                for want, now, torque, gain in zip(wanted, speeds, load, arm.servo_gain)
            ]],
            np.float32,
        )  # fmt: skip


def _clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
