# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Intervals, and the test of a difference, for one look that is planned beforehand."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

from hotswap_ros.gates.stats.evidence import null_projection

#: Miscoverage of all intervals: they are 95% intervals.
_ALPHA = 0.05
_Z = NormalDist().inv_cdf(1 - _ALPHA / 2)


class Interval(NamedTuple):
    """An interval; NaN if it does not exist."""

    low: float = math.nan
    high: float = math.nan


def wilson_interval(successes: float, n: float) -> Interval:
    """
    Return the 95% interval of a rate (0 to 1), for one look that is planned beforehand.

    Source: Wilson 1927, JASA 22.
    """
    if n == 0:
        return Interval()
    rate = successes / n
    centre = (rate + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(rate * (1 - rate) / n + _Z**2 / (4 * n**2))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def newcombe_interval(control: float, n_control: float, candidate: float, n: float) -> Interval:
    """
    Return the 95% interval of the drop from the control's to the candidate's rate, from counts.

    Source: Newcombe 1998, Statistics in Medicine 17, method 10.
    """
    if not (n_control and n):
        return Interval()
    rates = control / n_control, candidate / n
    own, other = wilson_interval(candidate, n), wilson_interval(control, n_control)
    drop = rates[0] - rates[1]
    return Interval(
        drop - math.hypot(rates[0] - other.low, own.high - rates[1]),
        drop + math.hypot(other.high - rates[0], rates[1] - own.low),
    )


def score_test(
    control: float, n_control: float, candidate: float, n: float, allowed_drop: float
) -> float:
    """Return the one-sided p-value against "the candidate is at most `allowed_drop` worse"."""
    z = score_statistic(control, n_control, candidate, n, allowed_drop)
    return NormalDist().cdf(-z)


def score_statistic(
    control: float, n_control: float, candidate: float, n: float, allowed_drop: float
) -> float:
    """
    Return the distance of the drop from `allowed_drop` in standard errors; positive if larger.

    The rates under the null are the maximum-likelihood rates, which are the projection of the
    observed ones.

    Source: Miettinen, Nurminen 1985, Statistics in Medicine 4.
    """
    rates = control / n_control, candidate / n
    beyond = rates[0] - rates[1] - allowed_drop
    null = null_projection(*rates, n_control, n, allowed_drop)
    variance = null[0] * (1 - null[0]) / n_control + null[1] * (1 - null[1]) / n
    variance *= (n_control + n) / (n_control + n - 1)
    return beyond / math.sqrt(variance) if variance > 0 else 0.0


def confidence_sequence(total: float, variance: float, weight: float) -> Interval:
    """
    Return the 95% interval of a weighted mean that holds at all looks at once (asymptotically).

    `total` is the sum of the observations, `variance` the sum of their (estimated) variances, and
    `weight` the divisor of both. It is Robbins' normal mixture with rho = 1, which is tightest at
    a variance near 8, that is a few hundred tasks.

    Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas 2024, "Time-uniform central limit theory
    and asymptotic confidence sequences", Annals of Statistics 52; arXiv 2103.06476.
    """
    if weight <= 0:
        return Interval()
    spread = math.sqrt((variance + 1) * math.log((variance + 1) / _ALPHA**2))
    return Interval(max(-1.0, (total - spread) / weight), min(1.0, (total + spread) / weight))
