# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Injector of faults into simulated robots, by command (`~/inject_fault`) and by schedule."""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.executors import Executor
from rclpy.node import Node

from hotswap_ros import srv
from hotswap_ros.nodes.parameters import ParameterError
from hotswap_ros.plan import problems_of
from hotswap_ros.sim.faults.faults import (
    Conditions,
    Fault,
    FaultBook,
    FaultError,
    FaultKind,
    UnknownRobotError,
    load_faults,
)
from hotswap_ros.sim.faults.job_scheduler import JobScheduler
from hotswap_ros.sim.nodes.robot import SimRobot

_TICK_S = 0.1
_KINDS = {getattr(srv.InjectFault.Request, kind.name): kind for kind in FaultKind}


class FaultInjector:
    """
    An injector that begins and ends faults of simulated robots.

    `robots` are by name; `twin_of` creates a second robot with the name of a first. Times of the
    schedule count from `start`, in real seconds, as the timeouts of robots and coordinator do not
    depend on the speed of the simulation. Raises ParameterError for a bad schedule.
    """

    def __init__(
        self,
        node: Node,
        robots: Mapping[str, SimRobot],
        scheduler: JobScheduler,
        twin_of: Callable[[str], SimRobot],
        *,
        faults_file: str,
        can_kill: bool,
    ) -> None:
        self._node = node
        self._robots = robots
        self._scheduler = scheduler
        self._twin_of = twin_of
        self.twins: dict[str, SimRobot] = {}
        self._started = time.monotonic()
        self._from_the_start: dict[str, Conditions] = {}
        # A start takes a tenth of a second: one robot after the other, while the others work.
        self._boots: deque[str] = deque()
        try:
            schedule = load_faults(faults_file) if faults_file else ()
            self._book = FaultBook(list(robots), schedule, can_kill)
        except FaultError as error:
            raise ParameterError(f"parameter 'faults_file': {error}") from error
        node.create_service(srv.InjectFault, '~/inject_fault', self._inject)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(_TICK_S, self._tick, clock=steady)

    def start(self, executor: Executor) -> None:
        """Start the robots, except those that the schedule powers off."""
        self._started = time.monotonic()
        self._from_the_start = self._book.tick(0.0)
        for robot_id, robot in self._robots.items():
            conditions = self._book.conditions(robot_id)
            # Its routing was written before the disk was full.
            robot.apply(dataclasses.replace(conditions, disk_full=False))
            if conditions.powered:
                robot.boot(executor)

    def _inject(self, request: Any, response: Any) -> Any:
        kind = _KINDS.get(request.fault)
        if kind is None:
            known = ', '.join(f'{number} ({kind.value})' for number, kind in _KINDS.items())
            response.error_code = response.INVALID_FAULT
            response.error_msg = f'fault {request.fault} is unknown (known: {known})'
            return response
        try:
            fault = Fault(
                fault=kind,
                robots=tuple(request.robot_ids),
                duration_s=request.duration_s,
                magnitude=request.magnitude,
            )
            named = self._book.inject(fault, self._now())
        except UnknownRobotError as error:
            response.error_code, response.error_msg = response.UNKNOWN_ROBOT, str(error)
        except ValidationError as error:
            response.error_code = response.INVALID_FAULT
            response.error_msg = '; '.join(problems_of(error))
        except FaultError as error:
            response.error_code, response.error_msg = response.INVALID_FAULT, str(error)
        else:
            self._node.get_logger().info(f'{kind.value} by command: {", ".join(named)}')
        return response

    def _now(self) -> float:
        return time.monotonic() - self._started

    def _tick(self) -> None:
        changed = {**self._from_the_start, **self._book.tick(self._now())}
        self._from_the_start = {}
        for robot_id, conditions in changed.items():
            self._node.get_logger().info(f'{robot_id}: {_described(conditions)}')
            self._apply(robot_id, conditions)
        if self._boots:
            self._boot(self._boots.popleft())

    def _apply(self, robot_id: str, conditions: Conditions) -> None:
        robot = self._robots[robot_id]
        robot.apply(conditions)
        if not conditions.powered:
            robot.lose_power(self._scheduler.after)
        elif conditions.rebooting:
            robot.shut_down()
        elif robot.server is None and robot_id not in self._boots:
            self._boots.append(robot_id)
        if conditions.duplicated != (robot_id in self.twins):
            self._duplicate(robot_id, conditions.duplicated)

    def _boot(self, robot_id: str) -> None:
        conditions = self._book.conditions(robot_id)
        robot = self._robots[robot_id]
        if conditions.powered and not conditions.rebooting and robot.server is None:
            robot.boot(self._node.executor)

    def _duplicate(self, robot_id: str, is_there: bool) -> None:
        if is_there:
            twin = self.twins[robot_id] = self._twin_of(robot_id)
            twin.boot(self._node.executor)
        else:
            twin = self.twins.pop(robot_id)
            twin.is_gone = True
            twin.shut_down()


def _described(conditions: Conditions) -> str:
    usual = Conditions(kills=conditions.kills)
    changed = [
        f'{field.name} is {getattr(conditions, field.name)}'
        for field in dataclasses.fields(conditions)
        if getattr(conditions, field.name) != getattr(usual, field.name)
    ]
    return ', '.join(changed) or 'no fault'
