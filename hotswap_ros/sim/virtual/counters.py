# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Counters of virtual robots, built from arrays only on access."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from hotswap_ros.models import (
    BINS,
    FailureCause,
    RoleCounts,
    ShadowCounts,
    TaskCounts,
    VersionCounters,
)
from hotswap_ros.sim.virtual.outcomes import VersionOutcomes
from hotswap_ros.sim.virtual.workload import CAUSES, Counts, LatencyHistograms

#: A robot samples one of this number of observations, like the serving engine.
_SAMPLED_EVERY = 16
_BUSY = FailureCause.BUSY_COMPUTER.value
_NO_ROLE, _NO_SHADOW = RoleCounts(), ShadowCounts()


class Looks:
    """Counters that are drawn on access: latencies of requests, and samples of inputs."""

    def __init__(
        self,
        versions: Sequence[VersionOutcomes],
        categories: Sequence[str],
        robots: int,
        random: np.random.Generator,
    ) -> None:
        self.versions = [one.version for one in versions]
        self.categories = categories
        self.latency = LatencyHistograms(versions, robots, random)
        self._random = random
        self._features = [tuple(one.inputs) for one in versions]
        # By version a row for each feature, which one call draws: a call for each takes ten times.
        self._inputs = [
            np.array([np.array(shares) / sum(shares) for shares in one.inputs.values()])
            for one in versions
        ]
        self._bins: dict[tuple[int, int], np.ndarray] = {}
        self._sampled: dict[tuple[int, int], int] = {}

    def inputs_upto(self, robot: int, version: int, given: int) -> dict[str, tuple[int, ...]]:
        """Return the bins of the observations that a version received, also as a shadow."""
        features = self._features[version]
        if not features:
            return {}
        key = robot, version
        bins = self._bins.setdefault(key, np.zeros((len(features), BINS), np.int64))
        new = given // _SAMPLED_EVERY - self._sampled.get(key, 0)
        if new > 0:
            self._sampled[key] = given // _SAMPLED_EVERY
            bins += self._random.multinomial(new, self._inputs[version])
        return dict(zip(features, map(tuple, bins.tolist())))

    def reset(self, robot: int) -> None:
        """Begin anew with a boot."""
        self.latency.reset(robot)
        for version in range(len(self.versions)):
            self._bins.pop((robot, version), None)
            self._sampled.pop((robot, version), None)


class SentCounters(Mapping[str, VersionCounters]):
    """The counters of one robot at the moment at which it sent them, by version."""

    __slots__ = ('_block', '_looks', '_made', '_robot', '_row')

    def __init__(self, looks: Looks, robot: int, block: Counts, row: int) -> None:
        self._looks = looks
        self._robot = robot
        self._block = block
        self._row = row
        self._made: dict[str, VersionCounters] | None = None

    def __getitem__(self, version: str) -> VersionCounters:
        return self._all[version]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @property
    def _all(self) -> dict[str, VersionCounters]:
        if self._made is None:
            self._made = dict(self._make())
        return self._made

    def _make(self) -> Iterator[tuple[str, VersionCounters]]:
        looks = self._looks
        by_version = zip(*(array[self._row].tolist() for array in self._block))
        for index, (tasks, requests, failures, shadow) in enumerate(by_version):
            whole = tasks[0] if len(tasks) == 1 else [*map(sum, zip(*tasks))]
            if not (requests or any(whole) or any(shadow)):
                continue
            by_cause = {cause.value: n for cause, n in zip(CAUSES, failures) if n}
            # As a model server counts: a busy computer is no error of the version.
            errors = {name: n for name, n in by_cause.items() if name != _BUSY}
            failed = sum(errors.values())
            latency = looks.latency.upto(self._robot, index, requests)
            yield (
                looks.versions[index],
                VersionCounters(
                    requests=requests,
                    errors=failed,
                    fallbacks=by_cause,
                    tasks=TaskCounts(*whole),
                    categories={
                        name: TaskCounts(*row)
                        for name, row in zip(looks.categories, tasks)
                        if name and row[0]
                    },
                    latency=latency,
                    candidate=RoleCounts(requests, errors, sum(by_cause.values()), latency),
                    stable=_NO_ROLE,
                    shadow=_shadow(*shadow),
                    inputs=looks.inputs_upto(self._robot, index, requests + shadow[0]),
                ),
            )


def _shadow(offered: int, compared: int, agreed: int) -> ShadowCounts:
    if not offered:
        return _NO_SHADOW
    return ShadowCounts(offered, offered - compared, compared, agreed)
