# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The topics of an arm that somebody else moves, seen from the robot that uses it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.time import Time
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64, Float64MultiArray

from hotswap_ros.nodes import qos
from hotswap_ros.nodes.conversions.common import diagnostics_msg
from hotswap_ros.sim.arm.external import ExternalWorld, JointReport
from hotswap_ros.sim.arm.joint_check import JointCheck, LinkGravity
from hotswap_ros.sim.arm.scene import Point
from hotswap_ros.sim.arm.task import CONTROL_PERIOD_S
from hotswap_ros.sim.faults.job_scheduler import JobScheduler
from hotswap_ros.text import few

#: Names of the joints on topics.
JOINTS = ('yaw', 'shoulder', 'elbow')
#: All joints in one message, as in ros2_control; Gazebo has one topic per joint.
COMMANDS = 'velocity_controller/commands'
_COMMAND = 'velocity_controller/{}'

#: Real seconds without joint states until a warning.
_STALE_S = 2.0
#: Real seconds between two inferences that keep a task, below any sensible time limit of tasks.
_HOLD_S = 5.0
#: Tolerance for rounded stamps, in s.
_ROUNDING_S = 1e-6

_LINK_GRAVITY = (
    'gravity acts on the links of the arm, {:.0%} of it by the torques at rest, so that payloads '
    'seem heavier than they are: Gazebo honours <gravity> of a link from gz-sim 8.6.0 with '
    'gz-physics 7.4.0 on (7.8.0 with 6.7.0, 6.17.0 with 5.4.0), and ignores it before'
)


class Driver(Protocol):
    """The robot that uses the arm."""

    def step(self) -> object:
        """Run one control period."""

    def hold_task(self) -> None:
        """Keep the task under way without moving."""


class ExternalArm:
    """
    An arm that steps the robot once per control period of joint states, and sends commands.

    Time is that of the stamps. The robot runs in a thread of the scheduler; the executor thread
    only receives joint states and watches them. While nobody hears the commands, or joint states
    do not come, the task waits: it is not the version that fails. Before the first task, and after
    such a time between two tasks, each joint must follow a command.
    """

    def __init__(
        self, node: Node, world: ExternalWorld, robot: Driver, scheduler: JobScheduler, name: str
    ) -> None:
        self._node = node
        self._logger = node.get_logger()
        self._world = world
        self._robot = robot
        self._scheduler = scheduler
        self._name = name
        self._heard_s = time.monotonic()
        self._held_s = -math.inf
        self._stepped_s = -math.inf
        # True while a thread of the scheduler uses the world.
        self._is_busy = False
        #: Why the arm cannot do tasks; empty: it can.
        self._fault = ''
        self._check: JointCheck | None = JointCheck()
        self._gravity = LinkGravity()
        self._was_between_tasks = True
        # Reliable, whoever listens: some bridges refuse best effort.
        self._commands = node.create_publisher(Float64MultiArray, COMMANDS, qos.EVENT)
        self._joint_commands = [
            node.create_publisher(Float64, _COMMAND.format(joint), qos.EVENT) for joint in JOINTS
        ]
        # Tools expect this absolute name.
        self._diagnostics = node.create_publisher(DiagnosticArray, '/diagnostics', qos.EVENT)
        node.create_subscription(JointState, 'joint_states', self._on_joints, qos.STREAM)
        # Steady, as the clock of a paused world does not advance.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        node.create_timer(_STALE_S / 4, self._watch, clock=steady)
        node.create_timer(1.0, self._publish_diagnostics, clock=steady)

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
        since_s = report.time_s - self._stepped_s
        if self._is_busy or 0.0 <= since_s < CONTROL_PERIOD_S - _ROUNDING_S:
            return
        self._stepped_s = report.time_s
        self._note(self._unheard())
        if not self._fault:
            self._give(partial(self._step, report))

    def _watch(self) -> None:
        now_s = time.monotonic()
        if self._is_busy:
            return
        if now_s - self._heard_s > _STALE_S:
            self._note(
                f'no joint states for {_STALE_S:g} s: check that the external world runs, and '
                'that joint_states is bridged'
            )
        if self._fault and now_s - self._held_s > _HOLD_S:
            self._held_s = now_s
            self._give(self._hold)

    def _unheard(self) -> str:
        """Return why commands do not reach every joint; empty: they do."""
        if self._commands.get_subscription_count():
            return ''
        deaf = [
            _COMMAND.format(joint)
            for joint, publisher in zip(JOINTS, self._joint_commands)
            if not publisher.get_subscription_count()
        ]
        if not deaf:
            return ''
        return (
            f'nobody subscribes to {COMMANDS}, nor to {few(deaf)}: check that the arm or its '
            'bridge runs, and that it takes reliable topics of these names'
        )

    def _note(self, fault: str) -> None:
        """Take note of a fault of the arm, or of its end, and say so once."""
        if fault == self._fault:
            return
        if fault:
            self._logger.warning(f'{fault}; the task waits, and counts against no version')
        else:
            self._logger.info(
                'joint states received again, and commands heard: the task continues'
            )
            if self._world.is_between_tasks:
                self._check = JointCheck()
        self._fault = fault
        self._held_s = -math.inf

    def _give(self, job: Callable[[], Point]) -> None:
        """Let a thread of the scheduler compute the command and send it."""
        self._is_busy = True

        def work() -> None:
            try:
                self._send(job())
            finally:
                self._is_busy = False

        self._scheduler.at(time.monotonic(), work)

    def _hold(self) -> Point:
        self._robot.hold_task()
        return self._world.hold()

    def _step(self, report: JointReport) -> Point:
        if self._check is not None:
            speeds = self._check.hear(report)
            if speeds is not None:
                self._warn_of_deaf(self._check.deaf(report.time_s))
                return speeds
            self._check = None
            self._logger.info('every joint follows its commands')
        world = self._world
        world.hear(report)
        self._robot.step()
        self._weigh(world)
        if world.is_lost:
            self._logger.warning(
                'the arm does not reach the start of the next task, although every joint followed '
                'its commands: look at it',
                throttle_duration_sec=30.0,
            )
        return world.command()

    def _warn_of_deaf(self, deaf: tuple[int, ...]) -> None:
        if deaf:
            names = few([_COMMAND.format(JOINTS[index]) for index in deaf])
            self._logger.warning(
                f'the arm does not follow {names}: no task begins; check the bridge and the '
                'controllers of these joints',
                throttle_duration_sec=10.0,
            )

    def _weigh(self, world: ExternalWorld) -> None:
        """Look at the torques of an arm that rests where a task begins."""
        has_begun = self._was_between_tasks and not world.is_between_tasks
        self._was_between_tasks = world.is_between_tasks
        if not has_begun or world.report is None:
            return
        was_felt = self._gravity.is_felt
        self._gravity.add(world.report)
        if self._gravity.is_felt and not was_felt:
            self._logger.warning(_LINK_GRAVITY.format(self._gravity.felt))

    def _publish_diagnostics(self) -> None:
        level, text = DiagnosticStatus.OK, 'every joint follows its commands'
        deaf = self._check.deaf(self._stepped_s) if self._check is not None else ()
        if self._fault:
            level, text = DiagnosticStatus.ERROR, self._fault
        elif deaf:
            level = DiagnosticStatus.ERROR
            text = f'does not follow commands: {few([JOINTS[index] for index in deaf])}'
        elif self._check is not None:
            level, text = DiagnosticStatus.WARN, 'joints are being checked'
        elif self._gravity.is_felt:
            level, text = DiagnosticStatus.WARN, _LINK_GRAVITY.format(self._gravity.felt)
        stamp = self._node.get_clock().now().to_msg()
        self._diagnostics.publish(
            diagnostics_msg(
                stamp, level, f'{self._name}: external arm', text, {}, hardware_id=self._name
            )
        )

    def _send(self, speeds: Point) -> None:
        self._commands.publish(Float64MultiArray(data=speeds))
        for publisher, speed in zip(self._joint_commands, speeds):
            publisher.publish(Float64(data=speed))


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
