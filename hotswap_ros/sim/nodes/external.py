# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The topics of an arm that somebody else moves, seen from the robot that uses it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.time import Time
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from hotswap_ros.nodes import qos
from hotswap_ros.sim.arm.external import ExternalWorld, JointReport
from hotswap_ros.sim.arm.scene import Point
from hotswap_ros.sim.arm.task import CONTROL_PERIOD_S
from hotswap_ros.sim.faults.job_scheduler import JobScheduler

#: Names of the joints on topics.
JOINTS = ('yaw', 'shoulder', 'elbow')

#: Real seconds without joint states until a warning.
_STALE_S = 2.0
#: Tolerance for rounded stamps, in s.
_ROUNDING_S = 1e-6


class ExternalArm:
    """
    An arm that runs `step` in `world` once per control period of joint states, and sends commands.

    Time is that of the stamps. `step` runs in a thread of the scheduler; the executor thread only
    receives joint states and watches them.
    """

    def __init__(
        self, node: Node, world: ExternalWorld, step: Callable[[], object], scheduler: JobScheduler
    ) -> None:
        self._logger = node.get_logger()
        self._world = world
        self._do_step = step
        self._scheduler = scheduler
        self._heard_s = time.monotonic()
        self._stepped_s = -math.inf
        # True while a thread of the scheduler uses the world.
        self._is_busy = False
        self._is_stale = False
        self._is_lost = False
        self._publisher = node.create_publisher(
            Float64MultiArray, 'velocity_controller/commands', qos.EVENT
        )
        node.create_subscription(JointState, 'joint_states', self._on_joints, qos.STREAM)
        # Steady, as the clock of a paused world does not advance.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        node.create_timer(_STALE_S / 4, self._watch, clock=steady)

    def stop(self) -> None:
        """Stop the arm, after the scheduler has stopped."""
        self._send(self._world.hold())

    def _on_joints(self, message: Any) -> None:
        try:
            report = _report(message)
        except ValueError as error:
            self._logger.warning(f'joint states ignored: {error}', throttle_duration_sec=5.0)
            return
        self._heard_s = time.monotonic()
        if self._is_stale:
            self._is_stale = False
            self._logger.info('joint states received again: the task continues')
        since_s = report.time_s - self._stepped_s
        if not self._is_busy and not 0.0 <= since_s < CONTROL_PERIOD_S - _ROUNDING_S:
            self._stepped_s = report.time_s
            self._give(partial(self._step, report))

    def _watch(self) -> None:
        now_s = time.monotonic()
        if self._is_stale or self._is_busy or now_s - self._heard_s <= _STALE_S:
            return
        self._is_stale = True
        self._logger.warning(
            f'no joint states for {_STALE_S:g} s: the task is paused; check that the external '
            'world runs, and that joint_states is bridged'
        )
        self._give(self._world.hold)

    def _give(self, job: Callable[[], Point]) -> None:
        """Let a thread of the scheduler compute the command and send it."""
        self._is_busy = True

        def work() -> None:
            try:
                self._send(job())
            finally:
                self._is_busy = False

        self._scheduler.at(time.monotonic(), work)

    def _step(self, report: JointReport) -> Point:
        world = self._world
        world.hear(report)
        self._do_step()
        if world.is_lost and not self._is_lost:
            self._logger.warning(
                'the arm does not reach the start of the next task: check that '
                'velocity_controller/commands has a subscriber'
            )
        self._is_lost = world.is_lost
        return world.command()

    def _send(self, speeds: Point) -> None:
        self._publisher.publish(Float64MultiArray(data=speeds))


def _report(message: Any) -> JointReport:
    """Return the states of our joints. Raises ValueError that names the problem."""
    names = list(message.name)
    missing = [joint for joint in JOINTS if joint not in names]
    if missing:
        raise ValueError(f'{", ".join(missing)} missing in the joints {names}')
    at = [names.index(joint) for joint in JOINTS]
    found: dict[str, Point] = {}
    for field in ('position', 'velocity', 'effort'):
        values = getattr(message, field)
        if field == 'effort' and not values:
            continue
        if len(values) != len(names) or not all(map(math.isfinite, values)):
            raise ValueError(f'{field} {list(values)} is not one finite number for each joint')
        yaw, shoulder, elbow = (values[index] for index in at)
        found[field] = yaw, shoulder, elbow
    time_s = Time.from_msg(message.header.stamp).nanoseconds * 1e-9
    return JointReport(time_s, found['position'], found['velocity'], found.get('effort', ()))
