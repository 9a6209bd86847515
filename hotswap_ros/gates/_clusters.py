# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tasks of one robot are alike: how much less they tell when whole robots are compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Taken for the intra-class correlation while there are too few tasks to estimate it.
ASSUMED_CORRELATION = 0.05
_TASKS_NEEDED = 200


class Clusters:
    """
    The design effect 1 + (m − 1)·rho, from the tasks of each robot.

    rho is the intra-class correlation of success among the control's tasks, before the rollout and
    during it; m is the mean number of the candidate's tasks on the robot of a task. Dividing the
    logarithm of the evidence by it is a heuristic: measured, false alarms stay below alpha for
    correlations up to 0.05.

    Source: analysis-of-variance estimator for binary data, Ridout, Demetrio, Firth 1999,
    Biometrics 55.
    """

    def __init__(self) -> None:
        self._control: dict[str, tuple[int, int]] = {}
        self._candidate: dict[str, int] = {}
        self._squares = 0
        self._tasks = 0

    def add_control(self, robot_id: str, tasks: int, successes: int) -> None:
        """Count tasks of the control."""
        before = self._control.get(robot_id, (0, 0))
        self._control[robot_id] = before[0] + tasks, before[1] + successes

    def add_candidate(self, robot_id: str, tasks: int) -> None:
        """Count tasks of the candidate."""
        before = self._candidate.get(robot_id, 0)
        self._candidate[robot_id] = before + tasks
        self._squares += (before + tasks) ** 2 - before**2
        self._tasks += tasks

    @property
    def correlation(self) -> float:
        """Return the intra-class correlation, 0 at least."""
        robots = [(n, s) for n, s in self._control.values() if n > 0]
        k, total = len(robots), sum(n for n, _ in robots)
        if k < 2 or total - k < _TASKS_NEEDED:
            return ASSUMED_CORRELATION
        successes = sum(s for _, s in robots)
        within_robots = sum(s * s / n for n, s in robots)
        between = (within_robots - successes**2 / total) / (k - 1)
        within = (successes - within_robots) / (total - k)
        size = (total - sum(n * n for n, _ in robots) / total) / (k - 1)
        scale = between + (size - 1) * within
        return max(0.0, (between - within) / scale) if scale > 0 else 0.0

    @property
    def design_effect(self) -> float:
        """Return by how much the evidence is to be divided."""
        if not self._tasks:
            return 1.0
        return 1 + max(0.0, self._squares / self._tasks - 1) * self.correlation

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'control': {robot_id: list(counts) for robot_id, counts in self._control.items()},
            'candidate': dict(self._candidate),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Take back what `dump` gave."""
        self._control = {robot_id: (c[0], c[1]) for robot_id, c in data['control'].items()}
        for robot_id, tasks in data['candidate'].items():
            self.add_candidate(robot_id, tasks)
