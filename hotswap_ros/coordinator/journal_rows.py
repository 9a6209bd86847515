# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rows of the journal's table of rollouts and ordered rollbacks, and the history made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hotswap_ros.coordinator.rollback.state import ROLLBACK, RollbackState
from hotswap_ros.rollout.state import RolloutState, Status

#: Writes a row. It keeps its place: clocks may be set back, and rows stay in the order of starts.
PUT_ROLLOUT = (
    'INSERT INTO rollouts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) '
    'ON CONFLICT (rollout_id) DO UPDATE SET started = excluded.started, ended = excluded.ended, '
    'status = excluded.status, reason = excluded.reason, state = excluded.state, '
    'report = excluded.report'
)


@dataclass(frozen=True)
class RolloutSummary:
    """
    One line of history; times in seconds since 1970.

    `robots_failed` of `robots_total` could not load, obey or confirm; `robots_total` is 0 if the
    checklist blocked the rollout. `tasks` is the number of tasks that the candidate finished. An
    ordered rollback has the strategy "Rollback"; `rolls_back` is the rollout that it reversed, and
    `tasks` counts those of the versions that it replaced, since robots served them.
    """

    rollout_id: str
    model_id: str
    version: str
    strategy: str
    started: float
    ended: float | None
    status: Status
    reason: str
    robots_total: int = 0
    robots_failed: int = 0
    tasks: int = 0
    rolls_back: str = ''


def rollback_row(state: RollbackState) -> tuple[Any, ...]:
    """Return the row of an ordered rollback."""
    return (
        state.rollback_id,
        state.model_id,
        state.versions,
        ROLLBACK,
        state.ordered,
        state.ended,
        state.status.value,
        state.reason,
        state.model_dump_json(),
        json.dumps(state.report()),
    )


def rollout_row(state: RolloutState, report: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the row of a rollout."""
    return (
        state.rollout_id,
        state.plan.model_id,
        state.plan.version,
        state.plan.strategy.value,
        state.started,
        state.ended,
        state.status.value,
        state.reason,
        state.model_dump_json(),
        json.dumps(report),
    )
