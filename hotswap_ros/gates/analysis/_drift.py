# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Whether robots see what a version was trained on, feature by feature."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hotswap_ros.gates._inputs import population_stability_index
from hotswap_ros.gates.analysis._trial import AnalysisError

Values = NDArray[np.float64]

#: Population stability index from which a drift is called some, and strong.
SOME_DRIFT, STRONG_DRIFT = 0.1, 0.25
_BINS = 10
#: Beyond these quantiles of the training data an input is strange.
_TAIL = 0.005
#: Twice what chance alone makes of an index is still taken for chance.
_CHANCE = 2.0


class Level(str, enum.Enum):
    """How far a feature is off."""

    NONE = 'none'
    SOME = 'some'
    STRONG = 'strong'


@dataclass(frozen=True)
class TrainingFeature:
    """
    One input feature in the training data: `shares` of it lie between the `edges`.

    One more share than edges: the first is below the first edge, the last above the last. `low`
    and `high` are where the strange begins. `samples` are training values where they are at hand.
    """

    name: str
    edges: tuple[float, ...]
    shares: tuple[float, ...]
    low: float = -math.inf
    high: float = math.inf
    samples: Values | None = None

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip(self.edges, self.edges[1:]))
        if not self.edges or not rising:
            raise AnalysisError(f"feature '{self.name}': its edges must rise, one at least")
        if len(self.shares) != len(self.edges) + 1 or min(self.shares) < 0:
            raise AnalysisError(
                f"feature '{self.name}' has {len(self.edges)} edges and {len(self.shares)} "
                'shares: give one share more than edges, none below zero'
            )
        if not math.isclose(sum(self.shares), 1.0, abs_tol=0.01):
            raise AnalysisError(
                f"feature '{self.name}': its shares add up to {sum(self.shares):g}"
            )

    @classmethod
    def of_samples(cls, name: str, values: Values) -> TrainingFeature:
        """Return the statistics of training values, between their deciles."""
        quantiles = np.unique(np.quantile(values, np.arange(1, _BINS) / _BINS))
        edges = tuple(map(float, quantiles))
        counts = _histogram(edges, values)
        low, high = np.quantile(values, [_TAIL, 1 - _TAIL])
        return cls(
            name,
            edges,
            tuple(float(count) / len(values) for count in counts),
            float(low),
            float(high),
            values,
        )


@dataclass(frozen=True)
class Drift:
    """
    One feature on the robots against its training data.

    `psi` is the population stability index and `ks` the Kolmogorov-Smirnov distance, the largest
    difference between the two distribution functions; from bins alone it is a lower bound.
    `chance` is the index that as many independent observations without any drift would show.
    """

    feature: str
    n: int
    psi: float
    ks: float
    chance: float
    median: float
    training_median: float

    @property
    def level(self) -> Level:
        """Return how far the feature is off, chance taken into account."""
        if self.psi < max(SOME_DRIFT, _CHANCE * self.chance):
            return Level.NONE
        return Level.SOME if self.psi < STRONG_DRIFT else Level.STRONG


def feature_drift(training: TrainingFeature, values: Values, independent: int = 0) -> Drift:
    """
    Compare what robots saw with the training data. `independent` is of how many tasks it is.

    Observations of one task are alike, so chance makes as much of them as of so many tasks.
    Raises AnalysisError without values.
    """
    if not len(values):
        raise AnalysisError(f"feature '{training.name}' has no values")
    counts = _histogram(training.edges, values)
    bins = len(training.shares)
    # Bins that the training data left empty would make the index infinite.
    floor = 0.5 / max(len(values), 2)
    expected = [max(share, floor) for share in training.shares]
    known = training.samples
    units = [independent or len(values), *([] if known is None else [len(known)])]
    return Drift(
        training.name,
        len(values),
        population_stability_index(counts, [share / sum(expected) for share in expected]),
        _distance(training, values, counts),
        (bins - 1) * sum(1 / unit for unit in units),
        float(np.median(values)),
        _median(training),
    )


def _distance(training: TrainingFeature, values: Values, counts: list[int]) -> float:
    if training.samples is not None:
        return float(stats.ks_2samp(training.samples, values).statistic)
    found = np.cumsum(counts) / len(values)
    return float(np.max(np.abs(found - np.cumsum(training.shares))))


def _median(training: TrainingFeature) -> float:
    if training.samples is not None:
        return float(np.median(training.samples))
    index = int(np.searchsorted(np.cumsum(training.shares), 0.5))
    return training.edges[min(index, len(training.edges) - 1)]


def _histogram(edges: tuple[float, ...], values: Values) -> list[int]:
    bins = np.searchsorted(np.asarray(edges), values, side='right')
    return [int(count) for count in np.bincount(bins, minlength=len(edges) + 1)]
