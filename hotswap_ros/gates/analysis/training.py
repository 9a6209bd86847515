# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Whether robots see what a version was trained on, feature by feature."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hotswap_ros.gates.diagnosis import AnalysisError, Drift
from hotswap_ros.gates.stats.drift import (
    distance,
    index_by_chance,
    median_between,
    stability_index,
)

Values = NDArray[np.float64]

_BINS = 10
#: Beyond these quantiles of the training data an input is strange.
_TAIL = 0.005


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


def feature_drift(training: TrainingFeature, values: Values, independent: int = 0) -> Drift:
    """
    Compare what robots saw with the training data. `independent` is of how many tasks it is.

    Observations of one task are alike, so chance makes as much of them as of so many tasks.
    Raises AnalysisError without values.
    """
    if not len(values):
        raise AnalysisError(f"feature '{training.name}' has no values")
    counts, known = _histogram(training.edges, values), training.samples
    units = [independent or len(values), *([] if known is None else [len(known)])]
    if known is None:
        ks = distance(counts, training.shares)
        usual = median_between(training.edges, training.shares)
    else:
        ks, usual = float(stats.ks_2samp(known, values).statistic), float(np.median(known))
    return Drift(
        training.name,
        len(values),
        stability_index(counts, training.shares),
        ks,
        index_by_chance(len(counts), units),
        float(np.median(values)),
        usual,
    )


def _histogram(edges: tuple[float, ...], values: Values) -> list[int]:
    bins = np.searchsorted(np.asarray(edges), values, side='right')
    return [int(count) for count in np.bincount(bins, minlength=len(edges) + 1)]
