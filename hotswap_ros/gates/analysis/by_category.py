# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The difference of two versions in each task category, and their balance over categories."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from hotswap_ros.gates.analysis.comparison import Comparison
from hotswap_ros.gates.analysis.trial import ACROSS, WITHIN, Design
from hotswap_ros.gates.diagnosis import Counts
from hotswap_ros.gates.result import MIN_TASKS
from hotswap_ros.gates.stats.alpha import SUCCESS_SHARE
from hotswap_ros.gates.stats.intervals import Interval

_PARTS = 10
#: Below this p value, the versions got different categories.
_UNBALANCED = 0.001


@dataclass(frozen=True)
class CategoryDifference:
    """
    The comparison in one category; `difference` is candidate − control.

    `interval` and `p_value` (one-sided, of "not worse") are corrected for the number of compared
    categories. The candidate is shown to be worse in a category if the interval is below zero.
    """

    name: str
    control: Counts
    candidate: Counts
    difference: float
    interval: Interval
    p_value: float

    @property
    def is_worse(self) -> bool:
        """Return whether the candidate is shown to be worse here."""
        return self.interval.high < 0


@dataclass(frozen=True)
class Categories:
    """
    All compared categories, those with the strongest evidence of harm first.

    `balance_p` is the p value of "the version of a task does not depend on its category"; NaN if
    each robot served one version. `not_compared` are categories with too few tasks of a version.
    """

    compared: tuple[CategoryDifference, ...]
    not_compared: tuple[str, ...]
    balance_p: float

    @property
    def is_unbalanced(self) -> bool:
        """Return whether the versions got different categories."""
        return self.balance_p < _UNBALANCED


def split_alpha(alpha: float, design: Design, figures: int = 0) -> tuple[float, float]:
    """
    Return the error probability of success, and that of each other comparison.

    The others are all categories together, if there are several, and each of the `figures`. They
    share a fifth, as they do in a gate. So a report on two equal versions is wrong with a
    probability of at most alpha.
    """
    others = figures + (len(design.trial.records.category.seen()) > 1)
    if not others:
        return alpha, 0.0
    return SUCCESS_SHARE * alpha, (1 - SUCCESS_SHARE) * alpha / others


def by_category(design: Design, control: str, candidate: str, alpha: float) -> Categories | None:
    """Compare in each category; None if there is only one. `alpha` is for all categories."""
    records = design.trial.records
    names = records.category.seen()
    if len(names) < 2:
        return None
    usable: dict[str, tuple[Counts, Counts, Comparison]] = {}
    for name in names:
        part = records.take(records.category.equal(name))
        both = (part.of_version(control).counts, part.of_version(candidate).counts)
        if min(arm.tasks for arm in both) < MIN_TASKS:
            continue
        comparison = Comparison.of(design, candidate, part)
        if comparison.is_possible:
            usable[name] = (*both, comparison)
    compared = [
        CategoryDifference(
            name,
            own,
            other,
            comparison.value,
            comparison.difference(alpha / len(usable)).interval,
            min(1.0, comparison.p_worse() * len(usable)),
        )
        for name, (own, other, comparison) in usable.items()
    ]
    compared.sort(key=lambda one: (one.p_value, one.difference))
    return Categories(
        tuple(compared),
        tuple(sorted(name for name in names if name not in usable)),
        _balance(design, candidate),
    )


def _balance(design: Design, candidate: str) -> float:
    """
    Return the p value of "versions and categories of tasks are independent", in strata.

    Strata are tenths of the trial, on each robot if robots served both versions. NaN if each robot
    served one version: robots may work where other categories are, and are too few to tell.

    Source: Landis, Heyman, Koch 1978, International Statistical Review 46 (generalized
    Cochran-Mantel-Haenszel test of general association).
    """
    if design.kind == ACROSS:
        return math.nan
    records = design.trial.records
    names = len(records.category.names)
    part = np.zeros(len(records), np.int64)
    if design.trial.is_ordered and not design.apart:
        part = (np.cumsum(records.tasks) - records.tasks) * _PARTS // records.tasks.sum()
    if design.kind == WITHIN:
        part = part + _PARTS * records.robot_id.codes
    strata, stratum = np.unique(part, return_inverse=True)
    tables = np.zeros((len(strata), 2, names))
    is_candidate = records.version.equal(candidate).astype(int)
    np.add.at(tables, (stratum.reshape(-1), is_candidate, records.category.codes), records.tasks)
    excess, covariance = np.zeros(names), np.zeros((names, names))
    for table in tables[tables.sum(axis=2).all(axis=1)]:
        own, other = table[1].sum(), table[0].sum()
        both, n = table.sum(axis=0), own + other
        excess += table[1] - own * both / n
        spread = np.diag(both) - np.outer(both, both) / n
        covariance += own * other / (n * (n - 1)) * spread
    freedom = int(np.linalg.matrix_rank(covariance))
    if not freedom:
        return 1.0
    statistic = float(excess @ np.linalg.pinv(covariance) @ excess)
    return float(stats.chi2.sf(statistic, freedom))
