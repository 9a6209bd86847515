# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An ordered rollback: robots return to a version, and every one of them confirms it."""

from __future__ import annotations

from collections.abc import Set

from hotswap_ros.coordinator import sentences
from hotswap_ros.coordinator.rollback.ended import EndedRollback
from hotswap_ros.coordinator.rollback.impact import impact_of
from hotswap_ros.coordinator.rollback.state import RollbackState
from hotswap_ros.fleet.changes import Subset
from hotswap_ros.fleet.commands import LoadVersion
from hotswap_ros.fleet.desired import Desired
from hotswap_ros.fleet.events import EventKind, EventLog, Level
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.rollout.event_kinds import END_EVENTS
from hotswap_ros.rollout.status import Cause, Status

#: Longest wait for confirmations, in seconds.
_TIMEOUT_S = 60.0


class Rollback:
    """
    One rollback in progress.

    It is done when every reachable robot that did not refuse confirms, or after a minute. It stays
    pending for robots that have not confirmed by then, until they reconnect. Robots that a newer
    rollback takes over no longer belong to it; it has ended when none is left. The state is the
    whole memory: a rollback that is made from a journaled state continues, with a new minute.
    """

    def __init__(self, state: RollbackState, log: EventLog, now: float) -> None:
        self.state = state
        self._say = log.of(state.rollback_id)
        if now < state.saved_at:
            # The clock was set back: it was ordered as long ago as when it was saved.
            state.ordered += now - state.saved_at
        self._since = now
        self._targets = _kept(state)
        self._missing: Subset | None = None
        self._told = -1

    @property
    def model_id(self) -> str:
        """Return the model (named policy)."""
        return self.state.model_id

    @property
    def robots_total(self) -> int:
        """Return how many robots it has, without those that were taken over."""
        return len(self._targets)

    @property
    def robots(self) -> Set[str]:
        """Return its robots, without those that were taken over."""
        return self._targets.keys()

    @property
    def is_done(self) -> bool:
        """Return whether it has ended."""
        return self.state.confirm_s is not None

    def desired(self) -> list[Desired]:
        """Return what the robots should serve."""
        state = self.state
        return [
            state.before[robot_id] if robot_id in state.refused else target
            for robot_id, target in self._targets.items()
        ]

    def news(self) -> list[Desired]:
        """Return what the robots should serve, if it may have changed since the last call."""
        if self._told == len(self.state.refused):
            return []
        self._told = len(self.state.refused)
        return self.desired()

    def checkpoint(self, now: float) -> RollbackState:
        """Return the state, for the journal."""
        self.state.saved_at = now
        return self.state

    def begin(self, now: float) -> None:
        """Say that it was ordered."""
        self._announce(EventKind.ROLLBACK, Level.WARNING, now)

    def tick(self, view: FleetView, now: float) -> None:
        """Check which robots have confirmed. The commands are sent with the first tick."""
        state = self.state
        if self.is_done:
            return
        if state.command_s is None:
            state.command_s = now - state.ordered
            return
        missing, unreachable = self._find_missing(view, now)
        failed = missing | (state.refused.keys() & self._targets.keys())
        state.robots_confirmed = len(self._targets) - len(failed)
        state.unconfirmed = tuple(sorted(missing))
        if missing <= unreachable or now - self._since >= _TIMEOUT_S:
            state.timed_out = tuple(sorted(missing - unreachable))
            kept = {r: found for r, found in state.replaced.items() if r in self._targets}
            state.impact = impact_of(kept, self.model_id, view)
            self._end(now)

    def hand_over(
        self, robots: Set[str], rollback_id: str, view: FleetView, now: float
    ) -> dict[str, Desired]:
        """
        Leave robots to a newer rollback; return what each of them serves now.

        That is the target for a robot that has confirmed it, or else what it served before.
        """
        state, taken = self.state, robots & self._targets.keys()
        if self.is_done or not taken:
            return {}
        missing, _ = self._find_missing(view, now)
        done = taken - missing - state.refused.keys()
        had = {r: (state.targets if r in done else state.before)[r] for r in sorted(taken)}
        state.taken_over |= dict.fromkeys(had, rollback_id)
        state.unconfirmed = tuple(r for r in state.unconfirmed if r not in taken)
        self._targets, self._missing = _kept(state), None
        if self._targets:
            text = sentences.took_over(rollback_id, had)
            self._say(now, EventKind.TAKEN_OVER, Level.INFO, text, [*had])
        else:
            state.robots_confirmed = 0
            self._end(now)
        return had

    def _find_missing(self, view: FleetView, now: float) -> tuple[Set[str], Set[str]]:
        """
        Return the robots that have not confirmed, and the unreachable ones.

        An unreachable robot has not confirmed, whatever it last reported: nobody knows what it
        serves now.
        """
        targets = self._targets
        if self._missing is None:
            view.expect(self.model_id, targets)
            self._missing = Subset(
                targets,
                view.changes(self.model_id),
                lambda robot_id: not view.confirms(targets[robot_id].routing, robot_id),
            )
        unreachable = frozenset(view.unreachable(self.model_id, targets.keys(), now))
        return (self._missing.now() | unreachable) - self.state.refused.keys(), unreachable

    def _end(self, now: float) -> None:
        state = self.state
        state.confirm_s = now - state.ordered
        is_whole = state.status is Status.ROLLED_BACK and not (state.refused or state.unconfirmed)
        is_lost = state.status is Status.FAILED and not state.robots_confirmed
        level = Level.ERROR if is_lost else Level.WARNING
        self._announce(END_EVENTS[state.status], Level.INFO if is_whole else level, now)

    def _announce(self, kind: EventKind, level: Level, now: float) -> None:
        self._say(now, kind, level, self.state.reason, sorted(self.state.targets), alert=True)

    @property
    def ended(self) -> EndedRollback | None:
        """Return its result; None: it is under way."""
        state = self.state
        if state.confirm_s is None:
            return None
        versions = {r: target.routing.stable for r, target in self._targets.items()}
        failed = {*state.refused, *state.unconfirmed}
        confirmed = {r: version for r, version in versions.items() if r not in failed}
        return EndedRollback(
            state.rollback_id,
            state.model_id,
            confirmed,
            {robot_id: versions[robot_id] for robot_id in state.unconfirmed},
            [r for r in confirmed if _routings_differ(state.targets[r], state.before[r])],
            state.ordered + state.confirm_s,
            state.confirm_s,
        )

    def load_refused(self, command: LoadVersion, cause: Cause, message: str) -> None:
        """Note that a robot cannot load the version: it keeps the one that it had."""
        target = self._targets.get(command.robot_id)
        if target is not None and command.version == target.routing.stable and not self.is_done:
            self.state.refused[command.robot_id] = (cause, message)


def _kept(state: RollbackState) -> dict[str, Desired]:
    return {r: target for r, target in state.targets.items() if r not in state.taken_over}


def _routings_differ(target: Desired, before: Desired) -> bool:
    return target.routing.versions != before.routing.versions
