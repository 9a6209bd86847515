# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a rollout is waiting for without wanting to: robots, their counters, the gate's answers."""

from __future__ import annotations

from collections.abc import Set
from typing import NamedTuple

from hotswap_ros.plan import counted
from hotswap_ros.rollout._fleet import FleetView
from hotswap_ros.rollout._state import PauseReason, RolloutState
from hotswap_ros.rollout._watching import Watching

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
    state: RolloutState, cohort: Set[str], watching: Watching, view: FleetView, now: float
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
