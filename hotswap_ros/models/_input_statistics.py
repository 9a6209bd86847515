# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a version was trained on, and how what it is given now is counted beside that."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from pydantic import BaseModel, ConfigDict, Field, model_validator

#: Bins of a feature: between the nine deciles of its training data, and beyond.
BINS = 10


class FeatureStatistics(BaseModel):
    """
    One input feature in the training data, in the unit of the tensor.

    `deciles` are the nine values that cut the training data into ten equal parts.
    """

    model_config = ConfigDict(extra='forbid', frozen=True, allow_inf_nan=False)

    mean: float
    std: float = Field(ge=0)
    deciles: tuple[float, ...] = Field(min_length=BINS - 1, max_length=BINS - 1)

    @model_validator(mode='after')
    def _deciles_rise(self) -> FeatureStatistics:
        if any(b <= a for a, b in pairwise(self.deciles)):
            raise ValueError(
                f"'deciles' must rise from one to the next, these do not: {list(self.deciles)}: "
                'leave out a feature that takes few values'
            )
        return self


class InputBins:
    """
    Counts observations of the features that have statistics; constant size, cheap to sample.

    A feature is named `tensor[i]` after the tensor and the index in its last dimension. A server
    calls `add` for every Nth request, with the last row of each of `tensors`: the newest.
    """

    def __init__(self, statistics: Mapping[str, FeatureStatistics]) -> None:
        self._features: dict[str, list[tuple[int, tuple[float, ...], list[int]]]] = {}
        self._bins: dict[str, list[int]] = {}
        for name, feature in statistics.items():
            tensor, _, index = name.rpartition('[')
            bins = self._bins[name] = [0] * BINS
            entry = (int(index.rstrip(']')), feature.deciles, bins)
            self._features.setdefault(tensor, []).append(entry)

    @property
    def tensors(self) -> Collection[str]:
        """Return the names of the tensors that are counted."""
        return self._features.keys()

    def add(self, tensors: Mapping[str, Sequence[float]]) -> None:
        """Count one observation; a tensor that is not there is not counted."""
        for tensor, features in self._features.items():
            values = tensors.get(tensor)
            if values is None:
                continue
            for index, deciles, bins in features:
                bins[bisect_right(deciles, values[index])] += 1

    def snapshot(self) -> dict[str, tuple[int, ...]]:
        """Return the counts of each feature."""
        return {name: tuple(bins) for name, bins in self._bins.items()}
