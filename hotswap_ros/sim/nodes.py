# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The ROS edge of the simulation: many robots in one process, each with a model server of its own.

One thread runs the physics of all robots and asks their engines directly, as robot code on the
same computer would; the executor thread answers the fleet.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rclpy.executors import Executor
from rclpy.node import Node
from rclpy.parameter import Parameter

from hotswap_ros.nodes.model_server import ModelServer
from hotswap_ros.nodes.parameters import declare, parameter
from hotswap_ros.nodes.process import run
from hotswap_ros.nodes.worker import Worker
from hotswap_ros.serving import InferenceFailedError, NotServingError, UnknownTaskError
from hotswap_ros.sim._task import CONTROL_PERIOD_S, PickWorld, TaskEnd, TaskStart


@dataclass(frozen=True)
class SimFleetParameters:
    """Parameters of the simulated fleet."""

    robots: int = parameter(20, 'How many robots are simulated.', low=1, high=200)
    speed: float = parameter(
        1.0,
        'Simulated seconds per second; less where the processor cannot keep up.',
        low=0.01,
        high=100.0,
    )
    seed: int = parameter(1, 'Seed of robots and tasks.', low=0, high=2**31 - 1)
    robot_prefix: str = parameter('robot_', 'Robots are named with this and a number.')
    regions: tuple[str, ...] = parameter(
        ('north', 'south'), 'Regions that the robots are dealt out to in turn.'
    )
    model_id: str = parameter('pick_policy', 'The model that the robots serve.')
    model_repository: str = parameter(
        '', 'Folder that holds the versions; empty: the one that comes with the package.'
    )
    stable_version: str = parameter('v23', 'Version that the robots serve at the start.')
    fleet_namespace: str = parameter('/fleet', 'Namespace of the topics that the fleet shares.')


class SimRobot:
    """One simulated robot: a world, and the model server that decides in it."""

    def __init__(self, server: ModelServer, world: PickWorld) -> None:
        self._server = server
        self._world = world
        self._task: TaskStart | None = None

    def step(self) -> None:
        """Do one control period, if there is a version to decide."""
        if not self._server.is_serving:
            return
        if self._task is None:
            self._task = self._world.begin()
        try:
            decision = self._server.engine.infer(
                {'observation': self._world.observation()}, self._task_id, self._task.category
            )
        except NotServingError:
            return
        except InferenceFailedError as error:
            self._end(TaskEnd(False, True, str(error), 0.0))
            return
        end = self._world.step(decision.outputs['decision'])
        if end is not None:
            self._end(end)

    @property
    def _task_id(self) -> str:
        number = 0 if self._task is None else self._task.task_number
        return f'{self._server.robot_id}/{number}'

    def _end(self, end: TaskEnd) -> None:
        try:
            self._server.report_task(
                self._task_id,
                end.success,
                stuck=end.stuck,
                error=end.error,
                duration_s=end.duration_s,
            )
        except UnknownTaskError as error:
            self._server.get_logger().warning(str(error), throttle_duration_sec=10.0)
        self._task = None


class _Physics(threading.Thread):
    """Steps all robots in turn, at their pace or as fast as it goes."""

    def __init__(self, robots: Sequence[SimRobot], speed: float) -> None:
        super().__init__(name='physics', daemon=True)
        self._robots = robots
        self._period_s = CONTROL_PERIOD_S / speed
        self._stopping = threading.Event()

    def run(self) -> None:
        due = time.monotonic()
        while not self._stopping.is_set():
            for robot in self._robots:
                robot.step()
            # Time that was lost is not made up for: a burst would starve the executor.
            due = max(due + self._period_s, time.monotonic() - self._period_s)
            self._stopping.wait(max(0.0005, due - time.monotonic()))

    def stop(self, timeout_s: float = 1.0) -> None:
        self._stopping.set()
        if self.is_alive():
            self.join(timeout_s)


class SimFleet(Node):
    """Holds the simulated robots; `stop` must be called before it is destroyed."""

    def __init__(self, **node_options: Any) -> None:
        super().__init__('sim_fleet', **node_options)
        given = self.parameters = declare(self, SimFleetParameters)
        self._worker = Worker('load')
        digits = max(2, len(str(given.robots)))
        self.servers = [
            self._server(f'{given.robot_prefix}{i + 1:0{digits}}', i) for i in range(given.robots)
        ]
        worlds = [PickWorld(server.robot_id, given.seed) for server in self.servers]
        self._physics = _Physics(list(map(SimRobot, self.servers, worlds)), given.speed)

    def start(self) -> None:
        """Let the robots work."""
        self._physics.start()
        self.get_logger().info(
            f'{len(self.servers)} robots at {self.parameters.speed:g} times real time'
        )

    def stop(self) -> None:
        """Stop the threads, before the nodes are destroyed."""
        self._physics.stop()
        for server in self.servers:
            server.stop()
        self._worker.stop()

    def _server(self, robot_id: str, index: int) -> ModelServer:
        given = self.parameters
        values = {
            'robot_id': robot_id,
            'region': given.regions[index % len(given.regions)] if given.regions else '',
            'model_id': given.model_id,
            'model_repository': given.model_repository,
            'stable_version': given.stable_version,
            # A hundred robots in one process must not start a hundred more.
            'isolation': 'in_process',
            'fleet_namespace': given.fleet_namespace,
        }
        return ModelServer(
            worker=self._worker,
            context=self.context,
            namespace=f'{self.get_namespace().rstrip("/")}/{robot_id}',
            # The process's own arguments are this node's; a robot must not be renamed by them.
            use_global_arguments=False,
            enable_rosout=False,
            parameter_overrides=[Parameter(name, value=value) for name, value in values.items()],
        )


def main(args: list[str] | None = None) -> None:
    """Run a simulated fleet until SIGINT or SIGTERM."""

    def start(executor: Executor) -> Callable[[], None]:
        fleet = SimFleet()
        for node in (fleet, *fleet.servers):
            executor.add_node(node)
        fleet.start()
        return fleet.stop

    run(args, start)
