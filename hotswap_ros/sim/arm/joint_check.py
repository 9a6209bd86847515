# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Checks of an external arm: that its joints follow, and that its links float."""

from __future__ import annotations

import math

from hotswap_ros.sim.arm.arm import JOINT_HIGH, JOINT_LOW, LINK_M
from hotswap_ros.sim.arm.external import JointReport
from hotswap_ros.sim.arm.scene import Point

#: A joint is told this speed, in rad/s, and follows if it reaches half of it. A payload, and links
#: that are not compensated for gravity, pull a joint that hears nothing at a third of it at most.
_TEST_SPEED = 1.5
#: Longest time for it in s of the joint states; it usually takes a tenth.
_MOST_S = 5.0

_GRAVITY_M_S2 = 9.81
#: Mass of the links in kg, each with its centre in the middle.
_UPPER_KG, _FORE_KG = 1.6, 1.0
#: Poses for an estimate, and the part of gravity from which links are said to feel it.
_POSES, _FELT = 5, 0.5


class JointCheck:
    """
    Moves an arm until each joint has followed a command; then tasks may begin.

    A joint that hears no commands would fail tasks that no version could do.
    """

    def __init__(self) -> None:
        self._open = [True, True, True]
        self._sent: Point = (0.0, 0.0, 0.0)
        self._began_s = math.nan

    def hear(self, report: JointReport) -> Point | None:
        """Take the state of the arm; return speeds to send (rad/s), None: all have followed."""
        if not report.time_s - self._began_s >= 0.0:  # the first one, or time began again
            self._began_s = report.time_s
        for index, (sent, speed) in enumerate(zip(self._sent, report.speeds)):
            if sent and speed / sent > 0.5:
                self._open[index] = False
        if not any(self._open):
            return None
        yaw, shoulder, elbow = (
            math.copysign(_TEST_SPEED, (low + high) / 2 - joint) if is_open else 0.0
            for is_open, joint, low, high in zip(self._open, report.joints, JOINT_LOW, JOINT_HIGH)
        )
        self._sent = yaw, shoulder, elbow
        return self._sent

    def deaf(self, now_s: float) -> tuple[int, ...]:
        """Return the joints (0: yaw) that have not followed in time; `now_s` as in reports."""
        if not now_s - self._began_s > _MOST_S:
            return ()
        return tuple(index for index, is_open in enumerate(self._open) if is_open)


class LinkGravity:
    """
    Estimates from torques at rest whether gravity acts on the links of the arm.

    The arm is modelled with links that float, as those of a real arm with compensation. Payload
    and links pull differently at shoulder and elbow: least squares over a few poses find both.
    """

    def __init__(self) -> None:
        self._poses = 0
        # Normal equations for the payload (kg) and the part of gravity that the links feel.
        self._pp = self._pl = self._ll = self._pt = self._lt = 0.0

    def add(self, report: JointReport) -> None:
        """Take a state of the arm at rest, with its torques (N·m)."""
        if len(report.effort) != len(report.joints):
            return
        _, shoulder, elbow = report.joints
        upper, fore = math.cos(shoulder), math.cos(shoulder + elbow)
        payload = (LINK_M * (upper + fore), LINK_M * fore)
        links = (
            _UPPER_KG * LINK_M / 2 * upper + _FORE_KG * (LINK_M * upper + LINK_M / 2 * fore),
            _FORE_KG * LINK_M / 2 * fore,
        )
        # Positive is down, so servos push with negative torques.
        for per_kg, links_kgm, torque in zip(payload, links, report.effort[1:]):
            load = -torque / _GRAVITY_M_S2
            self._pp += per_kg * per_kg
            self._pl += per_kg * links_kgm
            self._ll += links_kgm * links_kgm
            self._pt += per_kg * load
            self._lt += links_kgm * load
        self._poses += 1

    @property
    def felt(self) -> float:
        """Return the part of gravity that the links feel, 0 to 1; NaN: not known yet."""
        determinant = self._pp * self._ll - self._pl**2
        if self._poses < _POSES or determinant < 1e-9:
            return math.nan
        return (self._pp * self._lt - self._pl * self._pt) / determinant

    @property
    def is_felt(self) -> bool:
        """Return whether gravity acts on the links."""
        return self.felt > _FELT
