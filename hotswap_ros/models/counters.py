# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Counters: the cumulative counts of a version on a robot, which never fall within one boot."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pydantic import BaseModel, ConfigDict, Field, model_validator

#: Upper edges of the latency buckets in milliseconds, log-spaced, shared by the whole fleet so
#: that histograms add up; one more bucket holds everything above the last edge.
LATENCY_EDGES_MS: tuple[float, ...] = (
    0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 35.0, 50.0,
    75.0, 100.0, 150.0, 200.0, 300.0, 500.0, 1000.0, 2000.0, 5000.0,
)  # fmt: skip


def succeeded(success: bool, stuck: bool) -> bool:
    """Return whether a task succeeded by what was reported of it: a stuck one did not."""
    return success and not stuck


#: A progress of 1.0 in counts: they are whole numbers.
PROGRESS_UNIT = 1000


@dataclass(frozen=True)
class TaskCounts:
    """
    Tasks of one version: `finished` includes timed-out ones, which count as failed.

    `progress` is the sum over finished tasks, in thousandths: of what was reported, or of 1 for a
    success and 0 for a failure. `progress_reports` of them reported it. `duration_ms` is the sum
    over the tasks that succeeded, and `interventions` that over all tasks.
    """

    started: int = 0
    finished: int = 0
    succeeded: int = 0
    stuck: int = 0
    timed_out: int = 0
    progress: int = 0
    progress_reports: int = 0
    duration_ms: int = 0
    interventions: int = 0

    def __add__(self, other: TaskCounts) -> TaskCounts:
        return TaskCounts(
            self.started + other.started,
            self.finished + other.finished,
            self.succeeded + other.succeeded,
            self.stuck + other.stuck,
            self.timed_out + other.timed_out,
            self.progress + other.progress,
            self.progress_reports + other.progress_reports,
            self.duration_ms + other.duration_ms,
            self.interventions + other.interventions,
        )

    def __sub__(self, other: TaskCounts) -> TaskCounts:
        return TaskCounts(
            self.started - other.started,
            self.finished - other.finished,
            self.succeeded - other.succeeded,
            self.stuck - other.stuck,
            self.timed_out - other.timed_out,
            self.progress - other.progress,
            self.progress_reports - other.progress_reports,
            self.duration_ms - other.duration_ms,
            self.interventions - other.interventions,
        )


@dataclass(frozen=True)
class ShadowCounts:
    """
    Observations for a shadow: `offered` = `dropped` + `compared` + those in progress.

    Of the compared ones, `agreed` were within the tolerance and `failed` broke the manifest, which
    is no agreement. Coverage is `compared` / `offered`.
    """

    offered: int = 0
    dropped: int = 0
    compared: int = 0
    agreed: int = 0
    failed: int = 0


@dataclass(frozen=True)
class RoleCounts:
    """
    Requests to a version in one role, and those that it failed, by cause.

    Stable answered `fallbacks` of the requests: of those that failed, and of those that the
    computer was too busy to run in time. `latency` is as in VersionCounters.
    """

    requests: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
    fallbacks: int = 0
    latency: tuple[int, ...] = (0,) * (len(LATENCY_EDGES_MS) + 1)


@dataclass(frozen=True)
class VersionCounters:
    """
    Everything that is counted for one version on one robot.

    This version was to answer `requests` and failed `errors` of them; `fallbacks` counts what
    stable answered, by cause: 'busy_computer' is no error. `latency` has one count per bucket of
    `LATENCY_EDGES_MS`, and one for the rest, without time that a worker waited for a processor.
    `stable` and `candidate` split the requests by the role that they were made in; a version that
    was stable when a task began stays stable to its end. `shadow` counts its work as a shadow,
    which no other field counts. `inputs` counts, for each input feature with training statistics,
    sampled observations between their deciles (see InputBins).
    """

    requests: int = 0
    errors: int = 0
    fallbacks: Mapping[str, int] = field(default_factory=dict)
    tasks: TaskCounts = field(default_factory=TaskCounts)
    categories: Mapping[str, TaskCounts] = field(default_factory=dict)
    latency: tuple[int, ...] = (0,) * (len(LATENCY_EDGES_MS) + 1)
    stable: RoleCounts = field(default_factory=RoleCounts)
    candidate: RoleCounts = field(default_factory=RoleCounts)
    shadow: ShadowCounts = field(default_factory=ShadowCounts)
    inputs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


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
