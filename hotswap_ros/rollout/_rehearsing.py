# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which robots have shown that they can go back: every rollback is a rehearsal of the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hotswap_ros.plan import Rehearsal
from hotswap_ros.rollout._fleet import FleetView
from hotswap_ros.rollout._rollback import Rollback
from hotswap_ros.rollout._runner import Runner


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
            *view.unreachable(model_id, state.touched, now),
            *runner.wishes.waiting_for(view, now),
        }
        seconds = state.ended - state.rolling_back_since
        yield model_id, state.touched - owed, Rehearsal(state.ended, seconds)
    for rollback in rollbacks:
        if rollback.confirm_s is not None:
            yield rollback.model_id, rollback.went_back, Rehearsal(now, rollback.confirm_s)
