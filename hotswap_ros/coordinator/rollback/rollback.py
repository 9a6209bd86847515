# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A rollback that somebody ordered: put versions back and see every robot confirm."""

from __future__ import annotations

from collections.abc import Set

from hotswap_ros.coordinator.rollback.impact import impact_of
from hotswap_ros.coordinator.rollback.state import RollbackState
from hotswap_ros.fleet.changes import Subset
from hotswap_ros.fleet.commands import LoadVersion
from hotswap_ros.fleet.desired import Desired
from hotswap_ros.fleet.events import Event, EventKind, Level
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.rollout.state import Cause, Status

#: Who has not confirmed by then, in seconds, is owed it.
_TIMEOUT_S = 60.0


class Rollback:
    """
    One rollback in progress.

    It is done when every reachable robot that did not refuse confirms, or after a minute; who has
    not confirmed by then is owed it, and gets it when it is heard again. Robots that a newer one
    takes over are its business no longer; it has ended when none is left. The state is the whole
    memory: one that is made from a journaled state goes on, and its minute begins anew.
    """

    def __init__(self, state: RollbackState, now: float) -> None:
        self.state = state
        if now < state.saved_at:
            # The clock was set back: it was ordered as long ago as when it was saved.
            state.ordered += now - state.saved_at
        self._since = now
        self._targets = _kept(state)
        self._silent: Subset | None = None
        self._told = -1

    @property
    def model_id(self) -> str:
        """Return the model (named policy)."""
        return self.state.model_id

    @property
    def robots_total(self) -> int:
        """Return how many robots it is for, without those that were taken over."""
        return len(self._targets)

    @property
    def robots(self) -> Set[str]:
        """Return the robots that it is for, without those that were taken over."""
        return self._targets.keys()

    @property
    def robots_confirmed(self) -> int:
        """Return how many robots report what they should serve."""
        return self.state.robots_confirmed

    @property
    def owed(self) -> tuple[str, ...]:
        """Return the robots that have not confirmed."""
        return self.state.owed

    @property
    def refused(self) -> dict[str, tuple[Cause, str]]:
        """Return the robots that stay on what they had, and why."""
        return self.state.refused

    @property
    def command_s(self) -> float | None:
        """Return how long after the order the commands left, in seconds."""
        return self.state.command_s

    @property
    def confirm_s(self) -> float | None:
        """Return how long after the order the last robot confirmed, in seconds."""
        return self.state.confirm_s

    @property
    def is_done(self) -> bool:
        """Return whether nothing more is waited for."""
        return self.state.confirm_s is not None

    def wants(self) -> list[Desired]:
        """Return what the robots should serve."""
        state = self.state
        return [
            state.before[robot_id] if robot_id in state.refused else target
            for robot_id, target in self._targets.items()
        ]

    def news(self) -> list[Desired]:
        """Return everything, where it may have changed since it was returned the last time."""
        if self._told == len(self.refused):
            return []
        self._told = len(self.refused)
        return self.wants()

    def checkpoint(self, now: float) -> RollbackState:
        """Return the state, for the journal."""
        self.state.saved_at = now
        return self.state

    def tick(self, view: FleetView, now: float) -> None:
        """See who has confirmed. The first tick's wishes leave with it."""
        state = self.state
        if self.is_done:
            return
        if state.command_s is None:
            state.command_s = now - state.ordered
            return
        missing, away = self._missing(view, now)
        gone = missing | (state.refused.keys() & self._targets.keys())
        state.robots_confirmed = len(self._targets) - len(gone)
        state.owed = tuple(sorted(missing))
        if missing <= away or now - self._since >= _TIMEOUT_S:
            state.silent = tuple(sorted(missing - away))
            kept = {r: away for r, away in state.away.items() if r in self._targets}
            state.extent = impact_of(kept, self.model_id, view)
            state.confirm_s = now - state.ordered

    def hand_over(
        self, robots: Set[str], rollback_id: str, view: FleetView, now: float
    ) -> dict[str, Desired]:
        """
        Give robots up to a newer rollback; return what each of them had, of those that were its.

        That is what they were put back to where they have confirmed it, or else what they had.
        """
        state, taken = self.state, robots & self._targets.keys()
        if self.is_done or not taken:
            return {}
        missing, _ = self._missing(view, now)
        done = taken - missing - state.refused.keys()
        had = {r: (state.targets if r in done else state.before)[r] for r in sorted(taken)}
        state.taken_over |= dict.fromkeys(had, rollback_id)
        state.owed = tuple(r for r in state.owed if r not in taken)
        self._targets, self._silent = _kept(state), None
        if not self._targets:
            state.robots_confirmed = 0
            state.confirm_s = now - state.ordered
        return had

    def _missing(self, view: FleetView, now: float) -> tuple[Set[str], Set[str]]:
        """
        Return who has not confirmed, and who is away.

        The last word of a robot that is away may say what it should: nobody knows what it serves.
        """
        targets = self._targets
        if self._silent is None:
            view.expect(self.model_id, targets)
            self._silent = Subset(
                targets,
                view.changes(self.model_id),
                lambda robot_id: not view.confirms(targets[robot_id].routing, robot_id),
            )
        away = frozenset(view.unreachable(self.model_id, targets.keys(), now))
        return (self._silent.now() | away) - self.refused.keys(), away

    @property
    def went_back(self) -> tuple[str, ...]:
        """Return the robots that confirmed and had served something else."""
        state = self.state
        return tuple(
            robot_id
            for robot_id in self.put_back()
            if state.targets[robot_id].routing.versions != state.before[robot_id].routing.versions
        )

    def begin_event(self, now: float) -> Event:
        """Return what people are told when it is ordered."""
        return Event(
            time=now,
            kind=EventKind.ROLLBACK,
            level=Level.WARNING,
            text=self.state.reason,
            robots=tuple(sorted(self.state.targets)),
            alert=True,
        )

    def end_event(self, now: float) -> Event:
        """Return what people are told when it is done."""
        status = self.state.status
        is_whole = status is Status.ROLLED_BACK and not (self.refused or self.owed)
        is_lost = status is Status.FAILED and not self.robots_confirmed
        level = Level.ERROR if is_lost else Level.WARNING
        return Event(
            time=now,
            kind=status.value,
            level=Level.INFO if is_whole else level,
            text=self.state.reason,
            robots=tuple(sorted(self.state.targets)),
            alert=True,
        )

    def put_back(self) -> dict[str, str]:
        """Return the version that every robot was given back, of those that took it."""
        return {
            robot_id: target.routing.stable
            for robot_id, target in self._targets.items()
            if robot_id not in self.refused and robot_id not in self.owed
        }

    def load_refused(self, command: LoadVersion, cause: Cause, message: str) -> None:
        """Take a robot's word that it cannot load the version: it stays on what it had."""
        target = self._targets.get(command.robot_id)
        if target is not None and command.version == target.routing.stable and not self.is_done:
            self.refused[command.robot_id] = (cause, message)


def _kept(state: RollbackState) -> dict[str, Desired]:
    return {r: target for r, target in state.targets.items() if r not in state.taken_over}
