# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tasks of one robot are alike: how much less they tell when whole robots are compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hotswap_ros.gates._correlation import design_effect, intraclass

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
        """Return by how much the evidence is to be divided."""
        return design_effect(self._candidate.values(), self.correlation)

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'control': {robot_id: list(counts) for robot_id, counts in self._control.items()},
            'candidate': dict(self._candidate),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Take back what `dump` gave."""
        self._control = {robot_id: (c[0], c[1]) for robot_id, c in data['control'].items()}
        self._candidate = dict(data['candidate'])
