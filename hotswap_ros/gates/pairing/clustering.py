# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Clustering: tasks of one robot are similar, which weakens a comparison of whole robots."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from scipy.special import fdtri

#: The intra-class correlation that forecasts take where it is not known.
ASSUMED_CORRELATION = 0.05
#: The intra-class correlation is taken at the upper end of a one-sided interval of this level.
_LEVEL = 0.9
#: Degrees of freedom of so many tasks and more are treated as so many.
_MOST_FREEDOM = 1e9

#: Tasks and successes by robot.
_Robots: TypeAlias = dict[str, tuple[int, int]]


class Clusters:
    """
    How much tasks tell where robots are compared: as many as their number by the design effect.

    The variance of a comparison of whole robots is that of independent tasks times
    1 + (m − 1)·rho. m is the mean number of tasks of a robot, as a task meets it, and rho the
    intra-class correlation of success. rho is taken at the upper end of its interval: with few
    robots little is known of how they differ, and little can be shown. Dividing the logarithm of
    evidence by the design effect is a heuristic; how_gates_decide.md has its measured rates of
    false alarms.
    """

    def __init__(self) -> None:
        self._history: _Robots = {}
        self._control: _Robots = {}
        self._candidate: _Robots = {}

    def add_history(self, robot_id: str, tasks: int, successes: int) -> None:
        """Count tasks of the control from before the rollout."""
        _count(self._history, robot_id, tasks, successes)

    def add_control(self, robot_id: str, tasks: int, successes: int) -> None:
        """Count tasks of the control during the rollout."""
        _count(self._control, robot_id, tasks, successes)

    def add_candidate(self, robot_id: str, tasks: int, successes: int) -> None:
        """Count tasks of the candidate."""
        _count(self._candidate, robot_id, tasks, successes)

    @property
    def correlation(self) -> float:
        """
        Return the upper end of the interval of the intra-class correlation, 0 to 1.

        Robots are compared by the tasks of one version, the control's where it has some.
        """
        control = dict(self._history)
        for robot_id, counts in self._control.items():
            _count(control, robot_id, *counts)
        others = {robot: c for robot, c in self._candidate.items() if not control.get(robot)}
        return largest_correlation(
            [(won, n) for n, won in robots.values() if n > 0] for robots in (control, others)
        )

    @property
    def against_number(self) -> float:
        """Return the design effect of the candidate's tasks alone."""
        return self._effect(_mean_size(_sizes(self._candidate)))

    @property
    def against_robots(self) -> float:
        """Return the design effect of the difference to the control's tasks of the rollout."""
        own, others = _sizes(self._candidate), _sizes(self._control)
        n, n_control = sum(own), sum(others)
        if not n_control:
            return self.against_number
        # Robots of either side differ: m as in Kish, for the variance 1/n + 1/n_control.
        part = n_control / (n + n_control)
        return self._effect(part * _mean_size(own) + (1 - part) * _mean_size(others))

    @property
    def against_history(self) -> float:
        """
        Return the design effect of the difference to earlier tasks of the same robots.

        A robot that did the same part of the tasks then and now tells nothing of robots.
        """
        n = sum(_sizes(self._candidate))
        before = sum(_sizes(self._history))
        if not (n and before):
            return self.against_number
        robots = self._candidate.keys() | self._history.keys()
        none = (0, 0)
        moved = (
            self._candidate.get(robot, none)[0] / n - self._history.get(robot, none)[0] / before
            for robot in robots
        )
        return self._effect(n * sum(part * part for part in moved))

    @property
    def control_alone(self) -> float:
        """Return the design effect of the control's tasks of the rollout alone."""
        return self._effect(_mean_size(_sizes(self._control)))

    def _effect(self, size: float) -> float:
        return max(1.0, 1 + (size - 1) * self.correlation) if size > 1 else 1.0

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'history': _dump(self._history),
            'control': _dump(self._control),
            'candidate': _dump(self._candidate),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self._history = _load(data['history'])
        self._control = _load(data['control'])
        self._candidate = _load(data['candidate'])


def _count(robots: _Robots, robot_id: str, tasks: int, successes: int) -> None:
    before = robots.get(robot_id, (0, 0))
    robots[robot_id] = before[0] + tasks, before[1] + successes


def _sizes(robots: _Robots) -> list[int]:
    return [tasks for tasks, _ in robots.values() if tasks > 0]


def _dump(robots: _Robots) -> dict[str, list[int]]:
    return {robot_id: list(counts) for robot_id, counts in robots.items()}


def _load(data: Mapping[str, Sequence[int]]) -> _Robots:
    return {robot_id: (counts[0], counts[1]) for robot_id, counts in data.items()}


class _Variance:
    """Analysis of variance of success among robots, in groups that may have other means."""

    def __init__(self, groups: Iterable[Sequence[tuple[int, int]]]) -> None:
        self.freedom = self.freedom_within = 0
        between = within = apart = 0.0
        for robots in filter(None, groups):
            total = sum(tasks for _, tasks in robots)
            mean = sum(successes for successes, _ in robots) / total
            between += sum(n * (s / n - mean) ** 2 for s, n in robots)
            within += sum(s * (1 - s / n) for s, n in robots)
            apart += total - sum(n * n for _, n in robots) / total
            self.freedom += len(robots) - 1
            self.freedom_within += total - len(robots)
        self.is_possible = self.freedom > 0 and self.freedom_within > 0
        if self.is_possible:
            self.between = between / self.freedom
            self.within = within / self.freedom_within
            #: The number of tasks of each robot that robots of unequal numbers are worth.
            self.size = apart / self.freedom

    def correlation(self, quantile: float = 1.0) -> float:
        """Return the correlation for which the ratio of mean squares is at a quantile of F."""
        between = self.between / quantile
        spread = between + (self.size - 1) * self.within
        return (between - self.within) / spread if spread else 0.0


def intraclass(robots: Sequence[tuple[int, int]]) -> float:
    """
    Return the intra-class correlation of (successes, tasks) per robot, by analysis of variance.

    It is zero if robots differ as much as by chance, and negative if they differ less. It is zero
    for fewer than two robots, and for one task each.

    Source: Ridout, Demétrio, Firth 1999, "Estimating intraclass correlation for binary data",
    Biometrics 55.
    """
    found = _Variance([robots])
    return found.correlation() if found.is_possible else 0.0


def largest_correlation(groups: Iterable[Sequence[tuple[int, int]]]) -> float:
    """
    Return the upper end of the 90% one-sided interval of the intra-class correlation, 0 to 1.

    `groups` have (successes, tasks) per robot; only robots of one group are compared. It is 1
    where nothing is known: with fewer than two robots, or with one task each.

    Source: Searle 1971, "Linear Models", chapter 9 (the interval by the F distribution), for
    normally distributed robots; Ridout, Demétrio, Firth 1999, Biometrics 55, for success.
    """
    found = _Variance(groups)
    if not found.is_possible:
        return 1.0
    quantile = float(fdtri(found.freedom, found.freedom_within, 1 - _LEVEL))
    if not found.between and not found.within:
        found.between = found.within = 1.0  # All tasks alike: robots differ as by chance.
    return min(1.0, max(0.0, found.correlation(quantile)))


def likely_largest_correlation(correlation: float, robots: int, tasks: float) -> float:
    """
    Return what `largest_correlation` gives in half of all fleets, 0 to 1.

    Robots do `tasks` each; infinity: so many that only the number of robots leaves a doubt.
    """
    if robots < 2 or tasks <= 1:
        return 1.0
    if correlation <= 0 and math.isinf(tasks):
        return 0.0
    within = min(robots * (tasks - 1), _MOST_FREEDOM)
    usual, low = fdtri(robots - 1, within, 0.5), fdtri(robots - 1, within, 1 - _LEVEL)
    share = correlation / (1 - min(correlation, 1 - 1e-9))
    # Mean squares between robots by those within, less one, for each task of a robot.
    apart = share * usual / low + (usual / low - 1) / tasks
    return float(min(1.0, max(0.0, apart / (apart + 1))))


def design_effect(sizes: Collection[int], correlation: float) -> float:
    """
    Return the factor by which clusters of these sizes raise a variance: 1 + (m − 1)·ρ, at least 1.

    m is the mean size as a task meets it, Σn²/Σn.

    Source: Kish 1965, "Survey Sampling", section 8.2.
    """
    return max(1.0, 1 + (_mean_size(sizes) - 1) * correlation)


def _mean_size(sizes: Collection[int]) -> float:
    total = sum(sizes)
    return sum(n * n for n in sizes) / total if total else 1.0
