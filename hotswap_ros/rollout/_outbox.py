# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What has been decided and is not in the journal yet: only what is goes out."""

from __future__ import annotations

from collections.abc import Iterable

from hotswap_ros.plan import Rehearsal
from hotswap_ros.rollout._commands import Desired
from hotswap_ros.rollout._journal import Journal, JournalError
from hotswap_ros.rollout._roster import Roster
from hotswap_ros.rollout._snapshot import report
from hotswap_ros.rollout._state import Event


class Outbox:
    """Holds events and wishes back until the journal has them; counts go in once in a while."""

    def __init__(self, journal: Journal, now: float, checkpoint_s: float) -> None:
        self._journal = journal
        self._checkpoint_s = checkpoint_s
        self._events: list[tuple[str, Event]] = []
        self._desired: dict[tuple[str, str], Desired] = {}
        self._rehearsals: dict[tuple[str, str], Rehearsal] = {}
        self._checkpoint_at = now
        #: Why the journal could not be written the last time; empty: it could.
        self.error = ''

    def tell(self, rollout_id: str, events: Iterable[Event]) -> None:
        """Put in what happened; an empty id: outside of a rollout."""
        self._events += [(rollout_id, event) for event in events]

    def want(self, changed: Iterable[Desired]) -> None:
        """Put in what robots are to serve from now on."""
        for entry in changed:
            self._desired[entry.routing.model_id, entry.robot_id] = entry

    def rehearse(self, model_id: str, robots: Iterable[str], rehearsal: Rehearsal) -> None:
        """Put in that robots have confirmed a rollback."""
        for robot_id in robots:
            self._rehearsals[model_id, robot_id] = rehearsal

    def write(self, active: Roster, now: float) -> bool:
        """Write everything, with the rollouts under way; returns False when that failed."""
        due = now - self._checkpoint_at >= self._checkpoint_s and bool(active)
        if not (due or self._events or self._desired or self._rehearsals):
            return True
        try:
            self._journal.commit(
                [(runner.checkpoint(now), report(runner)) for runner in active],
                self._events,
                self._desired.values(),
                self._rehearsals,
            )
        except JournalError as error:
            self.error = str(error)
            return False
        self.error = ''
        self._checkpoint_at = now
        self._desired.clear()
        self._rehearsals.clear()
        return True

    def take_events(self) -> tuple[tuple[str, Event], ...]:
        """Return the events that have been written, each once."""
        events, self._events = self._events, []
        return tuple(events)
