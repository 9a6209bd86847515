# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Outbox: decisions wait here until they are in the journal, and only then go out."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from hotswap_ros.coordinator.journal import Journal
from hotswap_ros.coordinator.journal_errors import JournalError
from hotswap_ros.coordinator.report import report
from hotswap_ros.coordinator.rollback.ended import EndedRollback
from hotswap_ros.coordinator.rollback.rollback import Rollback
from hotswap_ros.coordinator.rollback.verification import VerificationState
from hotswap_ros.coordinator.rollouts import Rollouts
from hotswap_ros.fleet.desired import Desired
from hotswap_ros.fleet.events import Event
from hotswap_ros.plan import Rehearsal

#: The number of the last event that people were told is written with the next decision, or after
#: this time, in seconds.
_TOLD_S = 1.0


class Outbox:
    """
    Keeps events and desired routings until the journal has them.

    The states of rollouts under way are written every `checkpoint_s`. Alerts in the journal that
    were not published, because the process died, go out first.
    """

    def __init__(self, journal: Journal, now: float, checkpoint_s: float) -> None:
        self._journal = journal
        self._checkpoint_s = checkpoint_s
        self._events: list[Event] = []
        self._desired: dict[tuple[str, str], Desired] = {}
        self._rehearsals: dict[tuple[str, str], Rehearsal] = {}
        self._verifications: dict[str, VerificationState] = {}
        self._checkpoint_at = now
        self._written, self._last = journal.untold()
        #: How many of those to come out happened before the start.
        self._older = len(self._written)
        self._told = self._told_written = 0
        self._told_at = now
        #: Why the journal could not be written the last time; empty: it could.
        self.error = ''

    def add_events(self, events: Iterable[Event]) -> None:
        """Add events."""
        self._events += events

    def add_desired(self, changed: Iterable[Desired]) -> None:
        """Add desired routings that changed."""
        for entry in changed:
            self._desired[entry.routing.model_id, entry.robot_id] = entry

    def add_rehearsals(self, rollbacks: Iterable[EndedRollback]) -> None:
        """Add the robots that have confirmed a rollback."""
        for rollback in rollbacks:
            rehearsal = Rehearsal(rollback.ended, rollback.seconds)
            for robot_id in rollback.rehearsed:
                self._rehearsals[rollback.model_id, robot_id] = rehearsal

    def add_verifications(self, states: Iterable[VerificationState]) -> None:
        """Add verifications that have begun or ended."""
        for state in states:
            self._verifications[state.rollout_id] = state

    def told(self, number: int, now: float) -> None:
        """Note that the events up to a number were published, see `take_events`."""
        if self._told == self._told_written:
            self._told_at = now
        self._told = max(self._told, number)

    def write(self, active: Rollouts, rollbacks: Collection[Rollback], now: float) -> bool:
        """Write everything, with the states under way; return whether it succeeded."""
        is_active = bool(active) or bool(rollbacks)
        due = is_active and now - self._checkpoint_at >= self._checkpoint_s
        news = self._events or self._desired or self._rehearsals or self._verifications
        if not (due or news):
            return self._write_told(now)
        try:
            self._last = self._journal.commit(
                [(runner.checkpoint(now), report(runner)) for runner in active],
                self._events,
                self._desired.values(),
                self._rehearsals,
                [rollback.checkpoint(now) for rollback in rollbacks],
                self._verifications.values(),
                self._told,
            )
        except JournalError as error:
            self.error = str(error)
            return False
        self.error = ''
        self._checkpoint_at = now
        self._told_written = self._told
        self._written += self._events
        for written in (self._events, self._desired, self._rehearsals, self._verifications):
            written.clear()
        return True

    def _write_told(self, now: float) -> bool:
        if self._told > self._told_written and now - self._told_at >= _TOLD_S:
            try:
                self._journal.commit(told=self._told)
            except JournalError as error:
                self.error = str(error)
                return False
            self._told_written = self._told
        return True

    def take_events(self) -> tuple[tuple[Event, ...], int, int]:
        """
        Return the events that have been written, each once, and the number of the last.

        The third value is how many of them, the first ones, happened before the start.
        """
        events, self._written = self._written, []
        older, self._older = self._older, 0
        return tuple(events), self._last if events else 0, older
