# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Tasks of all virtual robots, one after the other on each, in arrays with a row per robot.

Each task has its own begin, end and version; only the random numbers are drawn for many robots
at a time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.models import LATENCY_EDGES_MS, PROGRESS_UNIT, FailureCause, TaskCounts
from hotswap_ros.sim.virtual.outcomes import VersionOutcomes, success_rates

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Columns of `Counts.tasks`, in the order of TaskCounts.
COLUMNS = len(fields(TaskCounts))
STARTED, FINISHED, SUCCEEDED, STUCK, TIMED_OUT, PROGRESS, REPORTS, DURATION_MS = range(8)
CAUSES = tuple(FailureCause)
_QUANTILES = 256
_NO_LATENCY = (0,) * (len(LATENCY_EDGES_MS) + 1)
_NONE = -1


class Opening(NamedTuple):
    """A version that a robot drops, for failed requests in a row or for a lost worker."""

    moment: float
    robot: int
    version: int
    cause: FailureCause
    is_for_good: bool = False


class Counts(NamedTuple):
    """
    Cumulative counts since each robot's start, a row per robot and then per version.

    `tasks` has a row per category, and there a column per field of TaskCounts. `failures` has a
    column per cause, `shadow` offered, compared and agreed.
    """

    tasks: Ints
    requests: Ints
    failures: Ints
    shadow: Ints

    def of(self, robots: Any) -> Counts:
        """Return a copy of the rows of some robots."""
        return Counts(*(array[robots].copy() for array in self))


class Workload:
    """
    The tasks of all robots, drawn from `versions`, with durations multiplied by `stretch`.

    `mixes` has the share of each category, by robot. A routing applies from the next task on; a
    task stays on its version, unless that is dropped.
    """

    def __init__(
        self,
        versions: Sequence[VersionOutcomes],
        categories: Sequence[str],
        mixes: Floats,
        stretch: float,
        random: np.random.Generator,
    ) -> None:
        robots, n = len(mixes), len(versions)
        self._random = random
        # A stream of its own: versions that report progress succeed in the same tasks as before.
        assert isinstance(random.bit_generator, np.random.PCG64)
        self._progress_random = np.random.Generator(random.bit_generator.jumped())
        self._stretch = stretch
        self._mixes = np.cumsum(mixes, axis=1) / np.sum(mixes, axis=1)[:, None]
        skill = random.standard_normal(robots)
        self._success = success_rates(versions, categories, skill)
        known = [[one.categories.get(name) for name in categories] for one in versions]
        self._stuck = np.array(
            [[0.0 if c is None else c.stuck / max(1e-12, 1 - c.success) for c in r] for r in known]
        )
        self._durations = np.array(
            [[_table(one.failure_s), _table(one.success_s)] for one in versions]
        )
        self._progress = np.array(
            [[_table(one.failure_progress), _table(one.success_progress)] for one in versions]
        )
        self._reports = np.array([one.reports_progress for one in versions])
        self._agreement = np.array([_table(one.agreement) for one in versions])
        self._coverage = np.array([one.coverage for one in versions])
        self._period = np.array([one.period_s for one in versions])
        self._failing = [
            (version, failure, _shares(failure.tasks, categories))
            for version, one in enumerate(versions)
            for failure in one.failures
        ]
        self._patience = np.full((robots, n), math.inf)
        for version, one in enumerate(versions):
            if one.gives_up is not None:
                self._patience[:, version] = random.choice(one.gives_up.requests, robots)
        self.counts = Counts(
            np.zeros((robots, n, len(categories), COLUMNS), np.int64),
            np.zeros((robots, n), np.int64),
            np.zeros((robots, n, len(CAUSES)), np.int64),
            np.zeros((robots, n, 3), np.int64),
        )
        self.ends = np.full(robots, math.inf)
        self.stable = np.full(robots, _NONE)
        self.candidate = np.full(robots, _NONE)
        self.share = np.zeros(robots)
        self.shadow = np.full(robots, _NONE)
        self._begun = np.zeros(robots, np.int64)
        self._decides = np.zeros(robots, np.int64)
        self._category = np.zeros(robots, np.int64)
        self._luck = np.zeros(robots)
        self._steps = np.zeros(robots, np.int64)
        #: Breakers to open, since this list was last cleared.
        self.openings: list[Opening] = []
        #: Expected number of tasks lost to versions other than stable.
        self.lost = 0.0

    def advance(self, robots: Ints, until: Floats | float) -> None:
        """Do the tasks of some robots until a time, or each until its own time."""
        until = np.broadcast_to(until, robots.shape)
        while True:
            due = self.ends[robots] <= until
            if not due.any():
                return
            robots, until = robots[due], until[due]
            self._finish(robots)
            self._begin(robots, self.ends[robots])

    def start(self, robot: int, now: float) -> None:
        """Start a robot in the middle of its first task, at a random point."""
        late = float(self._random.random()) * self._durations[self.stable[robot]].mean()
        self._begin(np.array([robot]), np.array([now]) + late * self._stretch)

    def stop(self, robot: int) -> None:
        """Stop a robot: the task under way is lost, and its counts with the boot id."""
        self.ends[robot] = math.inf
        for array in self.counts:
            array[robot] = 0

    def drop_candidate(self, robot: int, version: int) -> None:
        """Move the task of a dropped version to stable."""
        if self._decides[robot] == version != self.stable[robot]:
            self._decides[robot] = self.stable[robot]

    def is_at_work(self, robot: int) -> bool:
        """Return whether a robot does tasks."""
        return bool(self.ends[robot] < math.inf)

    # -- one task ---------------------------------------------------------------------------------

    def _begin(self, robots: Ints, at: Floats) -> None:
        drawn = self._random.random((4, len(robots)))
        category = (drawn[0][:, None] > self._mixes[robots]).sum(axis=1)
        on_trial = drawn[1] < self.share[robots]
        version = np.where(on_trial, self.candidate[robots], self.stable[robots])
        succeeds = drawn[2] < self._success[robots, version, category]
        column = (drawn[3] * _QUANTILES).astype(np.int64)
        seconds = self._durations[version, succeeds.astype(np.int64), column]
        self._category[robots] = category
        self._begun[robots] = self._decides[robots] = version
        self._luck[robots] = drawn[2]
        self._steps[robots] = np.maximum(1, np.rint(seconds / self._period[version]))
        self.ends[robots] = at + seconds * self._stretch
        self.counts.tasks[robots, version, category, STARTED] += 1

    def _finish(self, robots: Ints) -> None:
        tasks, requests, _, _ = self.counts
        version, category = self._begun[robots], self._category[robots]
        decides = self._decides[robots]
        steps = self._steps[robots]
        rates = self._success[robots, decides, category]
        succeeded = self._luck[robots] < rates
        is_stuck = ~succeeded & (self._random.random(len(robots)) < self._stuck[decides, category])
        tasks[robots, version, category, FINISHED] += 1
        tasks[robots, version, category, SUCCEEDED] += succeeded
        tasks[robots, version, category, STUCK] += is_stuck
        progress = self._done(decides, succeeded)
        tasks[robots, version, category, PROGRESS] += progress
        tasks[robots, version, category, REPORTS] += self._reports[decides]
        seconds = steps * self._period[decides] * self._stretch * succeeded
        tasks[robots, version, category, DURATION_MS] += np.rint(1e3 * seconds).astype(np.int64)
        requests[robots, decides] += steps
        stayed = self._success[robots, self.stable[robots], category]
        self.lost += float((stayed - rates).sum())
        for failing, failure, shares in self._failing:
            hit = decides == failing
            if hit.any():
                self._fail(robots[hit], failing, failure, shares[category[hit]])
        lost = requests[robots, decides] >= self._patience[robots, decides]
        if lost.any():
            self._give_up(robots[lost & (self.candidate[robots] == decides)])
        compared = self.shadow[robots] != _NONE
        if compared.any():
            self._compare(robots[compared], steps[compared])

    def _done(self, decides: Ints, succeeded: NDArray[np.bool_]) -> Ints:
        """Return the progress of tasks in thousandths, as it is counted."""
        column = np.zeros(len(decides), np.int64)
        if self._reports.any():
            column = (self._progress_random.random(len(decides)) * _QUANTILES).astype(np.int64)
        done = self._progress[decides, succeeded.astype(np.int64), column]
        counted: Ints = np.rint(PROGRESS_UNIT * done).astype(np.int64)
        return counted

    def _fail(self, robots: Ints, version: int, failure: Any, shares: Floats) -> None:
        drawn = self._random.random((2, len(robots)))
        hit = drawn[0] < shares
        if not hit.any():
            return
        robots, steps = robots[hit], self._steps[robots[hit]]
        failed = np.minimum(steps, max(1, round(failure.requests)))
        self.counts.failures[robots, version, CAUSES.index(failure.cause)] += failed
        breaks = (drawn[1][hit] < failure.breaks) & (self.candidate[robots] == version)
        for robot in robots[breaks].tolist():
            moment = float(self.ends[robot])
            self.openings.append(Opening(moment, robot, version, failure.cause))
            # From now on no task is routed to it, whenever the report arrives.
            self.share[robot] = 0.0

    def _give_up(self, robots: Ints) -> None:
        for robot in robots.tolist():
            version = int(self.candidate[robot])
            self.openings.append(
                Opening(
                    float(self.ends[robot]), robot, version, FailureCause.CRASH, is_for_good=True
                )
            )
            self.share[robot] = 0.0

    def _compare(self, robots: Ints, steps: Ints) -> None:
        shadow = self.shadow[robots]
        column = (self._random.random(len(robots)) * _QUANTILES).astype(np.int64)
        compared = np.rint(steps * self._coverage[shadow]).astype(np.int64)
        agreed = np.rint(compared * self._agreement[shadow, column]).astype(np.int64)
        self.counts.shadow[robots, shadow] += np.stack([steps, compared, agreed], axis=1)


def _table(quantiles: Sequence[float]) -> Floats:
    """Return quantiles at the middles of this number of equal parts."""
    if len(quantiles) == 1:
        return np.full(_QUANTILES, quantiles[0])
    where = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    known = (np.arange(len(quantiles)) + 0.5) / len(quantiles)
    return np.interp(where, known, quantiles)


def _shares(tasks: Mapping[str, float], categories: Sequence[str]) -> Floats:
    other = tasks.get('', 0.0)
    return np.array([tasks.get(name, other) for name in categories])


class LatencyHistograms:
    """Histograms of the latency of requests, drawn on access."""

    def __init__(
        self, versions: Sequence[VersionOutcomes], robots: int, random: np.random.Generator
    ) -> None:
        self._random = random
        #: Buckets of each version's requests, with their probabilities.
        self._buckets = [np.flatnonzero(one.latency).tolist() for one in versions]
        self._chances = [
            np.array(one.latency)[buckets] / sum(one.latency)
            for one, buckets in zip(versions, self._buckets)
        ]
        self._drawn = [[(0, _NO_LATENCY)] * len(versions) for _ in range(robots)]

    def upto(self, robot: int, version: int, requests: int) -> tuple[int, ...]:
        """Return the histogram of a number of requests of a robot."""
        drawn, counts = self._drawn[robot][version]
        if requests <= drawn:
            return counts
        buckets, new = self._buckets[version], [requests - drawn]
        if len(buckets) > 1:
            new = self._random.multinomial(new[0], self._chances[version]).tolist()
        more = list(counts)
        for bucket, count in zip(buckets, new):
            more[bucket] += count
        counts = tuple(more)
        self._drawn[robot][version] = requests, counts
        return counts

    def reset(self, robot: int) -> None:
        """Begin anew with a boot."""
        self._drawn[robot] = [(0, _NO_LATENCY)] * len(self._buckets)
