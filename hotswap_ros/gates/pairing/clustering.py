# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Clustering: tasks of one robot are similar, which weakens a comparison of whole robots."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

#: The intra-class correlation while there are too few tasks to estimate it.
ASSUMED_CORRELATION = 0.05

_TASKS_NEEDED = 200


class Clusters:
    """
    The design effect 1 + (m − 1)·rho, from the tasks of each robot.

    rho is the intra-class correlation of success among the control's tasks, before the rollout and
    during it; m is the mean number of the candidate's tasks on the robot of a task. Dividing the
    logarithm of the evidence by it is a heuristic: measured, false alarms stay below alpha for
    correlations up to 0.05.
    """

    def __init__(self) -> None:
        self._control: dict[str, tuple[int, int]] = {}
        self._candidate: dict[str, int] = {}

    def add_control(self, robot_id: str, tasks: int, successes: int) -> None:
        """Count tasks of the control."""
        before = self._control.get(robot_id, (0, 0))
        self._control[robot_id] = before[0] + tasks, before[1] + successes

    def add_candidate(self, robot_id: str, tasks: int) -> None:
        """Count tasks of the candidate."""
        self._candidate[robot_id] = self._candidate.get(robot_id, 0) + tasks

    @property
    def correlation(self) -> float:
        """Return the intra-class correlation, 0 at least."""
        robots = [(successes, tasks) for tasks, successes in self._control.values() if tasks > 0]
        known = sum(tasks for _, tasks in robots) - len(robots)
        if len(robots) < 2 or known < _TASKS_NEEDED:
            return ASSUMED_CORRELATION
        return max(0.0, intraclass(robots))

    @property
    def design_effect(self) -> float:
        """Return the divisor of the evidence."""
        return design_effect(self._candidate.values(), self.correlation)

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'control': {robot_id: list(counts) for robot_id, counts in self._control.items()},
            'candidate': dict(self._candidate),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self._control = {robot_id: (c[0], c[1]) for robot_id, c in data['control'].items()}
        self._candidate = dict(data['candidate'])


def intraclass(robots: Sequence[tuple[int, int]]) -> float:
    """
    Return the intra-class correlation of (successes, tasks) per robot, by analysis of variance.

    It is zero if robots differ as much as by chance, and negative if they differ less. It is zero
    for fewer than two robots, and for one task each.

    Source: Ridout, Demétrio, Firth 1999, "Estimating intraclass correlation for binary data",
    Biometrics 55.
    """
    total = sum(tasks for _, tasks in robots)
    if len(robots) < 2 or total <= len(robots):
        return 0.0
    mean = sum(successes for successes, _ in robots) / total
    between = sum(n * (s / n - mean) ** 2 for s, n in robots) / (len(robots) - 1)
    within = sum(s * (1 - s / n) for s, n in robots) / (total - len(robots))
    size = (total - sum(n * n for _, n in robots) / total) / (len(robots) - 1)
    spread = between + (size - 1) * within
    return (between - within) / spread if spread else 0.0


def design_effect(sizes: Collection[int], correlation: float) -> float:
    """
    Return the factor by which clusters of these sizes raise a variance: 1 + (m − 1)·ρ, at least 1.

    m is the mean size as a task meets it, Σn²/Σn.

    Source: Kish 1965, "Survey Sampling", section 8.2.
    """
    total = sum(sizes)
    if not total:
        return 1.0
    return max(1.0, 1 + (sum(n * n for n in sizes) / total - 1) * correlation)
