# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Session of the real coordinator with a virtual fleet, in virtual time."""

from __future__ import annotations

import contextlib
import gc
import math
from collections.abc import Callable, Iterator
from itertools import count

from hotswap_ros.coordinator import IN_MEMORY, Coordinator, Journal, Snapshot
from hotswap_ros.fleet import Event
from hotswap_ros.plan import Plan
from hotswap_ros.rollout import END_EVENTS, Status, Verb
from hotswap_ros.sim.virtual.clock import VirtualClock
from hotswap_ros.sim.virtual.fleet import VirtualFleet

#: Longest time between two ticks while commands are under way, as in the coordinator's node.
TICK_S = 0.05
#: A robot is unreachable after this time, or after this number of its report periods.
_UNREACHABLE_S = 5.0
_PERIODS = 3.0
#: Status of a rollout by the kind of its last event.
_ENDS = {kind: status for status, kind in END_EVENTS.items()}
#: Thresholds of the garbage collector: with the default ones a quarter of the time goes into
#: repeated scans of ten thousand robots, which live as long as the session.
_FEW_COLLECTIONS = (50_000, 20, 100)


class VirtualSession:
    """
    A coordinator and its fleet, from `clock.now` on.

    The coordinator ticks after reports of robots, and every 0.05 s while commands are under way.
    Without `explain` its gates compute no intervals, which is much faster. Its journal is in
    memory and written with every event, but not every few seconds.
    """

    def __init__(self, fleet: VirtualFleet, clock: VirtualClock, *, explain: bool = True) -> None:
        self.fleet = fleet
        self.clock = clock
        self.began = clock.now
        self.events: list[Event] = []
        #: Status of each ended rollout.
        self.ended: dict[str, Status] = {}
        #: Callbacks after every tick.
        self.on_look: list[Callable[[], object]] = []
        numbers = count(1)
        silent_s = max(_UNREACHABLE_S, _PERIODS * fleet.spec.telemetry_s)
        self._journal = Journal(IN_MEMORY)
        self.coordinator = Coordinator(
            self._journal,
            lambda: f'virtual-{next(numbers)}',
            clock.now,
            silent_s,
            explain=explain,
            # Nothing can kill it: no checkpoint is needed between two events.
            checkpoint_s=math.inf,
        )
        self._told = 0
        self._look_at = math.inf
        fleet.start(self.coordinator)
        # Every robot reports once before the first rollout.
        self.run(lambda: self._told >= fleet.spec.looks)

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()

    @property
    def elapsed_s(self) -> float:
        """Return the seconds since the start."""
        return self.clock.now - self.began

    def start(self, plan: Plan) -> str:
        """Start a rollout and return its id. Raises the errors of Coordinator.start."""
        rollout_id = self.coordinator.start(plan, self.clock.now, self.fleet.facts())
        self._soon()
        return rollout_id

    def command(
        self,
        rollout_id: str,
        verb: Verb,
        remark: str = '',
        share: float | None = None,
        by: str = '',
        robot_id: str = '',
    ) -> None:
        """Send an operator's command. Raises the errors of Coordinator.command."""
        self.coordinator.command(rollout_id, verb, self.clock.now, remark, share, by, robot_id)
        self._soon()

    def roll_back(self, version: str, robot_ids: tuple[str, ...] = ()) -> None:
        """Order a rollback. Raises the errors of Coordinator.roll_back."""
        model_id = self.fleet.spec.model_id
        self.coordinator.roll_back(model_id, version, robot_ids, self.clock.now)
        self._soon()

    def snapshot(self, rollout_id: str = '') -> Snapshot | None:
        """Return the snapshot of a rollout."""
        return self.coordinator.snapshot(self.clock.now, rollout_id)

    def run(self, is_over: Callable[[], bool], limit_s: float = math.inf) -> bool:
        """Advance time until `is_over`, or by `limit_s` at most; return whether it is over."""
        until = self.clock.now + limit_s
        with _few_collections():
            while not is_over():
                if self.clock.now >= until:
                    return False
                self._pass_to_next(until)
        return True

    def _soon(self) -> None:
        self._look_at = min(self._look_at, self.clock.now + TICK_S)

    def _pass_to_next(self, until: float) -> None:
        """Advance to the next tick of the coordinator, and run it."""
        tells_at = self.began + (self._told + 1) * self.fleet.look_s
        moment = min(tells_at, self._look_at, self._heard_at, until)
        self.clock.pass_until(moment)
        self._look_at = math.inf
        if moment >= tells_at:
            self.fleet.tell(self._told)
            self._told += 1
        self._look()

    @property
    def _heard_at(self) -> float:
        """Return the end of the tick in which the next job is due."""
        ticks = (self.clock.next - self.began) / TICK_S
        return self.began + math.ceil(ticks) * TICK_S if ticks < math.inf else math.inf

    def _look(self) -> None:
        output = self.coordinator.tick(self.clock.now)
        self.fleet.hear_heartbeat(output.lease_rollouts)
        self.events += output.events
        for event in output.events:
            if event.kind in _ENDS:
                self.ended[event.rollout_id] = _ENDS[event.kind]
        if output.commands:
            self.fleet.obey(output.commands)
        if output.commands or output.events:
            self._soon()
        for call in self.on_look:
            call()


@contextlib.contextmanager
def _few_collections() -> Iterator[None]:
    usual = gc.get_threshold()
    gc.set_threshold(*_FEW_COLLECTIONS)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
