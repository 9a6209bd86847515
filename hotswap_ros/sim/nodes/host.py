# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the simulated robots of a process share: threads, a pace, and a place for their disks."""

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

from hotswap_ros.nodes.thread_pool import Worker
from hotswap_ros.sim.arm.scene import generator
from hotswap_ros.sim.arm.task import CONTROL_PERIOD_S, PickWorld, TaskWorld
from hotswap_ros.sim.faults.job_scheduler import Agenda
from hotswap_ros.sim.faults.network_link import Link
from hotswap_ros.sim.nodes.computer import Computer, SimModelServer
from hotswap_ros.sim.nodes.robot import Pauses, SimRobot


class Host:
    """
    Makes simulated robots and steps them, `speed` simulated seconds in a real one.

    `node` is the one whose context and namespace their model servers live in. Disks are folders in
    `disk_folder`; empty: in one that goes with the host. Without `parameter_services` nobody can
    ask robots for their parameters, and a hundred start in four fifths of the time.
    """

    def __init__(
        self,
        node: Node,
        speed: float,
        seed: int,
        disk_folder: str,
        parameter_services: bool = True,
    ) -> None:
        self.agenda = Agenda('physics')
        self._node = node
        self._worker = Worker('load')
        self._seed = seed
        self._parameter_services = parameter_services
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
        Make a robot that waits `pause_s` simulated seconds for a task on average.

        `given` are parameters of its model server. `place` is the namespace of that, within the
        node's, and the name of its disk. Without a `world` it has an arm in MuJoCo.
        """
        folder = self._disks / (place or robot_id)
        computer = Computer(Link(self.agenda.after, time.monotonic), folder)
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
            worker=self._worker,
            context=self._node.context,
            namespace=f'{above}/{place}' if place else above or '/',
            # The process's own arguments are the node's; a robot must not be renamed by them.
            use_global_arguments=False,
            enable_rosout=False,
            start_parameter_services=self._parameter_services,
            parameter_overrides=[Parameter(name, value=value) for name, value in values.items()],
        )

    def work(self, robot: SimRobot, step: Callable[[], object]) -> None:
        """Do `step` once per control period, until the robot is gone."""
        self.agenda.after(self._period_s, partial(self._step, robot, step, time.monotonic()))

    def start(self) -> None:
        """Let the robots work."""
        self.agenda.start()

    def stop(self) -> None:
        """Let nobody work any more."""
        self.agenda.stop()

    def close(self) -> None:
        """End what is left, once the robots have stopped."""
        self._worker.stop()
        if self._temporary is not None:
            self._temporary.cleanup()

    def _step(self, robot: SimRobot, step: Callable[[], object], due: float) -> None:
        if robot.is_gone:
            return
        step()
        # Time that was lost is not made up for: a burst would starve the executor.
        due = max(due + self._period_s, time.monotonic() - self._period_s)
        self.agenda.at(due, partial(self._step, robot, step, due))


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    # In memory where that is possible: a hundred disks that are flushed at once are one disk here.
    memory = Path('/dev/shm')
    folder = memory if os.access(memory, os.W_OK) else None
    # It goes with this object, too: also when the node that wanted it cannot be made.
    return tempfile.TemporaryDirectory(
        prefix='hotswap_ros_sim_', dir=folder, ignore_cleanup_errors=True
    )
