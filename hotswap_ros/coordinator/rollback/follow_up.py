# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The verifications that follow rollbacks."""

from __future__ import annotations

from collections.abc import Iterable

from hotswap_ros.coordinator.rollback.ended import EndedRollback
from hotswap_ros.coordinator.rollback.verification import Verification, VerificationState
from hotswap_ros.fleet.events import EventKind, EventLog, Level
from hotswap_ros.fleet.view import FleetView

_LEVELS = {'as_before': Level.INFO, 'undecided': Level.WARNING, 'worse': Level.ERROR}


class FollowUp:
    """
    Verifies every rollback for `verify_s` after its end; 0: not at all.

    `states` are the verifications without a verdict in the journal.
    """

    def __init__(
        self,
        view: FleetView,
        log: EventLog,
        verify_s: float,
        states: Iterable[VerificationState],
        now: float,
    ) -> None:
        self._view = view
        self._log = log
        self._verify_s = verify_s
        self._verifications = [Verification(state, now) for state in states]
        self._started: set[str] = set()
        self._news: list[VerificationState] = []

    def tick(self, rollbacks: Iterable[EndedRollback], now: float) -> None:
        """Verify rollbacks that ended, and say the verdicts; repeats of a rollback are ignored."""
        # They are passed again until their end is in the journal.
        ended = {rollback.rollout_id: rollback for rollback in rollbacks}
        for rollout_id, rollback in ended.items():
            if rollout_id not in self._started:
                self._start(rollback, now)
        self._started = set(ended)
        for verification in self._verifications:
            verification.tick(self._view, now)
            if verification.has_news:
                self._news.append(verification.state)
            if verification.state.is_done:
                self._say(verification.state, now)
        self._verifications = [v for v in self._verifications if not v.state.is_done]

    def take_news(self) -> list[VerificationState]:
        """Return the verifications that began or got a verdict since the last call."""
        news, self._news = self._news, []
        return news

    def _start(self, rollback: EndedRollback, now: float) -> None:
        if rollback.confirmed and self._verify_s:
            verification = Verification.begin(
                rollback.rollout_id,
                rollback.model_id,
                rollback.confirmed,
                self._view,
                now,
                self._verify_s,
            )
            self._verifications.append(verification)
            self._news.append(verification.state)

    def _say(self, state: VerificationState, now: float) -> None:
        self._log.say(
            now,
            EventKind.VERIFIED,
            _LEVELS[state.verdict],
            state.sentence,
            sorted(state.serves),
            alert=True,
            rollout_id=state.rollout_id,
        )
