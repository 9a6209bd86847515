# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The task: carry a payload to a goal, over a post if necessary, and set it down.

The gripper opens when the hand rests where the robot sees the goal. The end of a task follows from
physics: placed, or misplaced, dropped, collided, stuck, too late. No outcome is drawn at random.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.sim.arm.arm import (
    JOINT_HIGH,
    JOINT_LOW,
    POST_RADIUS_M,
    STEP_S,
    STEPS,
    Arm,
    joint_angles,
)
from hotswap_ros.sim.arm.scene import (
    CATEGORIES,
    Point,
    Scene,
    cartesian,
    draw_scene,
    draw_traits,
    generator,
)

#: Simulated seconds between two decisions.
CONTROL_PERIOD_S = STEP_S * STEPS

OBSERVATION_SIZE = 15
_TORQUES = slice(6, 9)
DECISION_SIZE = 3

#: A payload within this distance of the goal, in m, is placed.
TOLERANCE_M = 0.012
#: A hand at rest that sees the goal within this distance, in m, opens.
_RELEASE_M = 0.018
#: Smallest allowed distance of the payload from the post, in m, so that no contact is missed
#: between two control periods, even at full speed.
_KEEP_OUT_M = 0.01
#: A hand slower than this, in m/s, is at rest.
_REST_M_S = 0.03
_REST_STEPS = 4
_STUCK_STEPS = 10
_MAX_STEPS = 60
#: Distance to a joint's stop at which the controller stops the arm.
_STOP_MARGIN_RAD = 0.02
_GRAVITY_M_S2 = 9.81

#: Standard deviation of each observed number's noise, in its unit.
_NOISE = (
    (0.0005,) * 3  # joint positions, rad
    + (0.01,) * 3  # joint speeds, rad/s
    + (0.2,) * 3  # joint torques, N·m
    + (0.001,) * 3  # goal, m
    + (0.005,) * 3  # post, rad, m, m
)


@dataclass(frozen=True)
class TaskStart:
    """A task has begun: its number on this robot, from 1, and its category."""

    task_number: int
    category: str


@dataclass(frozen=True)
class TaskEnd:
    """
    How a task ended.

    `error` is empty after a success, else one of 'misplaced', 'dropped', 'collision', 'stuck',
    'joint limit', 'timeout'. `stuck` is true when the task was abandoned because the arm no longer
    moved, or would have broken. `duration_s` is simulated time.

    `progress` says from 0 to 1 how much was done and how well. A payload that was set down scores
    1 at the goal, 0.5 at the edge of the tolerance and 0 from twice that distance on. One that was
    not scores at most 0.5: half of the part of the way that the hand had come nearer.
    """

    success: bool
    stuck: bool
    error: str
    duration_s: float
    progress: float = 0.0


@dataclass(frozen=True)
class Site:
    """
    The common properties of the robots at one place.

    Their tasks are of these `categories`, their torque sensors have the error `torque_offset`
    (yaw, shoulder, elbow, N·m), and their yaw joint has no stops if `endless_yaw`.
    """

    categories: tuple[str, ...] = tuple(CATEGORIES)
    torque_offset: Point = (0.0, 0.0, 0.0)
    endless_yaw: bool = False


#: The place where robots are in service.
SERVICE = Site()


class TaskWorld(ABC):
    """
    The tasks of one robot, deterministic by `seed` and `robot_id`, at a `site`; see PickWorld.

    The common part of all worlds: the order of tasks, the observation, and the end of a task as
    far as joints and hand show it.
    """

    def __init__(self, robot_id: str, seed: int, site: Site) -> None:
        self.robot_id = robot_id
        self.traits = draw_traits(generator(seed, robot_id, 'traits'))
        self.scene: Scene
        self.camera_drift: Point = (0.0, 0.0, 0.0)
        self._site = site
        self._stops = [
            (low + _STOP_MARGIN_RAD, high - _STOP_MARGIN_RAD)
            for low, high in zip(JOINT_LOW, JOINT_HIGH)
        ]
        if site.endless_yaw:
            self._stops[0] = (-math.inf, math.inf)
        self._random = generator(seed, robot_id, 'tasks')
        self._task_number = 0
        self._observation: NDArray[np.float32] = np.zeros((1, OBSERVATION_SIZE), np.float32)
        self._ended = True

    @abstractmethod
    def begin(self) -> TaskStart | None:
        """Begin the next task and drop an unfinished one; None: the arm is not at its start."""

    @abstractmethod
    def observation(self) -> NDArray[np.float32]:
        """
        Return the observation, float32 of shape (1, 15), in a buffer that is reused.

        Positions (rad), speeds (rad/s) and torques (N·m) of yaw, shoulder and elbow; the goal from
        the payload as the wrist camera sees it (radial, tangential, vertical, m); the top of the
        post from the payload as the robot's map has it (azimuth in rad, distance and height in m).
        """

    @abstractmethod
    def step(self, decision: NDArray[Any]) -> TaskEnd | None:
        """
        Drive the joints with `decision` for one control period.

        `decision` has shape (1, 3): speeds of yaw, shoulder and elbow in rad/s. Returns how the
        task ended, or None while it is under way. Raises RuntimeError before `begin`.
        """

    # -- the rules --------------------------------------------------------------------------------

    def _draw(self) -> Scene:
        while True:
            scene = draw_scene(self._random, self.traits)
            if scene.category in self._site.categories:
                return scene

    def _start(self, hand: Point) -> TaskStart:
        """Start the clock of the task in `scene`, with the hand at `hand` (x, y, z, m)."""
        scene = self.scene
        self._goal = cartesian(scene.goal)
        self._way_m = math.dist(hand, self._goal)
        self._seen_post = [a + b for a, b in zip(scene.post, scene.post_error)]
        errors = zip(scene.camera_error, self.traits.camera_offset, self.camera_drift)
        self._camera = [sum(parts) for parts in errors]
        self._hand = hand
        self._velocity = (0.0, 0.0, 0.0)
        self._steps = 0
        self._still = 0
        self._ended = False
        self._task_number += 1
        return TaskStart(self._task_number, scene.category)

    def _observe(
        self, joints: Sequence[float], speeds: Sequence[float], effort: Sequence[float]
    ) -> NDArray[np.float32]:
        """Return the observation without noise."""
        x, y, z = self._hand
        post = self._seen_post
        self._observation[0] = (
            *joints,
            *speeds,
            *effort,
            *self._seen_goal(joints[0]),
            post[0] - joints[0],
            post[1] - math.hypot(x, y),
            post[2] - z,
        )
        return self._observation

    def _require_task(self) -> None:
        if self._ended:
            raise RuntimeError('no task is running: call begin() before step()')

    def _follow_hand(self, hand: Point, elapsed_s: float = CONTROL_PERIOD_S) -> None:
        """Update position, speed and rest time of the hand."""
        x, y, z = hand
        old_x, old_y, old_z = self._hand
        per_s = 1.0 / elapsed_s
        periods = round(elapsed_s / CONTROL_PERIOD_S)
        velocity = ((x - old_x) * per_s, (y - old_y) * per_s, (z - old_z) * per_s)
        self._hand, self._velocity = hand, velocity
        self._steps += periods
        self._still = self._still + periods if math.hypot(*velocity) < _REST_M_S else 0

    def _judge(self, joints: Sequence[float]) -> TaskEnd | None:
        """Return how the task ended by joints and hand; None while it is under way."""
        if any(not low < joint < high for joint, (low, high) in zip(joints, self._stops)):
            return self._end('joint limit', stuck=True)
        if self._still >= _REST_STEPS:
            if math.hypot(*self._seen_goal(joints[0])) <= _RELEASE_M:
                miss = math.dist(self._hand, self._goal)
                placed = max(0.0, 1.0 - miss / (2 * TOLERANCE_M))
                return self._end('' if miss <= TOLERANCE_M else 'misplaced', placed)
            if self._still >= _STUCK_STEPS:
                return self._end('stuck', stuck=True)
        if self._steps >= _MAX_STEPS:
            return self._end('timeout')
        return None

    def _seen_goal(self, yaw: float) -> Point:
        """Return the goal from the payload with the lasting errors of the camera only."""
        x, y, z = self._hand
        dx, dy, dz = self._goal[0] - x, self._goal[1] - y, self._goal[2] - z
        cos, sin = math.cos(yaw), math.sin(yaw)
        radial, tangential, vertical = self._camera
        return (dx * cos + dy * sin + radial, dy * cos - dx * sin + tangential, dz + vertical)

    def _end(self, error: str, progress: float | None = None, *, stuck: bool = False) -> TaskEnd:
        self._ended = True
        if progress is None:
            left = math.dist(self._hand, self._goal) / max(self._way_m, TOLERANCE_M)
            progress = max(0.0, 1.0 - left) / 2
        return TaskEnd(not error, stuck, error, self._steps * CONTROL_PERIOD_S, progress)


class PickWorld(TaskWorld):
    """
    One robot and its tasks, deterministic by `seed` and `robot_id`, at a `site`.

    `camera_drift` (radial, tangential, vertical, m) is added to the goal that the camera sees; it
    can be set at any time, for the tasks that begin afterwards. The n-th task does not depend on
    the policy that did the tasks before it. Not thread-safe; several worlds can run in several
    threads, as physics releases the GIL.
    """

    def __init__(self, robot_id: str, seed: int, site: Site = SERVICE) -> None:
        super().__init__(robot_id, seed, site)
        self.arm = Arm(self.traits.stiffness, site.endless_yaw)
        self._noise_scale = np.array(_NOISE, np.float32)
        self._noise: NDArray[np.float32]

    def begin(self) -> TaskStart:
        """Draw the next task and reset the scene; an unfinished task is dropped."""
        scene = self.scene = self._draw()
        shape = (_MAX_STEPS + 1, OBSERVATION_SIZE)
        self._noise = self._random.standard_normal(shape, np.float32) * self._noise_scale
        self._noise[:, _TORQUES] += self._site.torque_offset
        self._post = cartesian(scene.post)
        self._keep_out = POST_RADIUS_M + scene.payload_radius_m + _KEEP_OUT_M
        self.arm.place(
            start_joints(scene),
            scene.payload_kg,
            scene.payload_radius_m,
            self._post,
            cartesian(scene.goal),
            [cartesian(thing) for thing in scene.clutter],
        )
        return self._start(self.arm.hand)

    def observation(self) -> NDArray[np.float32]:
        """Return the observation with noise; see TaskWorld."""
        seen = self._observe(self.arm.joints, self.arm.speeds, self.arm.effort)
        seen += self._noise[self._steps]
        return seen

    def step(self, decision: NDArray[Any]) -> TaskEnd | None:
        """Drive the joints with `decision` for one control period; see TaskWorld."""
        self._require_task()
        self.arm.drive(decision[0])
        before = self._velocity
        self._follow_hand(self.arm.hand)
        if self.arm.touches or self._in_keep_out():
            return self._end('collision')
        if self._grip_n(before) > self.scene.grip_n:
            return self._end('dropped')
        return self._judge(self.arm.joints)

    def _grip_n(self, before: Point) -> float:
        """Return the force on the payload, N, whose velocity was `before` (m/s) a period ago."""
        per_s = 1.0 / CONTROL_PERIOD_S
        x, y, z = self._velocity
        return self.scene.payload_kg * math.hypot(
            (x - before[0]) * per_s,
            (y - before[1]) * per_s,
            (z - before[2]) * per_s + _GRAVITY_M_S2,
        )

    def _in_keep_out(self) -> bool:
        x, y, z = self._hand
        post_x, post_y, top = self._post
        above = max(0.0, z - (top - POST_RADIUS_M))
        return math.hypot(x - post_x, y - post_y, above) < self._keep_out


def start_joints(scene: Scene) -> Point:
    """Return the joint positions (rad) of the start pose of a scene."""
    return scene.start[0], *joint_angles(scene.start[1], scene.start[2])
