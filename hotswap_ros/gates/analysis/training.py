# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The comparison of inputs on robots with the training data, feature by feature."""

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
#: Inputs beyond these quantiles of the training data are strange.
_TAIL = 0.005


@dataclass(frozen=True)
class TrainingFeature:
    """
    One input feature in the training data, with `shares` (0 to 1) of the values between `edges`.

    There is one share more than edges: the first is below the first edge, the last above the last
    one. Inputs below `low` or above `high` are strange. `samples` are training values, if known.
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
            raise AnalysisError(f"feature '{self.name}': give at least one edge, in rising order")
        if len(self.shares) != len(self.edges) + 1 or min(self.shares) < 0:
            raise AnalysisError(
                f"feature '{self.name}' has {len(self.edges)} edges and {len(self.shares)} "
                'shares: give one share more than edges, and none below zero'
            )
        if not math.isclose(sum(self.shares), 1.0, abs_tol=0.01):
            raise AnalysisError(
                f"feature '{self.name}': its shares add up to {sum(self.shares):g} instead of 1"
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
    Compare values on robots with the training data.

    `independent` is the number of tasks of the values, 0: unknown. Observations of one task are
    similar, so tasks and not values are the independent observations. Raises AnalysisError without
    values.
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
