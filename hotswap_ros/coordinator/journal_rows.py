# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rows of the journal's table of rollouts and ordered rollbacks, and the history made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hotswap_ros.coordinator.rollback.state import ROLLBACK, RollbackState
from hotswap_ros.rollout.state import RolloutState

#: Writes a row. It keeps its place: clocks may be set back, and rows stay in the order of starts.
PUT_ROLLOUT = (
    'INSERT INTO rollouts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, '
    'row_sum(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)) '
    'ON CONFLICT (rollout_id) DO UPDATE SET started = excluded.started, ended = excluded.ended, '
    'status = excluded.status, reason = excluded.reason, state = excluded.state, '
    'report = excluded.report, sum = row_sum(rollout_id, model_id, version, strategy, '
    'excluded.started, excluded.ended, excluded.status, excluded.reason, excluded.state, '
    'excluded.report)'
)


#: Selects the versions of a model that robots have had, by what was recorded.
#: `?1` is the model.
SELECT_HAD = (
    "SELECT version FROM rollouts WHERE model_id = ?1 AND (status = 'succeeded' "
    "OR json_array_length(report, '$.robots_on_candidate') > 0 "
    "OR json_extract(report, '$.rollback.confirmed') > 0) "
    "UNION SELECT value FROM rollouts, json_each(report, '$.previous') WHERE model_id = ?1"
)


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
