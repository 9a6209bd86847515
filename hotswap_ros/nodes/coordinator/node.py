# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The node fleet_coordinator, around one Coordinator.

It has two threads. The loop thread owns the Coordinator: it takes the received messages, ticks,
writes the journal and passes the result on. The executor thread does everything that needs ROS,
and never blocks.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.exceptions import InvalidServiceNameException
from rclpy.executors import Executor
from rclpy.node import Node

from hotswap_ros import msg
from hotswap_ros.coordinator import (
    JournalDamagedError,
    JournalError,
    JournalHeldError,
    journal_path,
)
from hotswap_ros.models import InvalidRoutingError, shared
from hotswap_ros.nodes import qos
from hotswap_ros.nodes.conversions.common import InterfaceMismatchError
from hotswap_ros.nodes.conversions.report import robot_clock, robot_report, telemetry_value
from hotswap_ros.nodes.coordinator.actions import CoordinatorActions
from hotswap_ros.nodes.coordinator.journal_keeper import JournalKeeper
from hotswap_ros.nodes.coordinator.loop import LoopLink, News
from hotswap_ros.nodes.coordinator.parameters import CoordinatorParameters
from hotswap_ros.nodes.coordinator.plan_reader import PlanReader
from hotswap_ros.nodes.coordinator.publishers import CoordinatorPublishers
from hotswap_ros.nodes.coordinator.robot_calls import RobotCalls
from hotswap_ros.nodes.coordinator.services import PlanService, RolloutServices
from hotswap_ros.nodes.parameters import declare
from hotswap_ros.nodes.process import give_up, run

#: Number of its own recent heartbeats that a coordinator recognises.
_OWN_BEATS = 64

__all__ = ['CoordinatorParameters', 'FleetCoordinator', 'main']


class FleetCoordinator(Node):
    """The node that runs rollouts and rollbacks. Call `stop` before you destroy it."""

    def __init__(self, **node_options: Any) -> None:
        super().__init__('fleet_coordinator', **node_options)
        self.parameters = declare(self, CoordinatorParameters)
        self._robots: dict[tuple[str, str], msg.RobotStatus] = {}
        self._lease_rollouts: tuple[str, ...] | None = ()
        self._link = LoopLink(self, self.parameters, self._take_news)
        path = journal_path(self.parameters.journal)
        self._keeper = JournalKeeper(path, self.parameters, self.get_logger().info)
        self._build_interface()
        self.get_logger().info(f'ready, journal {path}')

    def stop(self) -> None:
        """Stop the threads; a rollout that is under way continues at the next start."""
        self._reader.stop()
        self._keeper.stop()
        self._link.stop()

    def _build_interface(self) -> None:
        parameters, fleet = self.parameters, self.parameters.fleet_namespace
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._calls = RobotCalls(
            self, self._link, steady, parameters.command_timeout_s, parameters.load_timeout_s
        )
        self._own_publishers = CoordinatorPublishers(self, self._link.epoch, self._on_published)
        self._heartbeats = self.create_publisher(msg.Heartbeat, f'{fleet}/heartbeat', qos.STREAM)
        self._own_beats: deque[Any] = deque(maxlen=_OWN_BEATS)
        self.create_subscription(
            msg.Heartbeat, f'{fleet}/heartbeat', self._on_heartbeat, qos.STREAM
        )
        self.create_subscription(
            msg.RobotStatus, f'{fleet}/status', self._on_status, qos.EVENT_OF_FLEET
        )
        self.create_subscription(
            msg.ModelTelemetry, f'{fleet}/telemetry', self._on_telemetry, qos.STREAM_OF_FLEET
        )
        # The default group would wait for the end of each coroutine before it accepts a message.
        at_once = ReentrantCallbackGroup()
        plans = Path(parameters.plans_folder or shared('config', 'plans'))
        self._reader = PlanReader(self, self._link, plans, parameters.model_repository)
        self._served = (
            CoordinatorActions(self, self._link, self._reader, at_once),
            PlanService(self, self._link, self._reader, at_once),
            RolloutServices(self, self._link, at_once),
        )
        self.create_timer(parameters.heartbeat_period_s, self._beat, clock=steady)
        self.create_timer(1.0, self._repeat, clock=steady)

    def _repeat(self) -> None:
        self._own_publishers.repeat(self._robots, self._keeper.figures)

    def _on_status(self, status: Any) -> None:
        try:
            report = robot_report(status)
        except InvalidRoutingError as error:
            self.get_logger().error(
                f"status of '{status.robot_id}' is ignored: {error}", throttle_duration_sec=10.0
            )
            return
        self._robots[status.model_id, status.robot_id] = status
        try:
            self._calls.prepare(status.server)
        except InvalidServiceNameException as error:
            self.get_logger().error(
                f"status of '{status.robot_id}' is ignored: field 'server' is '{status.server}': "
                f'{" ".join(str(error).split())}',
                throttle_duration_sec=10.0,
            )
            return
        clock = robot_clock(status)
        self._link.post(lambda coordinator, now: coordinator.on_report(report, now, clock))

    def _on_telemetry(self, message: Any) -> None:
        try:
            telemetry = telemetry_value(message)
        except (InterfaceMismatchError, InvalidRoutingError) as error:
            self.get_logger().error(
                f"telemetry of '{message.robot_id}' is ignored: {error}",
                throttle_duration_sec=10.0,
            )
            return
        model_id, robot_id = message.model_id, message.robot_id
        self._link.post(
            lambda coordinator, now: coordinator.on_telemetry(model_id, robot_id, telemetry, now)
        )

    def _on_heartbeat(self, heartbeat: Any) -> None:
        epoch = heartbeat.epoch
        if epoch != self._link.epoch or heartbeat.stamp not in self._own_beats:
            self._link.post(lambda coordinator, now: coordinator.on_heartbeat(epoch, now))

    def _on_published(self, events_number: int) -> None:
        self._link.post(lambda coordinator, now: coordinator.on_told(events_number, now))

    def _take_news(self, news: News) -> None:
        # The loop has put away what ended before the start.
        self._keeper.start()
        for command in news.commands:
            self._calls.send(command)
        new_rollout = news.lease_rollouts != self._lease_rollouts
        self._lease_rollouts = news.lease_rollouts
        if new_rollout:
            self._beat()
        self._own_publishers.take(news)

    def _beat(self) -> None:
        if not self._link.is_alive:
            # No loop watches the rollouts: heartbeats must end, and the process with them.
            raise RuntimeError('the thread that runs rollouts has stopped')
        if self._lease_rollouts is None:
            return
        stamp = self.get_clock().now().to_msg()
        self._own_beats.append(stamp)
        self._heartbeats.publish(
            msg.Heartbeat(stamp=stamp, epoch=self._link.epoch, rollout_ids=self._lease_rollouts)
        )


def main(args: list[str] | None = None) -> None:
    """Run the coordinator until SIGINT or SIGTERM."""

    def start(executor: Executor) -> Callable[[], None]:
        coordinator = FleetCoordinator()
        executor.add_node(coordinator)
        return coordinator.stop

    try:
        run(args, start)
    except (JournalHeldError, JournalDamagedError) as error:
        # A person has to act first: another start changes nothing.
        give_up(error)
    except JournalError as error:
        # The disk may be writable again when it is started again.
        sys.exit(f'fleet_coordinator: {error}')
