# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Counts of each version; the engine's lock guards every call of a recorder."""

from __future__ import annotations

import operator
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from hotswap_ros.models import (
    LATENCY_EDGES_MS,
    FailureCause,
    FeatureStatistics,
    InputBins,
    RoleCounts,
    ShadowCounts,
    TaskCounts,
    VersionCounters,
)
from hotswap_ros.serving.worker.shadow_ring import Verdict

_SAMPLED_EVERY = 16


class _Role:
    """Counts of one version in one role."""

    __slots__ = ('errors', 'fallbacks', 'latency')

    def __init__(self) -> None:
        self.latency = [0] * (len(LATENCY_EDGES_MS) + 1)
        self.errors: dict[str, int] = {}
        self.fallbacks: dict[str, int] = {}

    def snapshot(self) -> RoleCounts:
        return RoleCounts(
            requests=sum(self.latency),
            errors=dict(self.errors),
            fallbacks=sum(self.fallbacks.values()),
            latency=tuple(self.latency),
        )


class Recorder:
    """
    Mutable counts of one version, from the start of the engine to its end.

    Every request counts once, for the version that it was assigned to, also when stable answered
    in its place: so the two groups of a comparison are those of the random assignment.
    """

    __slots__ = ('_categories', '_inputs', '_roles', '_shadow', '_tasks', '_unsampled')

    def __init__(self) -> None:
        self._inputs = InputBins({})
        self._unsampled = 0
        self._roles = (_Role(), _Role())  # stable, candidate: as `on_trial` counts
        self._shadow = [0] * 5  # in the order of ShadowCounts
        self._tasks = TaskCounts()
        self._categories: dict[str, TaskCounts] = {}

    def count_request(self, latency_ms: float, on_trial: bool = False) -> None:
        """Count a request that the version ran, and how long it took."""
        self._roles[on_trial].latency[bisect_left(LATENCY_EDGES_MS, latency_ms)] += 1

    def watch_inputs(self, statistics: Mapping[str, FeatureStatistics]) -> None:
        """Begin to count inputs in the bins of the training data; once is enough."""
        if not self._inputs.tensors:
            self._inputs = InputBins(statistics)

    def sample_inputs(self, inputs: Mapping[str, NDArray[Any]]) -> None:
        """Count every sixteenth observation: consecutive ones are similar."""
        self._unsampled += 1
        if self._unsampled < _SAMPLED_EVERY:
            return
        self._unsampled = 0
        last_rows = {
            name: inputs[name].reshape(-1, inputs[name].shape[-1])[-1].tolist()
            for name in self._inputs.tensors
        }
        self._inputs.add(last_rows)

    def count_failure(
        self, latency_ms: float, cause: FailureCause, saved: bool, on_trial: bool = False
    ) -> None:
        """
        Count a request that the version failed, and whether stable answered it.

        One that the computer did not run in time is no error of the version.
        """
        self.count_request(latency_ms, on_trial)
        role = self._roles[on_trial]
        if cause is not FailureCause.BUSY_COMPUTER:
            role.errors[cause.value] = role.errors.get(cause.value, 0) + 1
        if saved:
            role.fallbacks[cause.value] = role.fallbacks.get(cause.value, 0) + 1

    def count_task(self, category: str, change: TaskCounts) -> None:
        """Add to the task counts, and to those of the category unless it is empty."""
        self._tasks += change
        if category:
            self._categories[category] = self._categories.get(category, TaskCounts()) + change

    def count_offer(self, taken: bool) -> None:
        """Count an observation that the shadow was offered, and whether it was taken."""
        self._shadow[0] += 1
        self._shadow[1] += not taken

    def count_verdict(self, verdict: Verdict) -> None:
        """Count the result of a shadowed observation."""
        self._shadow[1] += verdict.drops
        comparison = verdict.comparison
        if comparison is not None:
            self._shadow[2] += 1
            self._shadow[3] += comparison.agreement
            self._shadow[4] += comparison.cause is not None

    def snapshot(self) -> VersionCounters:
        """Return the counts of this moment."""
        stable, candidate = self._roles
        latency = tuple(map(operator.add, stable.latency, candidate.latency))
        return VersionCounters(
            requests=sum(latency),
            errors=sum(stable.errors.values()) + sum(candidate.errors.values()),
            fallbacks=dict(Counter(stable.fallbacks) + Counter(candidate.fallbacks)),
            tasks=self._tasks,
            categories=dict(self._categories),
            latency=latency,
            stable=stable.snapshot(),
            candidate=candidate.snapshot(),
            shadow=ShadowCounts(*self._shadow),
            inputs=self._inputs.snapshot(),
        )


class Recorders:
    """
    The recorders of all versions since the start of the engine; `lock` guards their counts.

    A recorder stays when its version is unloaded: counts that fell would look like a restart.
    """

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self._recorders: dict[str, Recorder] = {}

    def of(self, version: str) -> Recorder:
        """Return the recorder of a version."""
        with self._lock:
            return self._recorders.setdefault(version, Recorder())

    def snapshot(self) -> dict[str, VersionCounters]:
        """Return the counts of this moment, by version. The caller holds the lock."""
        return {name: recorder.snapshot() for name, recorder in self._recorders.items()}
