# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The node sim_fleet: many simulated robots in one process, each with its own model server.

A few threads simulate the physics of all robots and call their engines directly, like robot code
on the same computer; the executor thread answers the fleet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.executors import Executor
from rclpy.node import Node

from hotswap_ros.nodes.parameters import declare, parameter
from hotswap_ros.nodes.process import run
from hotswap_ros.sim.fleet_layout import busy_robots, mean_pause_s, place_of
from hotswap_ros.sim.nodes.host import Host
from hotswap_ros.sim.nodes.injector import FaultInjector
from hotswap_ros.sim.nodes.robot import SimRobot


@dataclass(frozen=True)
class SimFleetParameters:
    """Parameters of sim_fleet."""

    robots: int = parameter(20, 'Number of simulated robots.', low=1, high=200)
    speed: float = parameter(
        1.0,
        'Simulated seconds per second; lower if the processor is too slow.',
        low=0.01,
        high=100.0,
    )
    seed: int = parameter(1, 'Random seed of robots and tasks.', low=0, high=2**31 - 1)
    robot_prefix: str = parameter('robot_', 'Prefix of the names of the robots, before a number.')
    regions: tuple[str, ...] = parameter(
        ('north', 'south'), 'Regions, which the robots take in turn.'
    )
    labels: tuple[str, ...] = parameter(
        (),
        'Labels, which the robots of each region take in turn; an entry with commas is several '
        'labels: "gripper=jaw,floor=1".',
    )
    busy_share: float = parameter(0.0, 'Share of robots with a busy computer.', low=0.0, high=1.0)
    busy_slowdown: float = parameter(
        10.0, 'Factor on the duration of inference on a busy computer.', low=1.0, high=1000.0
    )
    pause_s: float = parameter(
        0.0,
        'Mean pause between tasks in simulated seconds; the mean of each robot is between zero '
        'and twice this value.',
        low=0.0,
        high=3600.0,
    )
    faults_file: str = parameter(
        '', 'YAML file with scheduled faults, see docs/reference/simulated_robots.md; empty: none.'
    )
    disk_folder: str = parameter(
        '',
        "Folder of the robots' disks, which keep loaded versions and the last routing; empty: a "
        'temporary folder.',
    )
    model_id: str = parameter('pick_policy', 'Model (named policy) that the robots serve.')
    model_repository: str = parameter('', 'Model repository; empty: that of the package.')
    stable_version: str = parameter('v23', 'Version that the robots serve at the start.')
    isolation: str = parameter(
        'in_process',
        'Where candidates and shadows run: "in_process" (a hundred robots must not start a '
        'hundred more processes), or "worker", which shadows need (a few robots).',
    )
    fleet_namespace: str = parameter('/fleet', 'Namespace of the topics that the fleet shares.')


class SimFleet(Node):
    """The node with the simulated robots. Call `stop` before you destroy it."""

    def __init__(self, **node_options: Any) -> None:
        super().__init__('sim_fleet', **node_options)
        given = self.parameters = declare(self, SimFleetParameters)
        self._host = Host(self, given.speed, given.seed, given.disk_folder)
        digits = max(2, len(str(given.robots)))
        names = [f'{given.robot_prefix}{i + 1:0{digits}}' for i in range(given.robots)]
        self._numbers = {name: number for number, name in enumerate(names)}
        self._busy = busy_robots(names, given.busy_share, given.seed)
        self.robots = {name: self._robot(name, name) for name in names}
        self._injector = FaultInjector(
            self,
            self.robots,
            self._host.scheduler,
            self._twin,
            faults_file=given.faults_file,
            can_kill=False,
        )

    def start(self, executor: Executor) -> None:
        """Start the model servers and the work of the robots."""
        self._injector.start(executor)
        for robot in self.robots.values():
            self._host.work(robot, robot.step)
        self._host.start()
        self.get_logger().info(
            f'{len(self.robots)} robots at {self.parameters.speed:g} times real time'
        )

    def stop(self) -> None:
        """Stop the threads, before the nodes are destroyed."""
        self._host.stop()
        for robot in (*self.robots.values(), *self._injector.twins.values()):
            robot.stop()
        self._host.close()

    def _robot(self, robot_id: str, place: str) -> SimRobot:
        given = self.parameters
        region, labels = place_of(given.regions, given.labels, self._numbers[robot_id])
        values = {
            'region': region,
            **({'labels': list(labels)} if labels else {}),
            'model_id': given.model_id,
            'model_repository': given.model_repository,
            'stable_version': given.stable_version,
            'slowdown': given.busy_slowdown if robot_id in self._busy else 1.0,
            'isolation': given.isolation,
            'fleet_namespace': given.fleet_namespace,
        }
        pause_s = mean_pause_s(robot_id, given.pause_s, given.seed)
        return self._host.robot(robot_id, place, pause_s, values)

    def _twin(self, robot_id: str) -> SimRobot:
        twin = self._robot(robot_id, f'{robot_id}_twin')
        self._host.work(twin, twin.step)
        return twin


def main(args: list[str] | None = None) -> None:
    """Run a simulated fleet until SIGINT or SIGTERM."""

    def start(executor: Executor) -> Callable[[], None]:
        fleet = SimFleet()
        executor.add_node(fleet)
        fleet.start(executor)
        return fleet.stop

    run(args, start)
