# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Robots that differ: a good one is better with every version, by a probit random effect."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from hotswap_ros.sim.virtual._outcomes import VersionOutcomes

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
#: Robots that do either nearly everything or nearly nothing.
_WIDEST = 50.0
_WEIGHTS = _WEIGHTS / math.sqrt(2 * math.pi)


def success_rates(
    versions: Sequence[VersionOutcomes], categories: Sequence[str], skill: NDArray[np.float64]
) -> NDArray[np.float64]:
    """
    Return the success rate by robot, version and category; `skill` is standard normal.

    Over all robots the mean is what the outcomes say, and the correlation of two tasks of a robot
    is theirs: with the rate p of a robot, that is var(p) / (E(p) (1 - E(p))).
    """
    rates = np.zeros((len(skill), len(versions), len(categories)))
    for index, version in enumerate(versions):
        width = spread(version)
        for column, name in enumerate(categories):
            known = version.categories.get(name)
            # What nobody measured is taken for what the version does on average.
            rate = version.success if known is None else known.success
            rates[:, index, column] = _of(rate, width, skill)
    return rates


def _of(rate: float, width: float, skill: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rate of robots whose mean over the standard normal `skill` is `rate`."""
    if not width or rate in (0, 1):
        return np.full(len(skill), rate)
    middle = special.ndtri(rate) * math.sqrt(1 + width * width)
    return np.asarray(special.ndtr(middle + width * skill))


def spread(version: VersionOutcomes) -> float:
    """Return the standard deviation of the effect that gives a version its correlation."""
    rate, correlation = version.success, version.correlation
    if not 0 < rate < 1 or not correlation:
        return 0.0
    parts = [(one.share, one.success) for one in version.categories.values()]
    whole = sum(share for share, _ in parts)

    def excess(width: float) -> float:
        found = sum((share * _of(one, width, _NODES) for share, one in parts), np.zeros(1)) / whole
        return float(_WEIGHTS @ (found - rate) ** 2) / (rate * (1 - rate)) - correlation

    if excess(_WIDEST) <= 0:
        return _WIDEST
    return float(optimize.brentq(excess, 0.0, _WIDEST))
