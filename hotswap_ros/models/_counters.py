# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a version did on a robot, as cumulative counts that never fall within one boot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Upper edges of the latency buckets in milliseconds, log-spaced, shared by the whole fleet so
#: that histograms add up; one more bucket holds everything above the last edge.
LATENCY_EDGES_MS: tuple[float, ...] = (
    0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 35.0, 50.0,
    75.0, 100.0, 150.0, 200.0, 300.0, 500.0, 1000.0, 2000.0, 5000.0,
)  # fmt: skip


@dataclass(frozen=True)
class TaskCounts:
    """Tasks of one version: `finished` includes timed-out ones, which count as failed."""

    started: int = 0
    finished: int = 0
    succeeded: int = 0
    stuck: int = 0
    timed_out: int = 0

    def __add__(self, other: TaskCounts) -> TaskCounts:
        return TaskCounts(
            self.started + other.started,
            self.finished + other.finished,
            self.succeeded + other.succeeded,
            self.stuck + other.stuck,
            self.timed_out + other.timed_out,
        )

    def __sub__(self, other: TaskCounts) -> TaskCounts:
        return TaskCounts(
            self.started - other.started,
            self.finished - other.finished,
            self.succeeded - other.succeeded,
            self.stuck - other.stuck,
            self.timed_out - other.timed_out,
        )


@dataclass(frozen=True)
class ShadowCounts:
    """
    Observations that a version was to shadow: `offered` = `dropped` + `compared` + under way.

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
    Requests that a version was to answer in one role, and those that it failed, by cause.

    `fallbacks` of these stable answered. `latency` is as in VersionCounters.
    """

    requests: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
    fallbacks: int = 0
    latency: tuple[int, ...] = (0,) * (len(LATENCY_EDGES_MS) + 1)


@dataclass(frozen=True)
class VersionCounters:
    """
    Everything that is counted for one version on one robot.

    `requests` were to be answered by this version and `errors` of them it failed; `fallbacks`
    counts those by cause. `latency` has one count per bucket of `LATENCY_EDGES_MS`, and one for
    the rest. `stable` and `candidate` split the requests by the role that they were made in; a
    version that was stable when a task began is that to its end. `shadow` counts what it did as a
    shadow, which is none of the others. `inputs` counts, for each input feature with training
    statistics, sampled observations between their deciles (see InputBins).
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
