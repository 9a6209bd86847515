# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Simulated robot: an arm with tasks, and a computer with a model server."""

from __future__ import annotations

import math
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from rclpy.executors import Executor

from hotswap_ros.serving import InferenceFailedError, NotServingError, UnknownTaskError
from hotswap_ros.sim.arm.task import CONTROL_PERIOD_S, TaskEnd, TaskStart, TaskWorld
from hotswap_ros.sim.faults.faults import Conditions
from hotswap_ros.sim.faults.network_link import FORGET_S
from hotswap_ros.sim.nodes.computer import Computer, SimModelServer

MakeServer = Callable[[Computer], SimModelServer]


class Pauses:
    """Pauses of a robot between tasks: `mean_s` on average, in simulated seconds."""

    def __init__(self, mean_s: float, uniform: Callable[[float, float], float]) -> None:
        self._mean_s = mean_s
        self._uniform = uniform

    def next_steps(self) -> int:
        """Return the next pause in control periods."""
        if not self._mean_s:
            return 0
        return round(self._uniform(0.0, 2.0 * self._mean_s) / CONTROL_PERIOD_S)


class SimRobot:
    """
    A robot at work. One thread at a time calls `step`, the executor thread everything else.

    `make_server` creates its model server, at its start and after each failure.
    """

    def __init__(
        self, computer: Computer, world: TaskWorld, make_server: MakeServer, pauses: Pauses
    ) -> None:
        self.world = world
        self._computer = computer
        self._make_server = make_server
        self._pauses = pauses
        # Excludes decisions while the server stops.
        self._lock = threading.Lock()
        self._server: SimModelServer | None = None
        self._without_power: SimModelServer | None = None
        self._executor: Executor | None = None
        self._conditions = Conditions()
        self._task: TaskStart | None = None
        self._steps_left = 0
        #: The robot is removed for good: its steps end.
        self.is_gone = False

    @property
    def server(self) -> SimModelServer | None:
        """Return the model server, None while the computer is off."""
        return self._server

    # -- the computer -----------------------------------------------------------------------------

    def boot(self, executor: Executor) -> None:
        """Start the model server. Raises ParameterError."""
        self._executor = executor
        self.bury()
        server = self._make_server(self._computer)
        executor.add_node(server)
        self._server = server

    def shut_down(self) -> None:
        """Shut the model server down cleanly."""
        server = self._take_server()
        if server is not None:
            server.stop()
            server.destroy_node()
        self.bury()

    def stop(self) -> None:
        """Stop the model server; its node is destroyed with the process."""
        if self._server is not None:
            self._server.stop()

    def lose_power(self, after: Callable[[float, Callable[[], object]], object]) -> None:
        """
        Stop the model server without a message.

        Other programs still see it until DDS would drop it or it starts again; `after` schedules a
        job.
        """
        server = self._take_server()
        if server is None:
            return
        server.lose_power()
        self._without_power = server
        executor = self._executor
        if executor is not None:
            after(FORGET_S, lambda: executor.create_task(self._bury, server))

    def bury(self) -> None:
        """Remove the rest of a server that lost power."""
        if self._without_power is not None:
            self._bury(self._without_power)

    def _bury(self, server: SimModelServer) -> None:
        if server is self._without_power:
            self._without_power = None
            server.destroy_node()

    def _take_server(self) -> SimModelServer | None:
        with self._lock:
            server, self._server = self._server, None
            self._task = None
        if server is not None and self._executor is not None:
            self._executor.remove_node(server)
        return server

    def apply(self, conditions: Conditions) -> None:
        """Apply the conditions, except those of the power, which takes a while."""
        if conditions.kills > self._conditions.kills:
            os.kill(os.getpid(), signal.SIGKILL)
        self._conditions = conditions
        self._computer.apply(conditions)
        # The same distance in each direction.
        self.world.camera_drift = (conditions.camera_drift_m / math.sqrt(3.0),) * 3

    # -- the work ---------------------------------------------------------------------------------

    def step(self) -> bool:
        """Run one control period with the robot's own policy; return whether the arm moved."""
        with self._lock:
            task = self._next_task()
            return task is not None and self._decide(task)

    def step_with(self, speeds_for: Callable[[TaskStart], Any | None]) -> TaskStart | None:
        """
        Run one control period with external commands; return the task to observe next.

        `speeds_for` returns the joint speeds for a task, shape (1, 3) in rad/s, or None: the arm
        waits where it is.
        """
        with self._lock:
            task = self._next_task()
            if task is None:
                return None
            speeds = speeds_for(task)
            if speeds is not None:
                self._drive(task, speeds)
            return self._task

    def hold_task(self) -> None:
        """
        Keep the task under way while the arm cannot move.

        Without an inference it would time out, and count against a version that did nothing wrong.
        """
        with self._lock:
            task, server = self._task, self._server
            if task is None or server is None:
                return
            observation = {'observation': self.world.observation()}
            with suppress(NotServingError, InferenceFailedError):
                server.engine.infer(observation, self.task_id(task), task.category)

    def _next_task(self) -> TaskStart | None:
        """Return the task under way, or a new one; None without a policy, or before its begin."""
        server = self._server
        if server is None or not server.is_serving:
            return None
        if self._steps_left > 0:
            self._steps_left -= 1
            return None
        if self._task is None:
            self._task = self.world.begin()
        return self._task

    def task_id(self, task: TaskStart) -> str:
        """Return the name of a task in the fleet."""
        return f'{self.world.robot_id}/{task.task_number}'

    def _decide(self, task: TaskStart) -> bool:
        server = self._server
        assert server is not None
        observation = {'observation': self.world.observation()}
        try:
            decision = server.engine.infer(observation, self.task_id(task), task.category)
        except NotServingError:
            return False
        except InferenceFailedError as error:
            self._end(task, TaskEnd(False, True, str(error), 0.0))
            return False
        self._drive(task, decision.outputs['decision'])
        return True

    def _drive(self, task: TaskStart, speeds: Any) -> None:
        end = self.world.step(speeds)
        if end is not None:
            self._end(task, end)

    def _end(self, task: TaskStart, end: TaskEnd) -> None:
        server = self._server
        self._task = None
        self._steps_left = self._pauses.next_steps()
        if server is None:
            return
        try:
            server.report_task(
                self.task_id(task),
                end.success,
                stuck=end.stuck,
                error=end.error,
                progress=end.progress,
                duration_s=end.duration_s,
            )
        except UnknownTaskError as error:
            server.get_logger().warning(str(error), throttle_duration_sec=10.0)
