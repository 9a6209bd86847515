# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Drift of inputs: the population stability index, and its expectation by chance."""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from hotswap_ros.gates.errors import AnalysisError


def population_stability_index(
    observed: Sequence[int], expected: Sequence[float] | None = None
) -> float:
    """
    Return the population stability index of counts against expected shares, by default equal ones.

    Half an observation is added to each bin, so that an empty bin does not make the index
    infinite. By convention, an index below 0.1 is no drift, and one above 0.2 matters.

    Source: Siddiqi 2006, "Credit Risk Scorecards", Wiley.
    """
    total = sum(observed) + 0.5 * len(observed)
    shares = expected or [1 / len(observed)] * len(observed)
    found = [(seen + 0.5) / total for seen in observed]
    return sum((share - wanted) * math.log(share / wanted) for share, wanted in zip(found, shares))


#: Population stability index from which on a drift has the level SOME, and STRONG.
SOME_DRIFT, STRONG_DRIFT = 0.1, 0.25

#: An index up to so many times its expectation by chance is no drift: with ten bins, only one of
#: 20,000 features without drift is above this, and there are many features.
_CHANCE = 4.0


class Level(str, enum.Enum):
    """The level of the drift of a feature."""

    NONE = 'none'
    SOME = 'some'
    STRONG = 'strong'


@dataclass(frozen=True)
class Drift:
    """
    One feature on the robots against its training data.

    `psi` is the population stability index and `ks` the Kolmogorov-Smirnov distance, the largest
    difference between the two distribution functions; from bins alone it is a lower bound.
    Medians are NaN where only counts are known.
    `chance` is the index that as many independent observations without any drift would show.
    """

    feature: str
    n: int
    psi: float
    ks: float
    chance: float
    median: float = math.nan
    training_median: float = math.nan

    @property
    def level(self) -> Level:
        """Return the level of the drift, with chance taken into account."""
        if self.psi < max(SOME_DRIFT, _CHANCE * self.chance):
            return Level.NONE
        return Level.SOME if self.psi < STRONG_DRIFT else Level.STRONG


def decile_drift(
    feature: str, counts: Sequence[int], deciles: Sequence[float] = (), independent: int = 0
) -> Drift:
    """
    Compare counts between the deciles of the training data (as in telemetry) with a tenth each.

    Medians are known only with `deciles`. `independent` is the number of independent observations,
    0: all. Raises AnalysisError without counts.
    """
    if not sum(counts):
        raise AnalysisError(f"feature '{feature}' has no counts")
    shares = [1 / len(counts)] * len(counts)
    drift = Drift(
        feature,
        sum(counts),
        stability_index(counts, shares),
        distance(counts, shares),
        index_by_chance(len(counts), [independent or sum(counts)]),
    )
    if len(deciles) + 1 != len(counts):
        return drift
    own, known = median_between(deciles, counts), median_between(deciles, shares)
    return replace(drift, median=own, training_median=known)


def stability_index(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Return the population stability index of counts against shares, some of which may be 0."""
    # Bins that the training data left empty would make the index infinite.
    floor = 0.5 / max(sum(counts), 2)
    expected = [max(share, floor) for share in shares]
    return population_stability_index(counts, [share / sum(expected) for share in expected])


def distance(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Return the Kolmogorov-Smirnov distance at the edges of the bins, which is a lower bound."""
    found = accumulate(count / sum(counts) for count in counts)
    return max(abs(own - known) for own, known in zip(found, accumulate(shares)))


def index_by_chance(bins: int, units: Sequence[int]) -> float:
    """Return the expected index of one or two samples of `units` independent observations."""
    return (bins - 1) * sum(1 / unit for unit in units)


def median_between(edges: Sequence[float], weights: Sequence[float]) -> float:
    """Return the median, interpolated within its bin; in an outer bin it is the edge."""
    half = sum(weights) / 2
    below = weights[0]
    if below >= half:
        return float(edges[0])
    for low, high, weight in zip(edges, edges[1:], weights[1:]):
        if below + weight >= half:
            return float(low + (high - low) * (half - below) / weight)
        below += weight
    return float(edges[-1])
