# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The difference of two versions by robot, and by hour of the trial."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable

from hotswap_ros.gates.analysis.records import Records
from hotswap_ros.gates.analysis.trial import ACROSS, WITHIN, Design
from hotswap_ros.gates.diagnosis import Counts
from hotswap_ros.gates.pairing.clustering import design_effect, intraclass

_STRATA = 10


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
    better than it is. The test is the Cochran-Mantel-Haenszel test of statsmodels.
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
    test = StratifiedTable(informative).test_null_odds(correction=False)
    return HourView(difference, float(test.pvalue))


def _strata(
    records: Records, candidate: str
) -> list[np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """Return (candidate, control) by (succeeded, failed) for each tenth of the tasks."""
    passed = np.cumsum(records.tasks) - records.tasks
    tenth = np.minimum(_STRATA - 1, passed * _STRATA // records.tasks.sum())
    cell = 2 * tenth + ~records.version.equal(candidate)
    outcomes = [
        np.bincount(cell, counted, 2 * _STRATA).reshape(_STRATA, 2)
        for counted in (records.successes, records.tasks - records.successes)
    ]
    return list(np.stack(outcomes, axis=-1))
