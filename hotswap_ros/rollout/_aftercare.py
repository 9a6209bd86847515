# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Looks after rollbacks that are over: says what they did, and watches what was put back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hotswap_ros.rollout._aftermath import Aftermath
from hotswap_ros.rollout._fleet import FleetView
from hotswap_ros.rollout._rollback import Rollback
from hotswap_ros.rollout._runner import Runner
from hotswap_ros.rollout._state import Event

Told = tuple[str, Event]


class Aftercare:
    """Watches what was put back for `verify_s` after a rollback; 0: not at all."""

    def __init__(self, view: FleetView, verify_s: float) -> None:
        self._view = view
        self._verify_s = verify_s
        self._aftermaths: list[Aftermath] = []

    def tick(
        self, rollbacks: Iterable[Rollback], runners: Iterable[Runner], now: float
    ) -> list[Told]:
        """Take on what has ended since the last call; return what is to be told, by rollout id."""
        told: list[Told] = []
        for rollback in rollbacks:
            if rollback.is_done:
                told.append(('', rollback.end_event(self._view, now)))
                self._verify('', rollback.model_id, rollback.put_back(), now)
        for runner in runners:
            state = runner.state
            if state.ended is not None and state.rolling_back_since is not None:
                back = {r: state.previous[r] for r in state.touched - state.owed}
                self._verify(state.rollout_id, state.plan.model_id, back, now)
        for aftermath in self._aftermaths:
            verdict = aftermath.tick(self._view, now)
            if verdict is not None:
                told.append((aftermath.rollout_id, verdict))
        self._aftermaths = [a for a in self._aftermaths if not a.is_done]
        return told

    def _verify(
        self, rollout_id: str, model_id: str, serves: Mapping[str, str], now: float
    ) -> None:
        if serves and self._verify_s:
            self._aftermaths.append(
                Aftermath(rollout_id, model_id, serves, self._view, now, self._verify_s)
            )
