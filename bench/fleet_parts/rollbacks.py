# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Duration of a rollback over DDS, and of stopping a fleet."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any, NamedTuple

from lib.processes import process
from rclpy.action import ActionClient
from rclpy.node import Node

from hotswap_ros import action, msg
from hotswap_ros.nodes import qos
from hotswap_ros.nodes.process import initialized, new_executor

MODEL_ID, VERSIONS = 'pick_policy', ('v23', 'v24')
_PATIENCE_S = 120.0
#: Number of rollbacks within which all robots must have confirmed one.
_WARM_UP = 10


class Rollback(NamedTuple):
    """
    Seconds of one rollback.

    `whole` is the time from sending the command to receiving the result; `confirmed` is the time
    from the order to the last robot's confirmation, as the coordinator reports it.
    """

    whole: float
    confirmed: float


class Driver:
    """A client that orders rollbacks and reads the number of robots from the coordinator."""

    def __init__(self) -> None:
        self.node = Node('bench', enable_rosout=False, start_parameter_services=False)
        self._executor = new_executor()
        self._executor.add_node(self.node)
        self._client = ActionClient(self.node, action.Rollback, '/fleet_coordinator/rollback')
        self.robots_heard = 0
        self.node.create_subscription(
            msg.RolloutStatus, '/fleet_coordinator/rollout_status', self._hear, qos.STATE
        )

    def _hear(self, status: Any) -> None:
        self.robots_heard = status.robots_heard

    def wait_for(self, robots: int) -> None:
        """Wait until the coordinator has heard this number of robots."""
        self._wait(lambda: self.robots_heard >= robots and self._client.server_is_ready())

    def roll_back(self, version: str) -> Any:
        """Order a rollback to a version on all robots; return the result of the action."""
        goal = action.Rollback.Goal(model_id=MODEL_ID, version=version)
        accepted = self._client.send_goal_async(goal)
        self._wait(accepted.done)
        result = accepted.result().get_result_async()
        self._wait(result.done)
        return result.result().result

    def _wait(self, is_there: Any) -> None:
        give_up_at = time.monotonic() + _PATIENCE_S
        while not is_there():
            if time.monotonic() > give_up_at:
                sys.exit(
                    f'nothing happened for {_PATIENCE_S:g} s; {self.robots_heard} robots heard'
                )
            self._executor.spin_once(timeout_sec=0.02)


@contextlib.contextmanager
def fleet(kind: str, robots: int, logs: Path) -> Iterator[Popen[str]]:
    """Run `sim_fleet` (kind simulated) or light robots, in a ROS domain of their own."""
    command = [sys.executable, str(Path(__file__).with_name('light_robots.py')), str(robots)]
    if kind == 'simulated':
        command = ['sim_fleet', '--ros-args', '-p', f'robots:={robots}', '-p', 'speed:=0.2']
    with process(command, logs / f'{kind}_{robots}.log', is_ours=True) as started:
        yield started


def rollbacks(kind: str, robots: int, times: int, logs: Path) -> list[Rollback]:
    """
    Roll all robots back to the other version, this number of times.

    Rollbacks before all robots have confirmed for the first time do not count: DDS needs a while
    to discover a thousand services.
    """
    journal = logs / f'{kind}_{robots}.sqlite3'
    journal.unlink(missing_ok=True)
    coordinator = ['fleet_coordinator', '--ros-args', '-p', f'journal:={journal}']
    found = []
    with (
        fleet(kind, robots, logs),
        process(coordinator, logs / f'coordinator_{robots}.log', is_ours=True),
        initialized(args=[]),
    ):
        driver = Driver()
        driver.wait_for(robots)
        number = 0
        while len(found) < times:
            number += 1
            began = time.perf_counter()
            result = driver.roll_back(VERSIONS[number % 2])
            whole = time.perf_counter() - began
            if not result.error_code:
                found.append(Rollback(whole, result.confirm_s))
            elif found or number == _WARM_UP:
                sys.exit(f'rollback {number}: {result.error_msg[:200]}')
    return found


def stop(robots: int, logs: Path) -> float:
    """Return how many seconds a simulated fleet at work takes to stop after SIGINT."""
    log = logs / f'simulated_{robots}.log'
    with fleet('simulated', robots, logs) as started:
        give_up_at = time.monotonic() + _PATIENCE_S
        while log.read_text().count('active: serving') < robots:
            if time.monotonic() > give_up_at:
                sys.exit(f'not all robots became active within {_PATIENCE_S:g} s: see {log}')
            time.sleep(0.1)
        began = time.perf_counter()
        started.send_signal(signal.SIGINT)
        code = started.wait(timeout=_PATIENCE_S)
        took = time.perf_counter() - began
    if code:
        sys.exit(f'sim_fleet ended with {code}: see {log}')
    return took


def choose_domain() -> None:
    """Choose a ROS domain that no other program on this machine uses."""
    os.environ['ROS_DOMAIN_ID'] = str(60 + os.getpid() % 40)
