# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The difference of two versions by robot, and by hour of the trial."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy import stats

from hotswap_ros.gates.analysis.records import Records
from hotswap_ros.gates.analysis.trial import ACROSS, WITHIN, Design
from hotswap_ros.gates.diagnosis import Counts
from hotswap_ros.gates.pairing.clustering import design_effect, intraclass

_STRATA = 10

_Table: TypeAlias = 'np.ndarray[tuple[int, int], np.dtype[np.float64]]'


@dataclass(frozen=True)
class RobotView:
    """
    The comparison with the robot as the unit.

    `correlation` is the intra-class correlation of the control's robots; `design_effect` is the
    factor on the variance of a comparison across robots (1 within robots). `difference` is
    candidate − control. `p_value` is of Welch's t test across robots, or of the paired t test
    within robots; two-sided, NaN with too few robots.
    """

    design: str
    control_robots: int
    candidate_robots: int
    correlation: float
    design_effect: float
    difference: float
    p_value: float
    method: str


def by_robot(design: Design, control: str, candidate: str) -> RobotView | None:
    """Compare success rates robot by robot; None if the robots are unknown."""
    if design.kind not in (WITHIN, ACROSS):
        return None
    controls = _counts(design.trial.records, control)
    candidates = _counts(design.trial.records, candidate)
    correlation = max(0.0, intraclass(list(controls.values())))
    if design.kind == WITHIN:
        robots = sorted(controls.keys() & candidates.keys())
        gains = [candidates[r].rate - controls[r].rate for r in robots]
        effect, method = 1.0, 'paired t over robots'
        difference, p_value = _mean(gains), _paired_p(gains)
    else:
        sizes = [arm.tasks for arm in (*controls.values(), *candidates.values())]
        effect, method = design_effect(sizes, correlation), "Welch's t over robots"
        rates = [[arm.rate for arm in side.values()] for side in (candidates, controls)]
        difference = _mean(rates[0]) - _mean(rates[1])
        p_value = _welch_p(*rates)
    return RobotView(
        design.kind,
        len(controls),
        len(candidates),
        correlation,
        effect,
        difference,
        p_value,
        method,
    )


def _counts(records: Records, version: str) -> dict[str, Counts]:
    own = records.of_version(version)
    return own.counts_by(own.robot_id)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _has_spread(*samples: Sequence[float]) -> bool:
    """Return whether a t test is possible: two values in each sample, and some variance."""
    enough = all(len(sample) > 1 for sample in samples)
    return enough and any(np.ptp(sample) > 0 for sample in samples)


def _paired_p(gains: Sequence[float]) -> float:
    return float(stats.ttest_1samp(gains, 0.0).pvalue) if _has_spread(gains) else math.nan


def _welch_p(rates: Sequence[float], others: Sequence[float]) -> float:
    if not _has_spread(rates, others):
        return math.nan
    return float(stats.ttest_ind(rates, others, equal_var=False).pvalue)


@dataclass(frozen=True)
class HourView:
    """The comparison within tenths of the trial, which removes changes of the baseline."""

    difference: float
    p_value: float


def by_hour(design: Design, candidate: str) -> HourView | None:
    """
    Compare within ten strata by time, with Mantel-Haenszel weights; None without times.

    If tasks get easier while the candidate's share grows, pooled tasks make the candidate look
    better than it is. The test is that of Cochran, Mantel and Haenszel.
    """
    if not design.trial.is_ordered:
        return None
    tables = [
        table for table in _strata(design.trial.records, candidate) if table.sum(axis=1).all()
    ]
    if not tables:
        return None
    weights = [table[0].sum() * table[1].sum() / table.sum() for table in tables]
    gains = [table[0, 0] / table[0].sum() - table[1, 0] / table[1].sum() for table in tables]
    difference = float(np.average(gains, weights=weights))
    informative = [table for table in tables if table.sum(axis=0).all()]
    if not informative:
        return HourView(difference, 1.0)
    return HourView(difference, _mantel_haenszel_p(informative))


def _mantel_haenszel_p(tables: Sequence[_Table]) -> float:
    """
    Return the p value, two-sided, of equal success rates in all of some 2 by 2 tables.

    Each has tasks and other outcomes in both rows. Source: Mantel and Haenszel 1959, JNCI 22,
    without a correction for continuity.
    """
    surplus = variance = 0.0
    for table in tables:
        total, row, column = table.sum(), table.sum(axis=1), table.sum(axis=0)
        surplus += table[0, 0] - row[0] * column[0] / total
        variance += row.prod() * column.prod() / (total**2 * (total - 1))
    return float(stats.chi2.sf(surplus**2 / variance, 1))


def _strata(records: Records, candidate: str) -> list[_Table]:
    """Return (candidate, control) by (succeeded, failed) for each tenth of the tasks."""
    passed = np.cumsum(records.tasks) - records.tasks
    tenth = np.minimum(_STRATA - 1, passed * _STRATA // records.tasks.sum())
    cell = 2 * tenth + ~records.version.equal(candidate)
    outcomes = [
        np.bincount(cell, counted, 2 * _STRATA).reshape(_STRATA, 2)
        for counted in (records.successes, records.tasks - records.successes)
    ]
    return list(np.stack(outcomes, axis=-1))
