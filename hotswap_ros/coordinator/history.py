# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Metrics of strategies, from the history of rollouts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from statistics import median

from hotswap_ros.coordinator.rollback.state import ROLLBACK, RollbackState
from hotswap_ros.coordinator.views import RolloutSummary
from hotswap_ros.gates import wilson_interval
from hotswap_ros.rollout.status import Status

_ROLLED_BACK = (Status.ROLLED_BACK, Status.SUPERSEDED)
_NOT_A_TRIAL = (Status.ABORTED, Status.SUPERSEDED)


@dataclass(frozen=True)
class StrategyMetrics:
    """
    The ends of the rollouts of one strategy; "Rollback" is the strategy of ordered rollbacks.

    `success_rate` is of the rollouts that ended by themselves, without those that were aborted or
    superseded; `low` and `high` are its 95% interval (Wilson). An ordered rollback succeeds when
    a robot confirmed and no reachable one failed. `median_s` is how long the successful ones took,
    in seconds, None where there is none. `rollback_rate` is the share of ended rollouts that were
    rolled back, by themselves or by a later order, and `device_failure_rate` that of their robots
    that could not load, obey or confirm. Rollouts that a checklist `blocked` never began, and are
    in no rate. Rates are None where there is nothing to count.
    """

    strategy: str
    rollouts: int
    running: int
    succeeded: int
    success_rate: float | None
    low: float | None
    high: float | None
    median_s: float | None
    rollback_rate: float | None
    device_failure_rate: float | None
    blocked: int = 0


def strategy_metrics(history: Iterable[RolloutSummary]) -> list[StrategyMetrics]:
    """Return the metrics of every strategy that occurs, by name."""
    by_strategy: dict[str, list[RolloutSummary]] = {}
    known = list(history)
    for summary in known:
        by_strategy.setdefault(summary.strategy, []).append(summary)
    reversed_ids = _reversed(known)
    return [_metrics(name, found, reversed_ids) for name, found in sorted(by_strategy.items())]


def rolled_back_by(rollback: RollbackState, history: Sequence[RolloutSummary]) -> str:
    """Return the rollout that a rollback reverses, by a history that begins with the newest."""
    replaced = {
        was.routing.stable
        for robot_id, was in rollback.before.items()
        if was.routing.stable != rollback.targets[robot_id].routing.stable
    }
    of_model = [s for s in history if s.model_id == rollback.model_id]
    reversed_ids = _reversed(of_model)
    for summary in of_model:
        if summary.status is Status.SUCCEEDED:
            is_it = summary.version in replaced and summary.rollout_id not in reversed_ids
            return summary.rollout_id if is_it else ''
    return ''


def _reversed(history: Iterable[RolloutSummary]) -> set[str]:
    """Return the rollouts that a rollback reversed; a superseded rollback reversed none."""
    return {summary.rolls_back for summary in history if summary.status is not Status.SUPERSEDED}


def _metrics(
    strategy: str, rollouts: list[RolloutSummary], reversed_ids: Set[str]
) -> StrategyMetrics:
    success = Status.ROLLED_BACK if strategy == ROLLBACK else Status.SUCCEEDED
    over = [r for r in rollouts if r.status.is_terminal]
    ended = [r for r in over if r.robots_total]
    trials = [r for r in ended if r.status not in _NOT_A_TRIAL]
    won = [r for r in ended if r.status is success]
    seconds = [r.ended - r.started for r in won if r.ended is not None]
    rolled_back = sum(r.status in _ROLLED_BACK or r.rollout_id in reversed_ids for r in ended)
    robots = sum(r.robots_total for r in ended)
    interval = wilson_interval(len(won), len(trials)) if trials else None
    return StrategyMetrics(
        strategy,
        rollouts=len(rollouts),
        running=len(rollouts) - len(over),
        succeeded=len(won),
        success_rate=_rate(len(won), len(trials)),
        low=None if interval is None else interval.low,
        high=None if interval is None else interval.high,
        median_s=median(seconds) if seconds else None,
        rollback_rate=None if strategy == ROLLBACK else _rate(rolled_back, len(ended)),
        device_failure_rate=_rate(sum(r.robots_failed for r in ended), robots),
        blocked=len(over) - len(ended),
    )


def _rate(count: int, total: int) -> float | None:
    return count / total if total else None
