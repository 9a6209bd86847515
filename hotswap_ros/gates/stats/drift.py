# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Drift of inputs: the population stability index, and when it is more than chance."""

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

    Half an observation is added to each bin, so that an empty one does not make it infinite. Below
    0.1 is taken for no drift, above 0.2 for one that matters.

    Source: Siddiqi 2006, "Credit Risk Scorecards", Wiley.
    """
    total = sum(observed) + 0.5 * len(observed)
    shares = expected or [1 / len(observed)] * len(observed)
    found = [(seen + 0.5) / total for seen in observed]
    return sum((share - wanted) * math.log(share / wanted) for share, wanted in zip(found, shares))


#: Population stability index from which a drift is called some, and strong.
SOME_DRIFT, STRONG_DRIFT = 0.1, 0.25

#: So many times what chance alone makes of an index is still taken for chance: with ten bins no
#: more than one feature in 20,000 is above that without any drift, and there are many features.
_CHANCE = 4.0


class Level(str, enum.Enum):
    """How far a feature is off."""

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
        """Return how far the feature is off, chance taken into account."""
        if self.psi < max(SOME_DRIFT, _CHANCE * self.chance):
            return Level.NONE
        return Level.SOME if self.psi < STRONG_DRIFT else Level.STRONG


def decile_drift(
    feature: str, counts: Sequence[int], deciles: Sequence[float] = (), independent: int = 0
) -> Drift:
    """
    Compare counts between the deciles of the training data with a tenth each, as telemetry has it.

    Medians are told where the `deciles` are known. Raises AnalysisError without counts.
    """
    if not sum(counts):
        raise AnalysisError(f"feature '{feature}' was never counted")
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
    """Return the Kolmogorov-Smirnov distance, as far as bins can tell."""
    found = accumulate(count / sum(counts) for count in counts)
    return max(abs(own - known) for own, known in zip(found, accumulate(shares)))


def index_by_chance(bins: int, units: Sequence[int]) -> float:
    """Return the mean index of so many independent observations, of one or of two samples."""
    return (bins - 1) * sum(1 / unit for unit in units)


def median_between(edges: Sequence[float], weights: Sequence[float]) -> float:
    """Return the median between edges, even within a bin; an outer bin gives its edge."""
    half = sum(weights) / 2
    below = weights[0]
    if below >= half:
        return float(edges[0])
    for low, high, weight in zip(edges, edges[1:], weights[1:]):
        if below + weight >= half:
            return float(low + (high - low) * (half - below) / weight)
        below += weight
    return float(edges[-1])
