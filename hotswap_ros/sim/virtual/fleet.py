# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Fleet of virtual robots: their tasks, commands, reports and faults."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise

import numpy as np

from hotswap_ros.fleet import Command, RobotReport, Route, Telemetry
from hotswap_ros.models import Routing, VersionCounters
from hotswap_ros.plan import VersionFacts
from hotswap_ros.sim.faults.faults import Conditions, Fault, FaultBook, FaultError, FaultKind
from hotswap_ros.sim.virtual.clock import Appointment, VirtualClock
from hotswap_ros.sim.virtual.counters import Looks, SentCounters
from hotswap_ros.sim.virtual.library import Library
from hotswap_ros.sim.virtual.listener import Listener
from hotswap_ros.sim.virtual.outcomes import VersionOutcomes
from hotswap_ros.sim.virtual.server import BOOT_S, Refusal, VirtualServer
from hotswap_ros.sim.virtual.spec import FleetSpec
from hotswap_ros.sim.virtual.workload import Workload

#: Seconds until a command reaches its robot.
_WAY_S = 0.01
_GHOST = 'second'


class VirtualFleet:
    """
    Robots that serve, work, report and fail in virtual time; the same seed gives the same fleet.

    `truth` has the outcomes of every version, including `spec.stable`. Each robot reports its
    status and counters once in a period, at its own phase, and its status on every change. Raises
    FaultError for a schedule that is not possible here.
    """

    def __init__(
        self,
        spec: FleetSpec,
        truth: Sequence[VersionOutcomes],
        clock: VirtualClock,
        seed: int = 1,
        faults: Sequence[Fault] = (),
    ) -> None:
        self.spec = spec
        self._clock = clock
        self._began = clock.now
        self._names = [one.version for one in truth]
        self._library = Library.of(spec.model_id, truth)
        stable = self._library.outcomes[spec.stable]
        placed = spec.placed()
        self.robot_ids = tuple(one.robot_id for one in placed)
        self._index = {robot_id: i for i, robot_id in enumerate(self.robot_ids)}
        self._categories = tuple(stable.categories)
        random, looks, phases, network = map(
            np.random.default_rng, np.random.SeedSequence(seed).spawn(4)
        )
        self._network = network
        mixes = np.array([spec.mix(one.region, stable) for one in placed])
        self.workload = Workload(truth, self._categories, mixes, spec.stretch(stable), random)
        self._looks = Looks(truth, self._categories, len(placed), looks)
        # Sorted, so that robots that report between two ticks are adjacent.
        self._phases = phases.random(len(placed))
        order = np.argsort(self._phases, kind='stable')
        self._sides = spec.looks
        bounds = np.searchsorted(self._phases[order], np.arange(self._sides + 1) / self._sides)
        self._groups = [order[low:high] for low, high in pairwise(bounds)]
        self._listener: Listener | None = None
        self._leased: frozenset[str] = frozenset()
        self._lease_ends: dict[int, Appointment] = {}
        self._ghosts: dict[int, VirtualServer] = {}
        self._conditions: dict[int, Conditions] = {}
        serves = Routing(spec.model_id, spec.stable)
        self.servers = [
            VirtualServer(
                one.robot_id,
                self._library,
                clock,
                serves,
                partial(self._on_change, index),
                one.region,
                one.labels,
                spec.resident_limit,
            )
            for index, one in enumerate(placed)
        ]
        self._book = FaultBook(self.robot_ids, faults, can_kill=True)
        for fault in faults:
            self._expect(fault)

    # -- faults -----------------------------------------------------------------------------------

    def inject(self, fault: Fault) -> None:
        """Add a fault that begins `at_s` from now. Raises FaultError."""
        self._book.inject(fault, self._clock.now - self._began)
        self._expect(fault)

    def _expect(self, fault: Fault) -> None:
        if fault.fault is FaultKind.SENSOR_DRIFT:
            raise FaultError(
                'sensor_drift needs physics, which virtual robots do not have: run it live, '
                'or give a version that was measured so'
            )
        begins = self._clock.now + fault.at_s
        self._clock.call_at(begins, self._apply_faults)
        if fault.lasts_s < math.inf:
            self._clock.call_at(begins + fault.lasts_s, self._apply_faults)

    def _apply_faults(self) -> None:
        # Rounding of the clock must not delay a fault that is due now.
        changed = self._book.tick(self._clock.now - self._began + 1e-6)
        for robot_id, conditions in changed.items():
            index = self._index[robot_id]
            before = self._conditions.get(index, Conditions())
            self._conditions[index] = conditions
            self._live_with(index, before, conditions)

    def _live_with(self, index: int, before: Conditions, now: Conditions) -> None:
        server = self.servers[index]
        server.disk_is_full = now.disk_full
        was_up = before.powered and not before.rebooting
        is_up = now.powered and not now.rebooting
        if (was_up and not is_up) or now.kills > before.kills:
            self._stop(index)
        if is_up and (not was_up or now.kills > before.kills):
            self._clock.call_after(BOOT_S, partial(self._start, index))
        if now.clock_shift_s != before.clock_shift_s:
            server.set_clock(now.clock_shift_s)
        if now.duplicated != before.duplicated:
            self._set_ghost(index, now.duplicated)
        if now.partitioned != before.partitioned:
            self._mind_lease(index)
            self._tell_change(index)

    def _set_ghost(self, index: int, is_there: bool) -> None:
        ghost = self._ghosts.pop(index, None)
        if ghost is not None:
            ghost.stop()
        if not is_there:
            return
        serves = Routing(self.spec.model_id, self.spec.stable)
        ghost = VirtualServer(
            self.robot_ids[index], self._library, self._clock, serves, lambda: None, place=_GHOST
        )
        ghost.start()
        self._ghosts[index] = ghost

    def _stop(self, index: int) -> None:
        self.workload.advance(np.array([index]), self._clock.now)
        self.servers[index].stop()
        self.workload.stop(index)
        self._looks.reset(index)
        self._mind_lease(index)

    def _start(self, index: int) -> None:
        conditions = self._conditions.get(index, Conditions())
        if conditions.powered and not conditions.rebooting and not self.servers[index].is_up:
            self.servers[index].start()

    def _is_connected(self, index: int) -> bool:
        conditions = self._conditions.get(index)
        in_reach = conditions is None or not conditions.partitioned
        return in_reach and self.servers[index].is_up

    # -- routing ----------------------------------------------------------------------------------

    def start(self, listener: Listener) -> None:
        """Start all robots, except those with a fault that prevents it."""
        self._listener = listener
        self._apply_faults()
        for index in range(len(self.servers)):
            self._start(index)

    def _on_change(self, index: int) -> None:
        """Apply the routing in force to the robot's next task, and report it."""
        work, routing = self.workload, self.servers[index].routing
        work.stable[index] = self._number(routing.stable)
        before = int(work.candidate[index])
        candidate = self._number(routing.candidate)
        work.candidate[index] = candidate
        work.share[index] = routing.candidate_share
        work.shadow[index] = self._number(routing.shadow)
        if before not in (candidate, -1):
            work.drop_candidate(index, before)
        if not work.is_at_work(index) and routing.stable:
            work.start(index, self._clock.now)
        self._mind_lease(index)
        self._tell_change(index)

    def _number(self, version: str) -> int:
        return self._names.index(version) if version else -1

    def _mind_lease(self, index: int) -> None:
        """Schedule the end of the lease if no more heartbeats arrive."""
        ends = self._lease_ends.pop(index, None)
        if ends is not None:
            ends.cancel()
        server = self.servers[index]
        routing = server.routing
        if not (server.is_up and routing.candidate and routing.lease_s):
            return
        server.in_force.renew_lease((routing.salt,))
        if not (self._is_connected(index) and routing.salt in self._leased):
            self._lease_ends[index] = self._clock.call_after(routing.lease_s, server.end_lease)

    def hear_heartbeat(self, rollouts: Collection[str] | None) -> None:
        """Set the rollouts whose candidates keep their lease; heartbeats repeat it."""
        leased = frozenset(rollouts or ())
        changed = leased ^ self._leased
        self._leased = leased
        if not changed:
            return
        for index, server in enumerate(self.servers):
            if server.routing.salt in changed:
                self._mind_lease(index)

    # -- commands ---------------------------------------------------------------------------------

    def obey(self, commands: Iterable[Command]) -> None:
        """Send commands to their robots."""
        at_once = []
        for command in commands:
            delay_s = self._delay(self._index[command.robot_id])
            if delay_s:
                self._clock.call_after(delay_s, partial(self._obey_all, (command,)))
            else:
                at_once.append(command)
        if at_once:
            self._clock.call_after(_WAY_S, partial(self._obey_all, at_once))

    def _delay(self, index: int) -> float:
        conditions = self._conditions.get(index)
        return 0.0 if conditions is None else conditions.delay_s

    def _obey_all(self, commands: Sequence[Command]) -> None:
        reached = [c for c in commands if self._is_connected(self._index[c.robot_id])]
        routed = [self._index[c.robot_id] for c in reached if isinstance(c, Route)]
        if routed:
            self._advance(np.array(routed), self._clock.now)
        for command in reached:
            refusal = self._do(command)
            if refusal is not None and self._listener is not None:
                now = self._clock.now
                self._listener.on_refused(command, refusal.cause, refusal.message, now)

    def _do(self, command: Command) -> Refusal | None:
        index = self._index[command.robot_id]
        server = self.servers[index]
        if index in self._ghosts and command.server.startswith(_GHOST):
            server = self._ghosts[index]
        return server.obey(command)

    # -- tasks and reports ------------------------------------------------------------------------

    def _advance(self, robots: np.ndarray, until: np.ndarray | float) -> None:
        self.workload.advance(robots, until)
        openings, self.workload.openings = self.workload.openings, []
        for opening in sorted(openings):
            server, version = self.servers[opening.robot], self._names[opening.version]
            gives_up = self._library.outcomes[version].gives_up
            if opening.is_for_good and gives_up is not None:
                server.give_up(version, gives_up.reason)
            else:
                server.fail_in_a_row(version, opening.cause)

    @property
    def look_s(self) -> float:
        """Return the seconds between two calls of `tell`."""
        return self.spec.telemetry_s / self._sides

    def tell(self, number: int) -> None:
        """Send the reports that are due since the last call; calls are numbered from 0."""
        period, group = self.spec.telemetry_s, self._groups[number % self._sides]
        if not len(group):
            return
        moments = self._began + period * (number // self._sides + self._phases[group])
        self._advance(group, moments)
        block = self.workload.counts.of(group)
        for row, index in enumerate(group.tolist()):
            if self._is_connected(index):
                counters = SentCounters(self._looks, index, block, row)
                self._tell(index, self.servers[index], counters)
                if index in self._ghosts:
                    self._tell(index, self._ghosts[index], {})

    def _tell(
        self, index: int, server: VirtualServer, counters: Mapping[str, VersionCounters]
    ) -> None:
        self._tell_status(index, server)
        telemetry = Telemetry(server.boot_id, server.routing, counters)
        self._send(index, self._say_telemetry, self.robot_ids[index], telemetry)

    def _tell_change(self, index: int) -> None:
        if self._is_connected(index):
            self._tell_status(index, self.servers[index])

    def _tell_status(self, index: int, server: VirtualServer) -> None:
        clock = self._clock.now + server.clock_shift_s
        self._send(index, self._say_report, server.report, clock)

    def _send(self, index: int, say: Callable[..., None], *said: object) -> None:
        spec, delay_s = self.spec, self._delay(index)
        if spec.message_loss and self._network.random() < spec.message_loss:
            return
        if spec.message_delay_s:
            delay_s += float(self._network.exponential(spec.message_delay_s))
        if delay_s:
            self._clock.call_after(delay_s, partial(say, *said))
        else:
            say(*said)

    def _say_report(self, report: RobotReport, clock: float) -> None:
        if self._listener is not None:
            self._listener.on_report(report, self._clock.now, clock)

    def _say_telemetry(self, robot_id: str, telemetry: Telemetry) -> None:
        if self._listener is not None:
            self._listener.on_telemetry(self.spec.model_id, robot_id, telemetry)

    # -- state ------------------------------------------------------------------------------------

    def outcomes(self, version: str) -> VersionOutcomes:
        """Return the truth about a version."""
        return self._library.outcomes[version]

    def facts(self) -> Mapping[str, VersionFacts]:
        """Return the facts in the manifest of each version."""
        return {name: one.facts() for name, one in self._library.outcomes.items()}

    def served(self) -> Mapping[str, str]:
        """Return the stable version of every robot that is up."""
        return {s.robot_id: s.routing.stable for s in self.servers if s.is_up}
