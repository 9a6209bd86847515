# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The control's mean of a figure per task: the expectation of its next task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hotswap_ros.gates.tally import MAX_NAMES

#: The prior counts as so many tasks, and all earlier tasks of the control as so many at most.
_PRIOR_TASKS = 10
_MOST_HISTORY = 100
#: The mean of a category is drawn to that of all tasks, as if by so many of these.
_SHRINKAGE = 10


class ControlMean:
    """
    The mean of a figure over the control's tasks, in all and by category.

    A wrong mean costs power, never validity, as long as it comes from tasks before.
    """

    def __init__(self, prior: float) -> None:
        self._prior = prior
        self._history = (0, 0.0)
        self._all = (0, 0.0)
        self._categories: dict[str, tuple[int, float]] = {}

    def remember(self, tasks: int, total: float) -> None:
        """Take in tasks from before the rollout, and the sum of their figures."""
        self._history = _plus(self._history, tasks, total)

    def learn(self, category: str, tasks: int, total: float) -> None:
        """Take in judged tasks of one category, and the sum of their figures."""
        if not tasks:
            return
        self._all = _plus(self._all, tasks, total)
        if category in self._categories or len(self._categories) < MAX_NAMES:
            before = self._categories.get(category, (0, 0.0))
            self._categories[category] = _plus(before, tasks, total)

    def of(self, category: str) -> float:
        """Return the mean that is expected of a task of a category."""
        tasks, total = self._categories.get(category, (0, 0.0))
        return (total + _SHRINKAGE * self._mean) / (tasks + _SHRINKAGE)

    @property
    def _mean(self) -> float:
        part = min(1.0, _MOST_HISTORY / max(1, self._history[0]))
        tasks = _PRIOR_TASKS + self._all[0] + part * self._history[0]
        return (self._prior * _PRIOR_TASKS + self._all[1] + part * self._history[1]) / tasks

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'history': list(self._history),
            'all': list(self._all),
            'categories': {name: list(sums) for name, sums in self._categories.items()},
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self._history, self._all = tuple(data['history']), tuple(data['all'])
        self._categories = {name: (n, total) for name, (n, total) in data['categories'].items()}


def _plus(sums: tuple[int, float], tasks: int, total: float) -> tuple[int, float]:
    return sums[0] + tasks, sums[1] + total
