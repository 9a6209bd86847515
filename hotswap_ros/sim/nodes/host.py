# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Host of simulated robots: common threads, speed, and folder of their disks."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rclpy.node import Node
from rclpy.parameter import Parameter

from hotswap_ros.nodes.thread_pool import ThreadPool
from hotswap_ros.sim.arm.scene import generator
from hotswap_ros.sim.arm.task import CONTROL_PERIOD_S, PickWorld, TaskWorld
from hotswap_ros.sim.faults.job_scheduler import JobScheduler
from hotswap_ros.sim.faults.network_link import Link
from hotswap_ros.sim.nodes.computer import Computer, SimModelServer
from hotswap_ros.sim.nodes.robot import Pauses, SimRobot


class Host:
    """
    A host that creates simulated robots and steps them, `speed` simulated seconds per second.

    Their model servers use context and namespace of `node`. Disks are folders in `disk_folder`;
    empty: a temporary folder.
    """

    def __init__(
        self,
        node: Node,
        speed: float,
        seed: int,
        disk_folder: str,
    ) -> None:
        self.scheduler = JobScheduler('physics')
        self._node = node
        self._pool = ThreadPool('load')
        self._seed = seed
        self._period_s = CONTROL_PERIOD_S / speed
        self._temporary = None if disk_folder else _temporary_folder()
        self._disks = Path(self._temporary.name if self._temporary else disk_folder)

    def robot(
        self,
        robot_id: str,
        place: str,
        pause_s: float,
        given: dict[str, Any],
        world: TaskWorld | None = None,
    ) -> SimRobot:
        """
        Create a robot that waits `pause_s` simulated seconds between tasks on average.

        `given` are parameters of its model server. `place` is its namespace within the node's, and
        the name of its disk. Without a `world` it has an arm in MuJoCo.
        """
        folder = self._disks / (place or robot_id)
        computer = Computer(Link(self.scheduler.after, time.monotonic), folder)
        values = {
            'robot_id': robot_id,
            'cache_folder': str(folder / 'models'),
            'state_folder': str(folder / 'state'),
            **given,
        }
        pauses = Pauses(pause_s, generator(self._seed, place, 'pauses').uniform)
        world = world or PickWorld(robot_id, self._seed)
        return SimRobot(computer, world, partial(self._server, place, values), pauses)

    def _server(self, place: str, values: dict[str, Any], computer: Computer) -> SimModelServer:
        above = self._node.get_namespace().rstrip('/')
        return SimModelServer(
            computer,
            worker=self._pool,
            context=self._node.context,
            namespace=f'{above}/{place}' if place else above or '/',
            # The arguments of the process are for the node: they must not rename a robot.
            use_global_arguments=False,
            enable_rosout=False,
            parameter_overrides=[Parameter(name, value=value) for name, value in values.items()],
        )

    def work(self, robot: SimRobot, step: Callable[[], object]) -> None:
        """Run `step` once per control period, until the robot is removed."""
        self.scheduler.after(self._period_s, partial(self._step, robot, step, time.monotonic()))

    def start(self) -> None:
        """Start the work of the robots."""
        self.scheduler.start()

    def stop(self) -> None:
        """Stop the work of the robots."""
        self.scheduler.stop()

    def close(self) -> None:
        """Stop the threads and remove the disks, after the robots have stopped."""
        self._pool.stop()
        if self._temporary is not None:
            self._temporary.cleanup()

    def _step(self, robot: SimRobot, step: Callable[[], object], due: float) -> None:
        if robot.is_gone:
            return
        step()
        # Lost time is skipped: a burst would starve the executor.
        due = max(due + self._period_s, time.monotonic() - self._period_s)
        self.scheduler.at(due, partial(self._step, robot, step, due))


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    # In memory if possible: a hundred simulated disks that flush at once share one real disk.
    memory = Path('/dev/shm')
    folder = memory if os.access(memory, os.W_OK) else None
    # Removed with this object, also if the creation of the node fails.
    return tempfile.TemporaryDirectory(
        prefix='hotswap_ros_sim_', dir=folder, ignore_cleanup_errors=True
    )
