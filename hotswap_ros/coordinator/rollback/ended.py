# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The result of a rollback: the same value for a rollout's own and for an ordered one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from hotswap_ros.fleet.view import FleetView
from hotswap_ros.rollout.runner import Runner


@dataclass(frozen=True)
class EndedRollback:
    """
    A rollback that has ended.

    `confirmed` and `unconfirmed` name the version that each robot serves again, or should serve.
    `rehearsed` are the robots that changed their version and confirmed it. `ended` is in seconds
    since 1970, `seconds` is how long the rollback took.
    """

    rollout_id: str
    model_id: str
    confirmed: Mapping[str, str]
    unconfirmed: Mapping[str, str]
    rehearsed: Collection[str]
    ended: float
    seconds: float


def rollback_of(runner: Runner, view: FleetView, now: float) -> EndedRollback | None:
    """Return the rollback of a rollout, None if there was none or it has not ended."""
    state = runner.state
    if state.ended is None or state.rolling_back_since is None:
        return None
    model_id, served, previous = state.plan.model_id, state.served, state.previous
    unconfirmed = state.unconfirmed
    confirmed = rehearsed = served - unconfirmed
    if not state.has_robots:
        # Superseded: the newer rollback has its robots, and verifies them.
        unreachable = view.unreachable(model_id, served, now)
        waiting = runner.desired_routings.waiting_for(view, now)
        rehearsed = served.difference(unreachable, waiting)
        confirmed, unconfirmed = set(), set()
    return EndedRollback(
        state.rollout_id,
        model_id,
        {robot_id: previous[robot_id] for robot_id in confirmed if previous[robot_id]},
        {robot_id: previous[robot_id] for robot_id in unconfirmed},
        rehearsed,
        state.ended,
        state.ended - state.rolling_back_since,
    )
