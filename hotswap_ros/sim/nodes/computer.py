# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Computer of a simulated robot: its model server, with faults of network, clock and disk."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from inspect import isawaitable
from pathlib import Path
from typing import Any

from rclpy.duration import Duration
from rclpy.time import Time

from hotswap_ros.models import VerifiedVersion
from hotswap_ros.nodes import qos
from hotswap_ros.nodes.model_server import ModelServer
from hotswap_ros.nodes.model_server.parameters import ModelServerParameters
from hotswap_ros.nodes.parameters import parameter
from hotswap_ros.serving import RuntimeSettings, Session
from hotswap_ros.sim.faults import full_disk
from hotswap_ros.sim.faults.busy_computer import SlowSession
from hotswap_ros.sim.faults.faults import Conditions
from hotswap_ros.sim.faults.network_link import Link, Way

#: Number of service requests and answers that wait for the end of a cut, the default of DDS.
_CALLS_KEPT = 10


class Computer:
    """
    The environment of a robot's programs: a network, a clock and a disk (`folder`).

    It outlives the programs, which stop and start on it.
    """

    def __init__(self, link: Link, folder: Path) -> None:
        self.link = link
        self.folder = folder
        self.clock_shift_s = 0.0
        folder.mkdir(parents=True, exist_ok=True)

    def apply(self, conditions: Conditions) -> None:
        """Apply the conditions to network, clock and disk."""
        self.link.set(cut=conditions.partitioned, delay_s=conditions.delay_s)
        self.clock_shift_s = conditions.clock_shift_s
        change = full_disk.fill if conditions.disk_full else full_disk.empty
        change(self.folder)


@dataclass(frozen=True)
class SimServerParameters(ModelServerParameters):
    """Parameters of a simulated robot's model server."""

    slowdown: float = parameter(
        1.0, 'Factor on the duration of inference, as on a busy computer.', low=1.0, high=1000.0
    )


class SimModelServer(ModelServer):
    """A model server whose messages, times and files go through a computer with faults."""

    PARAMETERS = SimServerParameters
    parameters: SimServerParameters

    def __init__(self, computer: Computer, **node_options: Any) -> None:
        # Before the node creates its own publishers and services.
        self._computer = computer
        # In order: the tasks of an executor have none, and on Jazzy the newest runs first.
        self._arrived: deque[Callable[[], Any]] = deque()
        super().__init__(**node_options)

    def lose_power(self) -> None:
        """Stop at once, without messages and writes."""
        self._active = False
        if self._engine is not None:
            self._engine.on_change = self._engine.on_shadow = None
            self._engine.close(asked=False)

    def open_session(self, verified: VerifiedVersion, settings: RuntimeSettings) -> Session:
        """Open a session on the computer, which may be busy. Raises LoadFailedError."""
        slowdown = self.parameters.slowdown
        if slowdown > 1.0:
            return SlowSession(verified, settings, slowdown)
        return super().open_session(verified, settings)

    # -- clock and disk ---------------------------------------------------------------------------

    def get_clock(self) -> Any:
        """Return the clock of the computer, including its jumps."""
        clock = super().get_clock()
        shift_s = self._computer.clock_shift_s
        return _ShiftedClock(clock, shift_s) if shift_s else clock

    def wall_time(self) -> float:
        """Return the time of the computer, in seconds since 1970."""
        return time.time() + self._computer.clock_shift_s

    def disk_free_bytes(self) -> int:
        """Return the space left on the computer's disk. Raises OSError."""
        return 0 if full_disk.is_full(self._computer.folder) else super().disk_free_bytes()

    # -- network ----------------------------------------------------------------------------------

    def create_publisher(self, kind: Any, topic: str, profile: Any, **options: Any) -> Any:
        """Create a publisher behind the link."""
        publisher = super().create_publisher(kind, topic, profile, **options)
        way = self._computer.link.way(_kept(profile))
        send = publisher.publish
        publisher.publish = lambda message: way.carry(partial(send, message))
        return publisher

    def create_subscription(
        self, kind: Any, topic: str, callback: Callable[[Any], Any], profile: Any, **options: Any
    ) -> Any:
        """Create a subscription behind the link."""
        way = self._computer.link.way(_kept(profile))

        def hear(message: Any) -> None:
            self._carry_in(way, partial(callback, message))

        return super().create_subscription(kind, topic, hear, profile, **options)

    def create_service(
        self, kind: Any, name: str, callback: Callable[[Any, Any], Any], **options: Any
    ) -> Any:
        """
        Create a service behind the link.

        A waiting coroutine would keep some executors busy, and one with a lost request would wait
        for ever: blocked requests return at once, and are answered from here after the cut.
        """
        link = self._computer.link
        way_in, way_out = link.way(_CALLS_KEPT), link.way(_CALLS_KEPT)

        async def serve(request: Any, response: Any) -> Any:
            found = callback(request, response)
            return await found if isawaitable(found) else found

        # Always a coroutine function: the executors of rclpy await nothing else.
        async def hear(request: Any, response: Any) -> Any:
            if link.is_clear:
                return await serve(request, response)
            return _Call(request, response)

        service = super().create_service(kind, name, hear, **options)
        send = service.send_response

        def answer(found: Any, header: Any) -> None:
            if not isinstance(found, _Call):
                way_out.carry(partial(send, found, header))
                return

            async def serve_late() -> None:
                response = await serve(found.request, found.response)
                way_out.carry(partial(send, response, header))

            self._carry_later(way_in, serve_late)

        service.send_response = answer
        return service

    def _carry_in(self, way: Way, deliver: Callable[[], Any]) -> None:
        if self._computer.link.is_clear and not way.waiting:
            deliver()
        else:
            self._carry_later(way, deliver)

    def _carry_later(self, way: Way, deliver: Callable[[], Any]) -> None:
        way.carry(partial(self._arrive, deliver))

    def _arrive(self, deliver: Callable[[], Any]) -> None:
        executor = self.executor
        if executor is not None:
            self._arrived.append(deliver)
            executor.create_task(self._deliver_next)

    async def _deliver_next(self) -> None:
        found = self._arrived.popleft()()
        if isawaitable(found):
            await found


@dataclass(frozen=True)
class _Call:
    """A request that is still blocked."""

    request: Any
    response: Any


class _ShiftedClock:
    """A clock that is wrong by a constant."""

    def __init__(self, clock: Any, shift_s: float) -> None:
        self._clock = clock
        self._shift = Duration(nanoseconds=round(shift_s * 1e9))

    def now(self) -> Time:
        return self._clock.now() + self._shift

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clock, name)


def _kept(profile: Any) -> int:
    """Return the number of messages that wait for a subscriber behind a cut, as in DDS."""
    return int(profile.depth) if profile.reliability == qos.EVENT.reliability else 0
