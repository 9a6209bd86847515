# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The similarity of the tasks of one robot, and the test of a mean per robot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from hotswap_ros.gates.analysis.records import Records
from hotswap_ros.gates.analysis.trial import ACROSS, WITHIN, Design
from hotswap_ros.gates.diagnosis import Counts
from hotswap_ros.gates.pairing.clustering import design_effect, intraclass


@dataclass(frozen=True)
class RobotView:
    """
    The robots of a comparison.

    `correlation` is the intra-class correlation of the control's robots; `design_effect` is the
    factor on the variance of a comparison across robots (1 within robots).
    """

    design: str
    control_robots: int
    candidate_robots: int
    correlation: float
    design_effect: float


def by_robot(design: Design, control: str, candidate: str) -> RobotView | None:
    """Return how similar the tasks of a robot are; None if the robots are unknown."""
    if design.kind not in (WITHIN, ACROSS):
        return None
    controls = _counts(design.trial.records, control)
    candidates = _counts(design.trial.records, candidate)
    correlation = max(0.0, intraclass(list(controls.values())))
    effect = 1.0
    if design.kind == ACROSS:
        sizes = [arm.tasks for arm in (*controls.values(), *candidates.values())]
        effect = design_effect(sizes, correlation)
    return RobotView(design.kind, len(controls), len(candidates), correlation, effect)


@dataclass(frozen=True)
class MeanTest:
    """The mean of candidate − control over robots, and its p value; NaN: too few robots."""

    difference: float
    p_value: float
    method: str


def mean_test(design: Design, control: str, candidate: str) -> MeanTest | None:
    """
    Compare a mean per task, robot by robot; None if the robots are unknown.

    It is the paired t test if robots served both versions, and Welch's t test otherwise.
    """
    if design.kind not in (WITHIN, ACROSS):
        return None
    controls = _counts(design.trial.records, control)
    candidates = _counts(design.trial.records, candidate)
    if design.kind == WITHIN:
        robots = sorted(controls.keys() & candidates.keys())
        gains = [candidates[r].rate - controls[r].rate for r in robots]
        return MeanTest(_mean(gains), _paired_p(gains), 'paired t over robots')
    rates = [[arm.rate for arm in side.values()] for side in (candidates, controls)]
    difference = _mean(rates[0]) - _mean(rates[1])
    return MeanTest(difference, _welch_p(*rates), "Welch's t over robots")


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
