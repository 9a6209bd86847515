# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The comparison of what tasks report beside their success: progress, duration, interventions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import stats

from hotswap_ros.gates.analysis.cells import Floats, cells_of, summed
from hotswap_ros.gates.analysis.comparison import Comparison
from hotswap_ros.gates.analysis.records import Records
from hotswap_ros.gates.analysis.trial import ACROSS, WITHIN, Design
from hotswap_ros.gates.checks.task_figures import DurationCheck, InterventionCheck, ProgressCheck
from hotswap_ros.gates.pairing.tasks import Arm, DrawnTasks
from hotswap_ros.gates.result import MIN_TASKS
from hotswap_ros.gates.stats.intervals import Interval
from hotswap_ros.models import PROGRESS_UNIT
from hotswap_ros.plan import SuccessCriteria

PROGRESS, DURATION, INTERVENTIONS = 'progress', 'duration', 'interventions'


@dataclass(frozen=True)
class FigureDifference:
    """
    The comparison of one figure: means, and `difference` = candidate − control, in `unit`.

    `p_value` is one-sided, of "not worse": progress not lower, duration not longer, interventions
    not more. The figure is shown to be worse below `limit`, and then the interval excludes zero.
    `evidence` is that of a gate's check at the end, against `evidence_limit`, and `alarm` the
    number of the candidate's tasks at which it was reached; NaN and 0 without one.
    """

    name: str
    unit: str
    n_control: int
    n: int
    control: float
    candidate: float
    difference: float
    interval: Interval
    p_value: float
    limit: float
    evidence: float = math.nan
    evidence_limit: float = math.nan
    alarm: int = 0

    @property
    def is_worse(self) -> bool:
        """Return whether the candidate is shown to be worse in this figure."""
        return self.p_value < self.limit


class Figure(NamedTuple):
    """A figure of each of some tasks, which are those that report it."""

    name: str
    records: Records
    values: Floats
    #: The seconds that a failed task counts as.
    limit_s: float = math.nan


class MeanComparison(Comparison):
    """
    The comparison of two means, as Comparison in all but the variance if tasks are independent.

    That is the variance within strata, one for each version. `value`, weights, strata and the
    variance of robots are those of Comparison.
    """

    def __init__(self, design: Design, candidate: str, figure: Figure) -> None:
        super().__init__(cells_of(design, candidate, figure.records, figure.values), design.kind)
        squares = cells_of(design, candidate, figure.records, figure.values**2)
        self._squares = [
            summed(squares.stratum, values, squares.strata)
            for values in (squares.control_successes, squares.candidate_successes)
        ]

    @cached_property
    def _variance(self) -> float:
        used = self._weights > 0
        total = 0.0
        for n, sums, squares in zip(self._sums[::2], self._sums[1::2], self._squares):
            tasks = n[used]
            within = np.maximum(squares[used] - sums[used] ** 2 / tasks, 0.0).sum()
            freedom = max(1.0, float((tasks - 1).sum()))
            total += float((self._weights[used] ** 2 / tasks).sum() * within / freedom)
        return total / self._weight**2

    def _variance_of_tasks(self, difference: float) -> float:
        return self._variance

    def _interval(self, tail: float) -> Interval:
        half = float(stats.norm.isf(tail)) * math.sqrt(self._variance)
        if self.unit == 'robots':
            of_robots = float(stats.t.isf(tail, self._freedom)) * math.sqrt(
                self._variance_of_robots
            )
            half = max(half, of_robots)
        return Interval(self.value - half, self.value + half)


def figures_of(
    design: Design, control: str, candidate: str, limit_s: float | None
) -> list[Figure]:
    """Return the figures that differ between tasks, and that both versions report often enough."""
    records = design.trial.records
    single = records.take(records.tasks == 1)
    return [
        figure
        for figure in _candidates(single, limit_s)
        if len(np.unique(figure.values)) > 1
        and _has_enough(figure.records, control, candidate)
        and MeanComparison(design, candidate, figure).is_possible
    ]


def _candidates(records: Records, limit_s: float | None) -> Iterator[Figure]:
    won = records.successes > 0
    if not np.isnan(records.progress).all():
        # As in a gate: without a report, a success is all of a task and a failure nothing.
        values = np.where(np.isnan(records.progress), won, records.progress)
        yield Figure(PROGRESS, records, values.astype(float))
    known = ~np.isnan(records.duration_s)
    if (known & won).any():
        # A success that does not tell its duration has no place; a failure counts as the limit.
        kept = known | ~won
        limit = limit_s or float(records.duration_s[known].max())
        if limit > 0:
            took = np.where(won, np.minimum(records.duration_s, limit), limit)
            yield Figure(DURATION, records.take(kept), took[kept], limit)
    known = ~np.isnan(records.interventions)
    if known.any():
        yield Figure(INTERVENTIONS, records.take(known), records.interventions[known])


def _has_enough(records: Records, control: str, candidate: str) -> bool:
    return all(
        np.count_nonzero(records.version.equal(name)) >= MIN_TASKS for name in (control, candidate)
    )


def compare_figures(
    figures: list[Figure], design: Design, candidate: str, alpha: float, share: float | None
) -> tuple[FigureDifference, ...]:
    """
    Compare figures, each with the error probability `alpha`.

    With the planned `share` of the candidate, the gate's own checks take in the tasks one by one,
    if they are in order and if versions were not bound to robots.
    """
    found = []
    for figure in figures:
        one = _compare(figure, design, candidate, alpha)
        is_drawn = share is not None and design.trial.is_ordered
        if share is not None and is_drawn and not design.apart and design.kind != ACROSS:
            one = _judged(one, figure, design, candidate, share)
        found.append(one)
    return tuple(found)


def _compare(figure: Figure, design: Design, candidate: str, alpha: float) -> FigureDifference:
    comparison = MeanComparison(design, candidate, figure)
    own = figure.records.version.equal(candidate)
    found = comparison.difference(alpha)
    is_lower_worse = figure.name == PROGRESS
    return FigureDifference(
        name=figure.name,
        unit=' s' if figure.name == DURATION else '',
        n_control=int((~own).sum()),
        n=int(own.sum()),
        control=float(figure.values[~own].mean()),
        candidate=float(figure.values[own].mean()),
        difference=found.value,
        interval=found.interval,
        p_value=comparison.p_worse() if is_lower_worse else comparison.p_better(),
        limit=alpha,
    )


def _judged(
    found: FigureDifference, figure: Figure, design: Design, candidate: str, share: float
) -> FigureDifference:
    """Add the evidence of the gate's check."""
    check = _check_of(figure, found.limit)
    own, alarm = 0, 0
    records, values = figure.records, figure.values
    if design.kind == WITHIN:
        # The tasks of each robot begin and end with one of the candidate, which was not drawn.
        kept = _inner(records)
        records, values = records.take(kept), values[kept]
    is_own = records.version.equal(candidate).tolist()
    categories = [records.category.names[code] for code in records.category.codes]
    for mine, category, won, value in zip(
        is_own, categories, records.successes.tolist(), values.tolist()
    ):
        arm = _arm(figure.name, won, value)
        check.draw(DrawnTasks({category: (Arm(), arm) if mine else (arm, Arm())}, share))
        own += mine
        if check.failed:
            alarm = own
            break
    return replace(found, evidence=check.evidence, evidence_limit=1 / found.limit, alarm=alarm)


def _inner(records: Records) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    codes = records.robot_id.codes
    kept = np.ones(len(codes), bool)
    kept[np.unique(codes, return_index=True)[1]] = False
    kept[len(codes) - 1 - np.unique(codes[::-1], return_index=True)[1]] = False
    return kept


def _check_of(figure: Figure, alpha: float) -> ProgressCheck | DurationCheck | InterventionCheck:
    if figure.name == PROGRESS:
        return ProgressCheck(SuccessCriteria(max_progress_drop=0.0), alpha)
    if figure.name == DURATION:
        criteria = SuccessCriteria(max_duration_increase=0.0, duration_limit_s=figure.limit_s)
        return DurationCheck(criteria, alpha)
    return InterventionCheck(alpha)


def _arm(name: str, won: int, value: float) -> Arm:
    if name == PROGRESS:
        return Arm(1, won, progress=round(PROGRESS_UNIT * value))
    if name == DURATION:
        return Arm(1, won, duration_ms=round(1000 * value) if won else 0)
    return Arm(1, won, interventions=round(value))
