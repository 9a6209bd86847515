# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The same tasks with an external arm: Gazebo, another simulator, hardware."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.sim.arm.arm import MAX_EFFORT, MAX_SPEED, SERVO_GAIN, hand_position
from hotswap_ros.sim.arm.scene import Point
from hotswap_ros.sim.arm.task import Site, TaskEnd, TaskStart, TaskWorld, start_joints

#: Task categories with one payload mass, as an external world has one payload for all tasks.
EXTERNAL = Site(categories=('near', 'far', 'cluttered'))

_STILL: Point = (0.0, 0.0, 0.0)
#: A longer gap between two states, in s, interrupts the task.
_GAP_S = 1.0
#: Speed towards a start pose: rad/s for each rad of distance, and maximum.
_APPROACH_PER_S = 4.0
_APPROACH_SPEED = 1.5
#: The arm is at a start pose below this speed (rad/s) and distance (rad): a payload pulls it.
_START_SPEED = 0.05
_START_RAD = 0.2
#: Longest time in seconds to a start pose; it usually takes two.
_LOST_S = 10.0


@dataclass(frozen=True)
class JointReport:
    """
    The state of an arm: time (s), and each joint's position (rad), speed (rad/s), torque (N·m).

    `effort` is empty or all zero if it is not measured, as in Gazebo.
    """

    time_s: float
    joints: Point
    speeds: Point
    effort: Sequence[float] = ()


class ExternalWorld(TaskWorld):
    """
    The tasks of PickWorld, for an arm that reports its joints and accepts joint speeds.

    Call `hear` with each state, once per control period, let the policy `step`, send `command`.
    Before each task the arm moves to its start pose, and `begin` returns None until it rests
    there. Goal, post and the lasting errors of camera and map are drawn as in PickWorld; no noise
    is added, as the arm has its own. Torques that are not measured are those of a servo with the
    nominal gain.

    The end of a task follows from the joints alone, by the rules of PickWorld: placed,
    'misplaced', 'joint limit', 'stuck' or 'timeout'. Joints do not show a dropped payload or a
    collision: no task ends in these ways here. Not thread-safe.
    """

    def __init__(self, robot_id: str, seed: int, site: Site = EXTERNAL) -> None:
        super().__init__(robot_id, seed, site)
        self.scene = self._draw()
        self._report: JointReport | None = None
        self._elapsed_s = 0.0
        self._effort: Sequence[float] = _STILL
        self._sent: Point = _STILL
        self._decided: Point | None = None
        self._approach_s = 0.0

    def hear(self, report: JointReport) -> None:
        """
        Take the current state of the arm.

        After a gap, or a jump of time into the past, the task continues from this state: the gap
        counts neither in time nor in motion.
        """
        last = self._report
        elapsed_s = report.time_s - last.time_s if last else 0.0
        self._elapsed_s = elapsed_s if 0.0 < elapsed_s <= _GAP_S else 0.0
        self._effort = report.effort if any(report.effort) else self._servo_effort(report)
        self._report = report
        is_on_way = self._ended and not self._is_at_start(report)
        self._approach_s = self._approach_s + self._elapsed_s if is_on_way else 0.0

    def begin(self) -> TaskStart | None:
        """Begin the next task once the arm rests at its start; None until then."""
        if not self._ended:
            self._next()
        report = self._report
        if report is None or not self._is_at_start(report):
            return None
        return self._start(hand_position(report.joints))

    def observation(self) -> NDArray[np.float32]:
        """Return what the robot observes, without noise; see TaskWorld."""
        report = self._heard()
        return self._observe(report.joints, report.speeds, self._effort)

    def step(self, decision: NDArray[Any]) -> TaskEnd | None:
        """Evaluate the last decision, and make this one the `command`; see TaskWorld."""
        self._require_task()
        report = self._heard()
        hand = hand_position(report.joints)
        if self._elapsed_s:
            self._follow_hand(hand, self._elapsed_s)
            self._elapsed_s = 0.0
            end = self._judge(report.joints)
            if end is not None:
                self._next()
                return end
        self._hand = hand
        yaw, shoulder, elbow = np.clip(decision[0], -MAX_SPEED, MAX_SPEED).tolist()
        self._decided = yaw, shoulder, elbow
        return None

    def command(self) -> Point:
        """
        Return the joint speeds (rad/s) to send now.

        These are the decision of this period, zero in a task without one, and between tasks the
        speeds towards the next start pose.
        """
        if self._decided is not None:
            self._sent, self._decided = self._decided, None
        else:
            self._sent = self._approach() if self._ended else _STILL
        return self._sent

    def hold(self) -> Point:
        """Return the joint speeds that stop the arm, for a time without joint states."""
        self._decided, self._sent = None, _STILL
        return _STILL

    @property
    def is_between_tasks(self) -> bool:
        """Whether no task is under way."""
        return self._ended

    @property
    def report(self) -> JointReport | None:
        """Return the last state of the arm with the torques that the policy sees; None: none."""
        return self._report and replace(self._report, effort=self._effort)

    @property
    def is_lost(self) -> bool:
        """Whether the arm has not reached its start pose in time."""
        return self._approach_s > _LOST_S

    def _heard(self) -> JointReport:
        if self._report is None:
            raise RuntimeError('no state of the arm: call hear() first')
        return self._report

    def _next(self) -> None:
        self._ended = True
        self.scene = self._draw()

    def _is_at_start(self, report: JointReport) -> bool:
        return all(
            abs(joint - target) < _START_RAD and abs(speed) < _START_SPEED
            for joint, target, speed in zip(report.joints, start_joints(self.scene), report.speeds)
        )

    def _approach(self) -> Point:
        if self._report is None:
            return _STILL
        yaw, shoulder, elbow = (
            min(max(_APPROACH_PER_S * (target - joint), -_APPROACH_SPEED), _APPROACH_SPEED)
            for joint, target in zip(self._report.joints, start_joints(self.scene))
        )
        return yaw, shoulder, elbow

    def _servo_effort(self, report: JointReport) -> Sequence[float]:
        """Return the torques of servos with the nominal gain at the commanded speeds."""
        return [
            min(max(gain * (sent - speed), -most), most)
            for gain, sent, speed, most in zip(SERVO_GAIN, self._sent, report.speeds, MAX_EFFORT)
        ]
