# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the rollouts of the past tell of the strategies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from statistics import median

from hotswap_ros.coordinator.journal import RolloutSummary
from hotswap_ros.coordinator.rollback.state import ROLLBACK, RollbackState
from hotswap_ros.gates import wilson_interval
from hotswap_ros.rollout.state import Status

_WENT_BACK = (Status.ROLLED_BACK, Status.SUPERSEDED)
_NOT_A_TRIAL = (Status.ABORTED, Status.SUPERSEDED)


@dataclass(frozen=True)
class StrategyMetrics:
    """
    How rollouts of one strategy ended; "Rollback" stands for those that somebody ordered.

    `success_rate` is of those that ended by themselves, which leaves out what people aborted or
    superseded; `low` and `high` are its 95% interval (Wilson). An ordered rollback succeeds when
    a robot confirmed and none in reach failed. `median_s` is how long those that succeeded took,
    in seconds, None where none did. `rollback_rate` is the share of all that ended that went back,
    be it by a rollback that was ordered later, and `device_failure_rate` that of the robots taking
    part that could not load, obey or confirm. What a checklist `blocked` never began, and is in no
    rate. Rates are None where there is nothing to count.
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
    undone = _undone(known)
    return [_metrics(name, found, undone) for name, found in sorted(by_strategy.items())]


def undone_by(rollback: RollbackState, history: Sequence[RolloutSummary]) -> str:
    """Return the rollout that a rollback takes back, by a history that begins with the newest."""
    away = {
        was.routing.stable
        for robot_id, was in rollback.before.items()
        if was.routing.stable != rollback.targets[robot_id].routing.stable
    }
    of_model = [s for s in history if s.model_id == rollback.model_id]
    undone = _undone(of_model)
    for summary in of_model:
        if summary.status is Status.SUCCEEDED:
            is_it = summary.version in away and summary.rollout_id not in undone
            return summary.rollout_id if is_it else ''
    return ''


def _undone(history: Iterable[RolloutSummary]) -> set[str]:
    """Return the rollouts that a rollback took back: one that was superseded took back none."""
    return {summary.undoes for summary in history if summary.status is not Status.SUPERSEDED}


def _metrics(strategy: str, rollouts: list[RolloutSummary], undone: Set[str]) -> StrategyMetrics:
    success = Status.ROLLED_BACK if strategy == ROLLBACK else Status.SUCCEEDED
    over = [r for r in rollouts if r.status.is_terminal]
    ended = [r for r in over if r.robots_total]
    trials = [r for r in ended if r.status not in _NOT_A_TRIAL]
    won = [r for r in ended if r.status is success]
    seconds = [r.ended - r.started for r in won if r.ended is not None]
    went_back = sum(r.status in _WENT_BACK or r.rollout_id in undone for r in ended)
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
        rollback_rate=None if strategy == ROLLBACK else _rate(went_back, len(ended)),
        device_failure_rate=_rate(sum(r.robots_failed for r in ended), robots),
        blocked=len(over) - len(ended),
    )


def _rate(count: int, total: int) -> float | None:
    return count / total if total else None
