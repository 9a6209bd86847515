# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The same tasks with an arm that somebody else moves: Gazebo, another simulator, hardware."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.sim.arm.arm import MAX_EFFORT, MAX_SPEED, SERVO_GAIN, hand_position
from hotswap_ros.sim.arm.scene import Point
from hotswap_ros.sim.arm.task import Site, TaskEnd, TaskStart, TaskWorld, start_joints

#: Tasks whose payload an external world need not weigh: it has one payload for all of them.
EXTERNAL = Site(categories=('near', 'far', 'cluttered'))

_STILL: Point = (0.0, 0.0, 0.0)
#: A state this much later than the last one, in s, says nothing of what the arm did in between.
_GAP_S = 1.0
#: Speed towards a start, in rad/s, for each rad that is left, and the most.
_APPROACH_PER_S = 4.0
_APPROACH_SPEED = 1.5
#: The arm is at a start when it rests (rad/s) this near to it (rad): a payload pulls.
_START_SPEED = 0.05
_START_RAD = 0.2
#: Seconds that the way to a start may take; it takes two.
_LOST_S = 10.0


@dataclass(frozen=True)
class JointReport:
    """
    What an arm reports: time (s), and of each joint position (rad), speed (rad/s), torque (N·m).

    `effort` is empty or all zero where nobody measures it, as in Gazebo.
    """

    time_s: float
    joints: Point
    speeds: Point
    effort: Sequence[float] = ()


class ExternalWorld(TaskWorld):
    """
    Tasks as PickWorld's, for an arm that reports its joints and takes joint speeds.

    `hear` what the arm reports once per control period, let the policy `step`, send `command`.
    Before each task the arm goes to where that starts, and `begin` returns None until it rests
    there. Goal, post and the lasting errors of camera and map are drawn as in PickWorld; no noise
    is added, as the arm has its own. Torques that nobody measures are those of a servo with the
    nominal gain.

    An end is read from joints alone, by PickWorld's rules: placed, 'misplaced', 'joint limit',
    'stuck' or 'timeout'. Whether the payload was dropped, and whether the arm touched anything,
    joints do not tell: no task ends so here. Not thread-safe.
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
        Take what the arm reports now.

        After a gap, or when time went back, a task goes on from there: neither the time away nor
        where the arm went in it counts.
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
        """Look at what the last decision did, and let `command` be this one; see TaskWorld."""
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

        They are the decision of this period; in a task without one, none; between tasks those that
        lead to the next start.
        """
        if self._decided is not None:
            self._sent, self._decided = self._decided, None
        else:
            self._sent = self._approach() if self._ended else _STILL
        return self._sent

    def hold(self) -> Point:
        """Return the joint speeds that stop the arm, to be sent while nothing is heard of it."""
        self._decided, self._sent = None, _STILL
        return _STILL

    @property
    def is_lost(self) -> bool:
        """Whether the arm has been on the way to a start for much longer than that takes."""
        return self._approach_s > _LOST_S

    def _heard(self) -> JointReport:
        if self._report is None:
            raise RuntimeError('nothing is known of the arm: call hear() first')
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
        """Return what servos with the nominal gain do, to reach the speeds that were sent."""
        return [
            min(max(gain * (sent - speed), -most), most)
            for gain, sent, speed, most in zip(SERVO_GAIN, self._sent, report.speeds, MAX_EFFORT)
        ]
