# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Interruptions: robots are unreachable, counters are missing, or the gate cannot judge."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import NamedTuple

from hotswap_ros.fleet.view import FleetView
from hotswap_ros.models import VersionState
from hotswap_ros.rollout import sentences
from hotswap_ros.rollout.evidence.gate_feed import GateFeed
from hotswap_ros.rollout.state import RolloutState
from hotswap_ros.rollout.status import PauseReason

#: Pauses that end by themselves, and the sentence for their end.
ENDS_BY_ITSELF = {
    PauseReason.UNREACHABLE: 'the robots are reachable again',
    PauseReason.MISSING_DATA: 'the counters arrive again',
    PauseReason.FAILED_QUERY: 'the gate can judge again',
}


class Missing(NamedTuple):
    """Why a rollout cannot continue, and which robots cause it."""

    reason: PauseReason
    text: str
    robots: tuple[str, ...] = ()


def find_missing(
    state: RolloutState, cohort: Set[str], gate_feed: GateFeed, view: FleetView, now: float
) -> Missing | None:
    """
    Return why the rollout cannot continue, None if it can.

    Reasons are more unreachable robots than the plan allows, more reachable robots without
    counters, or a gate that fails to judge more often. None is a failure of the candidate.
    """
    plan, step = state.plan, state.step
    allowed = plan.max_unreachable if step.max_unreachable is None else step.max_unreachable
    of_fleet = view.all_unreachable(plan.model_id, now)
    unreachable = tuple(sorted(r for r in of_fleet if r in cohort or state.is_watched(r)))
    if len(unreachable) > allowed:
        quarantined = [r for r in unreachable if (plan.model_id, r) in view.quarantined]
        text = sentences.unreachable(unreachable, allowed, quarantined)
        return Missing(PauseReason.UNREACHABLE, text, unreachable)
    without = gate_feed.missing(view, now)
    if len(without) > plan.max_missing:
        text = sentences.no_counters(without, plan.max_missing)
        return Missing(PauseReason.MISSING_DATA, text, without)
    if gate_feed.failed_queries > plan.max_failed_queries:
        text = sentences.gate_fails(gate_feed.failed_queries, gate_feed.query_error)
        return Missing(PauseReason.FAILED_QUERY, text)
    return None


class Breakers:
    """Finds the robots whose breaker stopped the version."""

    def __init__(self, state: RolloutState) -> None:
        self._state = state
        self._scanned: tuple[FleetView | None, int] = (None, -1)
        self._seen = -1

    def find_open(self, view: FleetView, revision: int) -> str:
        """
        Return which robot stopped the version, and why; empty for no new one.

        `revision` rises when other robots may serve the version.
        """
        state = self._state
        changes = view.changes(state.plan.model_id)
        names: Iterable[str] = changes.since(self._seen)
        if self._scanned != (view, revision):
            names = sorted(state.where(lambda robot: robot.runs_candidate))
        self._seen, self._scanned = changes.revision, (view, revision)
        for robot_id in names:
            if robot_id in state.robots and state.robots[robot_id].runs_candidate:
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
            return sentences.gave_up(robot_id, version, here.reason)
        return sentences.breaker_open(robot_id, version, breaker.count, breaker.cause)
