# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Tests and intervals for one look at the end, with a number of tasks that is planned beforehand.

From scipy and the gate; numbers of tasks as in Cohen 1988, Statistical Power Analysis. They are
not valid for looks while a trial is running.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from hotswap_ros.gates.analysis.trial import Latency
from hotswap_ros.gates.stats.intervals import Interval

#: The power for which trials are planned.
POWER = 0.8


class Outcome(NamedTuple):
    """A test statistic and its p value."""

    statistic: float
    p_value: float


def cohens_h(control_rate: float, candidate_rate: float) -> float:
    """Return the effect size between two rates (Cohen 1988): .2 small, .5 medium, .8 large."""
    return _angle(candidate_rate) - _angle(control_rate)


def power(
    control_rate: float,
    candidate_rate: float,
    tasks: float,
    ratio: float = 1.0,
    alpha: float = 0.05,
    *,
    one_sided: bool = False,
) -> float:
    """Return the power of a trial with `tasks` of the control and `ratio` times as many others."""
    shift = abs(cohens_h(control_rate, candidate_rate)) * math.sqrt(tasks / (1 + 1 / ratio))
    critical = _critical(alpha, one_sided)
    other_side = 0.0 if one_sided else stats.norm.cdf(-critical - shift)
    return float(stats.norm.sf(critical - shift) + other_side)


def tasks_per_arm(
    control_rate: float,
    candidate_rate: float,
    alpha: float = 0.05,
    power: float = POWER,
    *,
    one_sided: bool = False,
) -> int:
    """
    Return the number of tasks of each version that finds the difference with this power.

    With two sides, the chance to find the opposite of the difference is left out. At a power of
    0.8 it is below 2 in a million.
    """
    effect = abs(cohens_h(control_rate, candidate_rate))
    return math.ceil(2 * (_distance(alpha, power, one_sided=one_sided) / effect) ** 2)


def tasks_per_arm_not_inferior(
    rate: float, tolerance: float, alpha: float = 0.05, power: float = POWER
) -> int:
    """
    Return the tasks of each of two equal versions that show "not worse than the tolerance".

    Source: Blackwelder 1982, Controlled Clinical Trials 3; one-sided.
    """
    z = stats.norm.ppf(1 - alpha) + stats.norm.ppf(power)
    return math.ceil(float(z**2 * 2 * rate * (1 - rate) / tolerance**2))


def detectable_drop(rate: float, tasks: float, ratio: float = 1.0, alpha: float = 0.05) -> float:
    """Return the smallest drop in rate that a trial of this size finds with power 0.8."""
    effect = _distance(alpha, POWER) * math.sqrt((1 + 1 / ratio) / tasks)
    angle = _angle(rate) - effect
    return rate - math.sin(max(0.0, angle) / 2) ** 2


def event_test(events: tuple[int, int], exposure: tuple[int, int]) -> Outcome:
    """
    Return the ratio of two rates of rare events, (candidate, control), and its p, two-sided.

    Exact, conditional on the number of events: how many of them are the candidate's is binomial
    (Przyborowski and Wilenski 1940, Biometrika 31).
    """
    if not sum(events):
        return Outcome(math.nan, 1.0)
    found = stats.binomtest(events[0], sum(events), exposure[0] / sum(exposure))
    rates = events[0] / exposure[0], events[1] / exposure[1]
    return Outcome(rates[0] / rates[1] if rates[1] else math.inf, float(found.pvalue))


def sample_ratio_test(control: int, candidate: int, share: float = 0.5) -> Outcome:
    """Return the chi-square test that the candidate got the planned `share` (0 to 1) of units."""
    total = control + candidate
    found = stats.chisquare([control, candidate], [total * (1 - share), total * share])
    return Outcome(float(found.statistic), float(found.pvalue))


def quantile_interval(latency: Latency, q: float = 0.95) -> tuple[float, Interval]:
    """
    Return a quantile of latencies with its 95% interval, both in milliseconds.

    Exact for independent latencies, from order statistics: scipy.stats.quantile_test.
    """
    order = np.argsort(latency.values_ms)
    values = np.repeat(latency.values_ms[order], latency.counts[order])
    estimate = float(np.quantile(values, q, method='inverted_cdf'))
    found: Any = stats.quantile_test(values, q=estimate, p=q).confidence_interval(0.95)
    return estimate, Interval(float(found.low), float(found.high))


def _angle(rate: float) -> float:
    """Return the transformation of a rate that makes its variance the same everywhere."""
    return 2 * math.asin(math.sqrt(rate))


def _critical(alpha: float, one_sided: bool) -> float:
    return float(stats.norm.isf(alpha if one_sided else alpha / 2))


def _distance(alpha: float, power: float, *, one_sided: bool = False) -> float:
    """Return how many standard errors the effect has to be away from none."""
    return _critical(alpha, one_sided) + float(stats.norm.ppf(power))
