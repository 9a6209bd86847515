# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a rollout is waiting for without wanting to: robots, their counters, the gate's answers."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import NamedTuple

from hotswap_ros.fleet.view import FleetView
from hotswap_ros.models import VersionState
from hotswap_ros.rollout.gate_feed import GateFeed
from hotswap_ros.rollout.state import PauseReason, RolloutState
from hotswap_ros.text import counted

#: Pauses that end by themselves, and what is said then.
ENDS_BY_ITSELF = {
    PauseReason.UNREACHABLE: 'the robots are back',
    PauseReason.MISSING_DATA: 'the counters are back',
    PauseReason.FAILED_QUERY: 'the gate judges again',
}


class Missing(NamedTuple):
    """Why a rollout cannot go on, in words, and which robots are concerned."""

    reason: PauseReason
    text: str
    robots: tuple[str, ...] = ()


def find_missing(
    state: RolloutState, cohort: Set[str], watching: GateFeed, view: FleetView, now: float
) -> Missing | None:
    """
    Return what more is missing than the plan allows, None for nothing.

    Three things that are not the same: a robot that is out of reach, one that is in reach and does
    not tell what it did, and a gate that fails to judge what it was told. None of them is a
    failure of the candidate.
    """
    plan, step = state.plan, state.step
    allowed = plan.max_unreachable if step.max_unreachable is None else step.max_unreachable
    silent = view.silent(plan.model_id, now)
    lost = tuple(sorted(r for r in silent if r in cohort or r in state.shares))
    if len(lost) > allowed:
        text = f'{counted(lost)} of the cohort out of reach, {allowed} allowed: {", ".join(lost)}'
        doubled = [r for r in lost if (plan.model_id, r) in view.quarantined]
        if doubled:
            text += f'; in quarantine, for two claim the name: {", ".join(doubled)}'
        return Missing(PauseReason.UNREACHABLE, text, lost)
    mute = watching.missing(view, now)
    if len(mute) > plan.max_missing:
        text = f'no counters from {counted(mute)} in reach, {plan.max_missing} allowed: '
        return Missing(PauseReason.MISSING_DATA, text + ', '.join(mute), mute)
    if watching.failed_queries > plan.max_failed_queries:
        times = watching.failed_queries
        text = f'the gate failed to judge {times} times in a row: {watching.query_error}'
        return Missing(PauseReason.FAILED_QUERY, text)
    return None


class Breakers:
    """Finds the robots that serve the version, or let it decide beside, and took it out."""

    def __init__(self, state: RolloutState) -> None:
        self._state = state
        self._scanned: tuple[FleetView | None, int] = (None, -1)
        self._seen = -1

    def find_open(self, view: FleetView, revision: int) -> str:
        """
        Return which robot took the version out, and why; empty for none that is new.

        `revision` rises when other robots may serve the version.
        """
        state = self._state
        changes = view.changes(state.plan.model_id)
        names: Iterable[str] = changes.since(self._seen)
        if self._scanned != (view, revision):
            names = [*state.shares, *state.shadowed]
        self._seen, self._scanned = changes.revision, (view, revision)
        for robot_id in names:
            if robot_id in state.shares or robot_id in state.shadowed:
                found = self._open_on(robot_id, view)
                if found:
                    return found
        return ''

    def _open_on(self, robot_id: str, view: FleetView) -> str:
        version = self._state.plan.version
        report = view.report(self._state.plan.model_id, robot_id)
        breaker = None if report is None else report.breaker
        if report is None or breaker is None or breaker.version != version:
            return ''
        here = report.versions.get(version)
        if here is not None and here.state is VersionState.FAILED:
            return f'{robot_id} gave {version} up by itself: {here.reason}'
        return (
            f'{robot_id} took {version} out by itself: {breaker.count} requests in a row '
            f'failed, the last for {breaker.cause}'
        )
