# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Looks after rollbacks that are over: says what they did, and watches what was put back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hotswap_ros.coordinator.rollback.rollback import Rollback
from hotswap_ros.coordinator.rollback.verification import Verification, VerificationState
from hotswap_ros.fleet.events import Event
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.plan import Rehearsal
from hotswap_ros.rollout.runner import Runner

Told = tuple[str, Event]


class FollowUp:
    """
    Watches what was put back for `verify_s` after a rollback; 0: not at all.

    `states` are those that the journal holds as not decided.
    """

    def __init__(
        self, view: FleetView, verify_s: float, states: Iterable[VerificationState], now: float
    ) -> None:
        self._view = view
        self._verify_s = verify_s
        self._aftermaths = [Verification(state, now) for state in states]
        self._taken_on: set[str] = set()
        self._news: list[VerificationState] = []

    def tick(
        self, rollbacks: Iterable[Rollback], runners: Iterable[Runner], now: float
    ) -> list[Told]:
        """Take on what has ended since the last call; return what is to be told, by rollout id."""
        told: list[Told] = []
        over: set[str] = set()
        for rollback in rollbacks:
            if rollback.is_done:
                rollback_id = rollback.state.rollback_id
                over.add(rollback_id)
                if rollback_id not in self._taken_on:
                    told.append((rollback_id, rollback.end_event(now)))
                    self._verify(rollback_id, rollback.model_id, rollback.put_back(), now)
        for runner in runners:
            state = runner.state
            # What became of the robots of one that was superseded is another's business.
            went_back = state.rolling_back_since is not None and state.has_robots
            if state.ended is not None and went_back:
                over.add(state.rollout_id)
                if state.rollout_id not in self._taken_on:
                    back = {r: state.robots[r].previous for r in state.served - state.unconfirmed}
                    self._verify(state.rollout_id, state.plan.model_id, back, now)
        # They come again until their end is in the journal.
        self._taken_on = over
        for aftermath in self._aftermaths:
            verdict = aftermath.tick(self._view, now)
            if verdict is not None:
                told.append((aftermath.state.rollout_id, verdict))
            if aftermath.has_news:
                self._news.append(aftermath.state)
        self._aftermaths = [a for a in self._aftermaths if not a.is_done]
        return told

    def take_news(self) -> list[VerificationState]:
        """Return what has begun or was decided since the last call, for the journal."""
        news, self._news = self._news, []
        return news

    def _verify(
        self, rollout_id: str, model_id: str, serves: Mapping[str, str], now: float
    ) -> None:
        if serves and self._verify_s:
            aftermath = Verification.begin(
                rollout_id, model_id, serves, self._view, now, self._verify_s
            )
            self._aftermaths.append(aftermath)
            self._news.append(aftermath.state)


def rehearsed(
    runners: Iterable[Runner], rollbacks: Iterable[Rollback], view: FleetView, now: float
) -> Iterator[tuple[str, Iterable[str], Rehearsal]]:
    """Yield, of each rollback that has ended: the model, the robots that are back, and when."""
    for runner in runners:
        state = runner.state
        if state.ended is None or state.rolling_back_since is None:
            continue
        model_id = state.plan.model_id
        owed = {
            *view.unreachable(model_id, state.served, now),
            *runner.desired_routings.waiting_for(view, now),
        }
        seconds = state.ended - state.rolling_back_since
        yield model_id, state.served - owed, Rehearsal(state.ended, seconds)
    for rollback in rollbacks:
        if rollback.confirm_s is not None:
            yield rollback.model_id, rollback.went_back, Rehearsal(now, rollback.confirm_s)
