# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The comparison of two success rates: one estimate, one interval and one p value, from one method.

The estimate is the difference within strata with the weights of Mantel and Haenszel. A difference
is rejected if it is rejected for independent tasks, and also for robots that differ. Zero, the
tolerated drop and the ends of the interval are tested in the same way, so all of them agree.

Sources: Mantel, Haenszel 1959, JNCI 22; Miettinen, Nurminen 1985, Statistics in Medicine 4 (score
test and interval in strata; for no difference the Cochran-Mantel-Haenszel test); Efron, Stein
1981, Annals of Statistics 9, and Hansen 2025, "Jackknife standard errors for clustered
regression" (the jackknife over clusters, which on average is not too small); Carter, Schnepel,
Steigerwald 2017, Review of Economics and Statistics 99 (effective number of clusters); Welch 1947,
Biometrika 34.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from hotswap_ros.gates.analysis.cells import LEAST_ROBOTS, Cells, Floats, Indices, cells_of, summed
from hotswap_ros.gates.analysis.records import Records
from hotswap_ros.gates.analysis.trial import ACROSS, WITHIN, Design
from hotswap_ros.gates.stats.intervals import Interval

#: With fewer robots of each version, differences of robots and of versions cannot be separated.
LEAST_ROBOTS_ACROSS = 4
_EDGE = 1 - 1e-9


class Difference(NamedTuple):
    """A difference of success rates, candidate − control, with its interval and p value."""

    value: float
    interval: Interval
    p_value: float


class Comparison:
    """
    The comparison of two versions in strata; see the module for its method.

    `unit` is `robots` if the robot is the unit, and `tasks` otherwise: if robots are unknown, or
    if fewer than six robots served both versions; then the result holds for these robots.
    """

    def __init__(self, cells: Cells, kind: str) -> None:
        self._cells = cells
        self._kind = kind
        self._sums = [
            summed(cells.stratum, values, cells.strata)
            for values in (
                cells.control_tasks,
                cells.control_successes,
                cells.candidate_tasks,
                cells.candidate_successes,
            )
        ]
        gains, weights = _gains(*self._sums)
        self._gain, self._weight = float(gains.sum()), float(weights.sum())
        self._weights = weights
        self.strata = int(np.count_nonzero(weights))

    @classmethod
    def of(cls, design: Design, candidate: str, records: Records | None = None) -> Comparison:
        """Compare the versions of a design, in all of its tasks or in some `records` of them."""
        return cls(cells_of(design, candidate, records), design.kind)

    @property
    def tasks(self) -> int:
        """Return the number of tasks in strata with both versions."""
        both = (self._sums[0] + self._sums[2])[self._weights > 0]
        return int(both.sum())

    @property
    def unit(self) -> str:
        """Return what counts as independent: `robots` or `tasks`."""
        is_within = self._kind == WITHIN and self._cells.robots >= LEAST_ROBOTS
        return 'robots' if is_within or self._kind == ACROSS else 'tasks'

    @property
    def robots(self) -> tuple[int, int]:
        """Return the number of robots with tasks of the control, and of the candidate."""
        cells = self._cells
        return tuple(  # type: ignore[return-value]
            len(np.unique(cells.robot[tasks > 0]))
            for tasks in (cells.control_tasks, cells.candidate_tasks)
        )

    @property
    def is_possible(self) -> bool:
        """Return whether there are strata with both versions, and enough robots."""
        enough = self._kind != ACROSS or min(self.robots) >= LEAST_ROBOTS_ACROSS
        return self._weight > 0 and enough

    @property
    def value(self) -> float:
        """Return the difference within strata; NaN if no stratum has both versions."""
        return self._gain / self._weight if self._weight else math.nan

    def difference(self, tail: float, *, one_sided: bool = False) -> Difference:
        """Return the difference, its interval with the probability `tail` on each side, and p."""
        better, worse = self.p_better(), self.p_worse()
        p_value = better if one_sided else min(2 * min(better, worse), 1.0)
        return Difference(self.value, self._interval(tail), p_value)

    def p_better(self, than: float = 0.0) -> float:
        """Return the one-sided p value of "the difference is at most `than`"."""
        return self._p_above(self.value - than, than)

    def p_worse(self, than: float = 0.0) -> float:
        """Return the one-sided p value of "the difference is at least `than`"."""
        return self._p_above(than - self.value, than)

    @property
    def z(self) -> float:
        """Return the normal quantile of the one-sided p value; positive: better."""
        if not self.is_possible:
            return 0.0
        return math.copysign(
            float(stats.norm.isf(self._p_above(abs(self.value), 0.0))), self.value
        )

    @property
    def chi_square(self) -> float:
        """Return the square of the tasks' statistic of no difference."""
        return _ratio(self.value, self._variance_of_tasks(0.0)) ** 2

    def _p_above(self, distance: float, difference: float) -> float:
        """Return the larger p value, of tasks and of robots, of a distance from a difference."""
        if not self.is_possible:
            return math.nan
        p_value = float(stats.norm.sf(_ratio(distance, self._variance_of_tasks(difference))))
        if self.unit == 'tasks':
            return p_value
        of_robots = stats.t.sf(_ratio(distance, self._variance_of_robots), self._freedom)
        return max(p_value, float(of_robots))

    def _interval(self, tail: float) -> Interval:
        if not self.is_possible:
            return Interval()
        ends = [self._end(edge, float(stats.norm.isf(tail))) for edge in (-_EDGE, _EDGE)]
        if self.unit == 'robots':
            half = float(stats.t.isf(tail, self._freedom)) * math.sqrt(self._variance_of_robots)
            ends = [min(ends[0], self.value - half), max(ends[1], self.value + half)]
        return Interval(max(-1.0, ends[0]), min(1.0, ends[1]))

    def _end(self, edge: float, quantile: float) -> float:
        """Return the difference towards `edge` at which the tasks' statistic is a quantile."""
        sign = math.copysign(1.0, edge)

        def excess(difference: float) -> float:
            distance = sign * (difference - self.value)
            return _ratio(distance, self._variance_of_tasks(difference)) - quantile

        inside = min(max(self.value, -_EDGE), _EDGE)
        if inside == edge or excess(edge) <= 0:
            return sign
        return float(brentq(excess, *sorted((edge, inside))))

    def _variance_of_tasks(self, difference: float) -> float:
        """Return the variance if tasks are independent, with the restricted rates."""
        n, own = self._sums[0], self._sums[2]
        used = self._weights > 0
        n, own, weights = n[used], own[used], self._weights[used]
        control, candidate = restricted_rates(
            self._sums[1][used] / n, self._sums[3][used] / own, n, own, difference
        )
        variances = control * (1 - control) / n + candidate * (1 - candidate) / own
        variances *= (n + own) / (n + own - 1)
        return float((weights**2 * variances).sum()) / self._weight**2

    @cached_property
    def _variance_of_robots(self) -> float:
        """
        Return the jackknife's variance, leaving out one robot at a time.

        Of two samples of robots it is not less than with the spread of all robots in both: a few
        robots that happen to be alike say little of their version.
        """
        parts = self._variances_of_samples
        if self._kind == WITHIN:
            return sum(parts)
        sizes = [len(some) for some in self._samples]
        spread = sum(part * n * (n - 1) for part, n in zip(parts, sizes)) / (sum(sizes) - 2)
        return max(sum(parts), spread * sum(1 / n for n in sizes))

    @cached_property
    def _variances_of_samples(self) -> list[float]:
        changes = self._without() - self.value
        return [
            (len(some) - 1) / len(some) * float((changes[some] ** 2).sum())
            for some in self._samples
        ]

    @cached_property
    def _samples(self) -> list[Indices]:
        """Return the robots of each sample: all of them, or those of control and candidate."""
        cells = self._cells
        if self._kind == WITHIN:
            return [np.arange(cells.robots)]
        return [
            np.unique(cells.robot[tasks > 0])
            for tasks in (cells.control_tasks, cells.candidate_tasks)
        ]

    def _without(self) -> Floats:
        """Return the estimates without each robot."""
        cells = self._cells
        columns = (
            cells.control_tasks,
            cells.control_successes,
            cells.candidate_tasks,
            cells.candidate_successes,
        )
        rest = [total[cells.stratum] - own for total, own in zip(self._sums, columns)]
        before = _gains(*(total[cells.stratum] for total in self._sums))
        gain, weight = (
            total + summed(cells.robot, after - last, cells.robots)
            for total, after, last in zip((self._gain, self._weight), _gains(*rest), before)
        )
        is_left = weight > 1e-9 * self._weight
        return np.where(is_left, gain / np.where(is_left, weight, 1.0), self.value)

    @cached_property
    def _freedom(self) -> float:
        """Return the degrees of freedom of t; infinite for tasks."""
        if self.unit == 'tasks':
            return math.inf
        cells = self._cells
        if self._kind == WITHIN:
            own = summed(cells.robot, cells.candidate_tasks, cells.robots)
            other = summed(cells.robot, cells.control_tasks, cells.robots)
            return _effective(own * other / np.maximum(own + other, 1)) - 1
        parts = self._variances_of_samples
        freedoms = [
            _effective(summed(cells.robot, tasks, cells.robots)) - 1
            for tasks in (cells.control_tasks, cells.candidate_tasks)
        ]
        if not sum(parts):
            return min(freedoms)
        return sum(parts) ** 2 / sum(v**2 / f for v, f in zip(parts, freedoms))


def _ratio(distance: float, variance: float) -> float:
    """Return a distance in standard errors."""
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def _effective(sizes: Floats) -> float:
    """Return the number of equal clusters that are worth these; at least 2."""
    return max(2.0, float(sizes.sum() ** 2 / (sizes**2).sum()))


def _gains(
    control_tasks: Floats, control: Floats, candidate_tasks: Floats, candidate: Floats
) -> tuple[Floats, Floats]:
    """Return the weighted differences of strata, and the weights."""
    both = control_tasks * candidate_tasks
    total = np.maximum(control_tasks + candidate_tasks, 1.0)
    return (candidate * control_tasks - control * candidate_tasks) / total, both / total


def restricted_rates(
    control: Floats, candidate: Floats, n_control: Floats, n: Floats, difference: float
) -> tuple[Floats, Floats]:
    """
    Return the most likely rates of strata whose candidate − control is `difference`.

    Source: the closed solution of Miettinen, Nurminen 1985 as in Farrington, Manning 1990,
    Statistics in Medicine 9.
    """
    ratio = n_control / n
    if difference == 0:
        both = (candidate + ratio * control) / (1 + ratio)
        return both, both
    a = 1 + ratio
    b = -(1 + ratio + candidate + ratio * control + difference * (ratio + 2))
    c = difference**2 + difference * (2 * candidate + ratio + 1) + candidate + ratio * control
    d = -candidate * difference * (1 + difference)
    v = (b / (3 * a)) ** 3 - b * c / (6 * a**2) + d / (2 * a)
    u = np.where(v < 0, -1.0, 1.0) * np.sqrt(np.maximum((b / (3 * a)) ** 2 - c / (3 * a), 0.0))
    cube = np.where(u == 0, 1.0, u**3)
    angle = (math.pi + np.arccos(np.clip(np.where(u == 0, 0.0, v / cube), -1, 1))) / 3
    own = np.clip(
        2 * u * np.cos(angle) - b / (3 * a), max(0.0, difference), min(1.0, 1 + difference)
    )
    return own - difference, own
