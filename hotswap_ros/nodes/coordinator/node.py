# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The node fleet_coordinator, around one Coordinator.

It has four threads. The loop thread owns the Coordinator: it takes what was received, ticks,
writes the journal and passes the result on. The executor thread calls and answers, and never
blocks. The listener reads what robots send, and the heartbeat waits for none of the others.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.executors import Executor
from rclpy.node import Node

from hotswap_ros import msg
from hotswap_ros.coordinator import (
    JournalDamagedError,
    JournalError,
    JournalHeldError,
    journal_path,
)
from hotswap_ros.limits import COORDINATORS
from hotswap_ros.models import shared
from hotswap_ros.nodes import qos
from hotswap_ros.nodes.coordinator.actions import CoordinatorActions
from hotswap_ros.nodes.coordinator.heartbeats import Heartbeats
from hotswap_ros.nodes.coordinator.journal_keeper import JournalKeeper
from hotswap_ros.nodes.coordinator.listener import RobotListener
from hotswap_ros.nodes.coordinator.loop import LoopLink, News
from hotswap_ros.nodes.coordinator.parameters import CoordinatorParameters
from hotswap_ros.nodes.coordinator.plan_reader import PlanReader
from hotswap_ros.nodes.coordinator.publishers import CoordinatorPublishers
from hotswap_ros.nodes.coordinator.robot_calls import RobotCalls
from hotswap_ros.nodes.coordinator.services import PlanService, RolloutServices
from hotswap_ros.nodes.parameters import declare
from hotswap_ros.nodes.process import give_up, run

#: Seconds between two rounds of making clients, and seconds that one takes: each takes a few
#: milliseconds, a thousand robots may be heard at once, and the executor has other work.
_CLIENTS_S = 0.2
_FOR_CLIENTS_S = 0.02

__all__ = ['CoordinatorParameters', 'FleetCoordinator', 'main']


class FleetCoordinator(Node):
    """The node that runs rollouts and rollbacks. Call `stop` before you destroy it."""

    def __init__(self, **node_options: Any) -> None:
        super().__init__('fleet_coordinator', **node_options)
        self.parameters = declare(self, CoordinatorParameters)
        self._link = LoopLink(self, self.parameters, self._take_news)
        path = journal_path(self.parameters.journal)
        self._keeper = JournalKeeper(path, self.parameters, self.get_logger().info)
        self._build_interface()
        self.get_logger().info(f'ready, journal {path}')

    def stop(self) -> None:
        """Stop the threads; a rollout that is under way continues at the next start."""
        self._reader.stop()
        self._keeper.stop()
        self._listener.stop()
        self._heartbeats.stop()
        self._link.stop()

    def _build_interface(self) -> None:
        parameters, fleet = self.parameters, self.parameters.fleet_namespace
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._calls = RobotCalls(
            self, self._link, steady, parameters.command_timeout_s, parameters.load_timeout_s
        )
        self._own_publishers = CoordinatorPublishers(self, self._link.epoch, self._on_published)
        self._heartbeats = Heartbeats(
            self, f'{fleet}/heartbeat', self._link, parameters.heartbeat_period_s
        )
        self._epochs: set[int] = set()
        self.create_subscription(
            msg.Heartbeat, f'{fleet}/heartbeat', self._on_heartbeat, qos.STREAM
        )
        self._listener = RobotListener(self, self._link, fleet, parameters.max_robots, self._warn)
        # The default group would wait for the end of each coroutine before it accepts a message.
        at_once = ReentrantCallbackGroup()
        plans = Path(parameters.plans_folder or shared('config', 'plans'))
        self._reader = PlanReader(self, self._link, plans, parameters.model_repository)
        self._served = (
            CoordinatorActions(self, self._link, self._reader, at_once),
            PlanService(self, self._link, self._reader, at_once),
            RolloutServices(self, self._link, at_once),
        )
        self.create_timer(_CLIENTS_S, self._match_clients, clock=steady)
        self.create_timer(1.0, self._repeat, clock=steady)

    def _match_clients(self) -> None:
        """Make clients of new servers and drop those of forgotten ones, some at a time."""
        known, heard = self._calls.servers, self._listener.servers.copy()
        until = time.monotonic() + _FOR_CLIENTS_S
        jobs = [(self._calls.prepare, server) for server in heard if server not in known]
        jobs += [(self._calls.forget, server) for server in known if server not in heard]
        for job, server in jobs:
            job(server)
            if time.monotonic() >= until:
                return

    def _repeat(self) -> None:
        if not self._link.is_alive:
            raise RuntimeError('the thread that runs rollouts has stopped')
        self._own_publishers.repeat(
            self._listener.health.copy(), self._keeper.figures, self._listener.problem
        )

    def _warn(self, text: str) -> None:
        self.get_logger().error(text, throttle_duration_sec=10.0)

    def _on_heartbeat(self, heartbeat: Any) -> None:
        epoch = heartbeat.epoch
        if self._heartbeats.is_own(heartbeat) or epoch in self._epochs:
            return
        # A newer one is always heard of: it has the fleet.
        if epoch > self._link.epoch or len(self._epochs) < COORDINATORS:
            self._epochs.add(epoch)
            self._link.post(lambda coordinator, now: coordinator.on_heartbeat(epoch, now))

    def _on_published(self, events_number: int) -> None:
        self._link.post(lambda coordinator, now: coordinator.on_told(events_number, now))

    def _take_news(self, news: News) -> None:
        # The loop has put away what ended before the start.
        self._keeper.start()
        for command in news.commands:
            self._calls.send(command)
        self._own_publishers.take(news)


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
