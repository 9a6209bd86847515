# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Intervals for people, with no part in any verdict."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

#: Miscoverage of every interval that is shown: 95% intervals.
_ALPHA = 0.05
_Z = NormalDist().inv_cdf(1 - _ALPHA / 2)


class Interval(NamedTuple):
    """Both ends; NaN where there is none."""

    low: float = math.nan
    high: float = math.nan


def wilson_interval(successes: int, n: int) -> Interval:
    """
    Return the 95% interval of a rate at one look that was fixed beforehand.

    Source: Wilson 1927, JASA 22.
    """
    if n == 0:
        return Interval()
    rate = successes / n
    centre = (rate + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(rate * (1 - rate) / n + _Z**2 / (4 * n**2))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def confidence_sequence(total: float, variance: float, weight: float) -> Interval:
    """
    Return the 95% interval of a weighted mean that holds at all looks at once (asymptotically).

    `total` is the sum of the observations, `variance` the sum of their (estimated) variances and
    `weight` what divides them. Robbins' normal mixture with rho = 1, tightest near variance 8:
    a few hundred tasks.

    Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas 2024, "Time-uniform central limit theory
    and asymptotic confidence sequences", Annals of Statistics 52; arXiv 2103.06476.
    """
    if weight <= 0:
        return Interval()
    spread = math.sqrt((variance + 1) * math.log((variance + 1) / _ALPHA**2))
    return Interval(
        max(-1.0, (total - spread) / weight),
        min(1.0, (total + spread) / weight),
    )
