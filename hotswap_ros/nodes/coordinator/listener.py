# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Messages of robots from the topic to the loop, at a rate and in a number that are bounded.

The executor only puts the bytes of a message aside. A thread of its own reads the newest message
of each robot, so that no flood keeps the executor or the loop from a rollback.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from rclpy.node import Node
from rclpy.serialization import deserialize_message

from hotswap_ros import msg
from hotswap_ros.coordinator import Coordinator
from hotswap_ros.fleet import Intake, RobotReport, Sender, Telemetry
from hotswap_ros.limits import MESSAGE_BYTES, NAME_CHARACTERS, SENTENCE_CHARACTERS
from hotswap_ros.models import InvalidRoutingError
from hotswap_ros.nodes import qos
from hotswap_ros.nodes.conversions.bounds import MessageError
from hotswap_ros.nodes.conversions.cdr import strings
from hotswap_ros.nodes.conversions.common import InterfaceMismatchError
from hotswap_ros.nodes.conversions.report import robot_clock, robot_report, telemetry_value
from hotswap_ros.nodes.coordinator.loop import LoopLink
from hotswap_ros.text import few, plain, size_words

#: Seconds between two rounds of reading, and messages that are read in one: 4,000 a second, half
#: of them of robots that were never commanded. A thousand robots send 2,000.
_ROUND_S = 0.05
_IN_A_ROUND = 200
_OF_STRANGERS = 100
#: Seconds between two looks at which robots were ever commanded.
_TRUST_S = 1.0
#: Bytes in a message before its first text: the header, and one or two times.
_STATUS_TEXTS, _TELEMETRY_TEXTS = 20, 12


class RobotListener(threading.Thread):
    """
    Subscribes to status and telemetry, and passes them on to the loop.

    `tell` takes a sentence about what is ignored, from any thread.
    """

    def __init__(
        self, node: Node, link: LoopLink, fleet: str, most: int, tell: Callable[[str], None]
    ) -> None:
        super().__init__(name='listener', daemon=True)
        self._link = link
        self._most = most
        self._tell = tell
        self._intake = Intake(most)
        self._stopping = threading.Event()
        self._trust_at = 0.0
        #: Why robots are not heard, for diagnostics; empty: all are.
        self.problem = ''
        #: The health of each robot, by model and robot_id: one of RobotStatus.HEALTH_*.
        self.health: dict[tuple[str, str], int] = {}
        #: Servers that were heard, in the order of their first status.
        self.servers: dict[str, tuple[str, str]] = {}
        for kind, topic, take, profile in (
            (msg.RobotStatus, 'status', self._on_status, qos.EVENT_OF_FLEET),
            (msg.ModelTelemetry, 'telemetry', self._on_telemetry, qos.STREAM_OF_FLEET),
        ):
            node.create_subscription(kind, f'{fleet}/{topic}', take, profile, raw=True)
        self.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self.join(1.0)

    # -- the executor thread ----------------------------------------------------------------------

    def _on_status(self, data: bytes) -> None:
        if self._is_small(data):
            found = strings(data, _STATUS_TEXTS, 2)
            if found is not None:
                self._intake.offer(Sender(*found), data, time.monotonic())

    def _on_telemetry(self, data: bytes) -> None:
        if self._is_small(data):
            found = strings(data, _TELEMETRY_TEXTS, 3)
            if found is not None:
                self._intake.offer_more(found[0], ('telemetry', found[2]), data)

    def _is_small(self, data: bytes) -> bool:
        if len(data) <= MESSAGE_BYTES:
            return True
        size, most = size_words(len(data)), size_words(MESSAGE_BYTES)
        self._tell(f'a message of {size} is ignored: robots send at most {most}')
        return False

    # -- the thread -------------------------------------------------------------------------------

    def run(self) -> None:
        """Read until `stop` is called."""
        while not self._stopping.wait(_ROUND_S):
            now = time.monotonic()
            if now >= self._trust_at:
                self._trust_at = now + _TRUST_S
                self._link.post(self._trust)
            taken = self._intake.take(now, _IN_A_ROUND, _OF_STRANGERS)
            self._read(taken.messages)
            for sender in taken.forgotten:
                self._forget(sender)
            self._note_refused(taken.refused, taken.examples)

    def _trust(self, coordinator: Coordinator, now: float) -> None:
        self._intake.trust(robot_id.encode() for robot_id in coordinator.commanded_robots)

    def _read(self, messages: list[tuple[bool, bytes]]) -> None:
        jobs = []
        for is_status, data in messages:
            try:
                jobs.append(self._status(data) if is_status else self._telemetry(data))
            except (MessageError, InvalidRoutingError, InterfaceMismatchError) as error:
                self._tell_ignored(is_status, data, plain(str(error), SENTENCE_CHARACTERS))
            except Exception as error:  # What robots send must end neither thread nor process.
                found = f'{type(error).__name__}: {plain(str(error), SENTENCE_CHARACTERS)}'
                self._tell_ignored(is_status, data, f'it cannot be read ({found})')
        if jobs:
            self._link.post(partial(_do_all, jobs))

    def _tell_ignored(self, is_status: bool, data: bytes, why: str) -> None:
        kind, start = ('status', _STATUS_TEXTS) if is_status else ('telemetry', _TELEMETRY_TEXTS)
        robot_id = (strings(data, start, 1) or (b'',))[0].decode(errors='replace')
        self._tell(f"{kind} of '{plain(robot_id, NAME_CHARACTERS)}' is ignored: {why}")

    def _status(self, data: bytes) -> Callable[[Coordinator, float], None]:
        status = deserialize_message(data, msg.RobotStatus)
        report = robot_report(status)
        self.health[report.model_id, report.robot_id] = status.health
        self.servers[report.server] = (report.model_id, report.robot_id)
        return partial(_report, report, robot_clock(status))

    def _telemetry(self, data: bytes) -> Callable[[Coordinator, float], None]:
        message = deserialize_message(data, msg.ModelTelemetry)
        telemetry = telemetry_value(message)
        return partial(_count, message.model_id, message.robot_id, telemetry)

    def _forget(self, sender: Sender) -> None:
        server, robot_id = sender.server.decode(), sender.robot_id.decode()
        name = self.servers.pop(server, None)
        if name is not None:
            self.health.pop(name, None)
        self._link.post(lambda coordinator, _: coordinator.forget(robot_id, server))

    def _note_refused(self, refused: int, examples: tuple[bytes, ...]) -> None:
        if not refused:
            self.problem = ''
            return
        names = few([plain(name.decode(errors='replace'), 60) for name in examples])
        self.problem = (
            f'{refused:,} statuses of unknown robots ignored ({names}): there is room for '
            f"{self._most}; raise parameter 'max_robots', or stop who sends them"
        )
        self._tell(self.problem)
        self._link.post(partial(_ignored, self.problem))


def _do_all(
    jobs: list[Callable[[Coordinator, float], None]], coordinator: Coordinator, now: float
) -> None:
    for job in jobs:
        job(coordinator, now)


def _ignored(problem: str, coordinator: Coordinator, now: float) -> None:
    coordinator.on_robots_ignored(problem, now)


def _report(
    report: RobotReport, clock: float | None, coordinator: Coordinator, now: float
) -> None:
    coordinator.on_report(report, now, clock)


def _count(
    model_id: str, robot_id: str, telemetry: Telemetry, coordinator: Coordinator, now: float
) -> None:
    coordinator.on_telemetry(model_id, robot_id, telemetry, now)
