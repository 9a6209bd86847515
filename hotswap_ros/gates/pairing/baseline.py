# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The baseline of success: the control that the plan compares the candidate with."""

from __future__ import annotations

from typing import Any

from hotswap_ros.gates.pairing.clustering import Clusters
from hotswap_ros.gates.pairing.tasks import Arm, FleetBlock
from hotswap_ros.gates.result import MIN_TASKS, ratio
from hotswap_ros.gates.stats.evidence import Block
from hotswap_ros.gates.stats.intervals import wilson_interval
from hotswap_ros.gates.tally import MAX_NAMES, Tally
from hotswap_ros.gates.window import News, Window
from hotswap_ros.plan import Control, SuccessCriteria
from hotswap_ros.text import count, percent

#: The prior of the control's success rate: Beta(9, 1), and the control's earlier tasks, of which
#: so many count at most. A wrong one costs power, never validity.
_PRIOR = (10.0, 9.0)
_MOST_HISTORY = 100
#: The rate of a category is drawn to that of all tasks, as if by so many of these.
_SHRINKAGE = 10
#: A known rate counts as the rate of so many tasks.
_ENDLESS = 10_000_000


class Baseline:
    """
    The control's part of every block, and the estimate of its rate before the block.

    Within robots, the random choice for each task makes the tasks of both versions comparable. In
    all other cases robots differ, and the evidence is divided by `design_effect`.
    """

    def __init__(self, criteria: SuccessCriteria) -> None:
        self.kind = criteria.control
        self._number = criteria.baseline_success_rate
        self._tasks, self._successes = _PRIOR
        self._history = Tally()
        self._categories: dict[str, tuple[int, int]] = {}
        self._clusters = Clusters()

    @property
    def is_number(self) -> bool:
        """Whether the candidate is compared with a number, without a control of its own."""
        return self.kind in (Control.FIXED, Control.HISTORY)

    def join(self, robot_id: str, history: Tally) -> None:
        """Take in the control's earlier tasks on a robot."""
        self._history = self._history.plus(history)
        self._clusters.add_history(robot_id, history.finished, history.succeeded)

    def add(self, robot_id: str, news: News) -> None:
        """Count the tasks of each robot, where robots are compared."""
        if self.kind is Control.WITHIN_ROBOTS:
            return
        candidate, control = news
        self._clusters.add_control(robot_id, control.finished, control.succeeded)
        self._clusters.add_candidate(robot_id, candidate.finished, candidate.succeeded)

    @property
    def design_effect(self) -> float:
        """Return the divisor of the evidence."""
        if self.kind is Control.WITHIN_ROBOTS:
            return 1.0
        if self.kind is Control.HISTORY:
            return self._clusters.against_history
        if self.kind is Control.FIXED:
            return self._clusters.against_number
        return self._clusters.against_robots

    def worth(self, candidate: int, control: int) -> tuple[float, ...]:
        """
        Return how many independent tasks tell as much as those of candidate and control.

        Against a number there is only the candidate.
        """
        if self.kind is Control.WITHIN_ROBOTS:
            return candidate, control
        if self.is_number:
            return (candidate / self.design_effect,)
        clusters = self._clusters
        return candidate / clusters.against_number, control / clusters.control_alone

    def too_few_robots(self, candidate: int, control: int) -> str:
        """Return in words that robots are too few to tell versions from robots; empty: no."""
        worth = self.worth(candidate, control)
        least = min(worth)
        if least >= MIN_TASKS:
            return ''
        tasks = (candidate, control)[worth.index(least)]
        return (
            f'{count(tasks, "task")} of few robots tell as much as {least:,.0f}, as robots may '
            f'differ, and {MIN_TASKS} are needed (give each version to more robots, or set '
            "'control' to 'within_robots')"
        )

    @property
    def is_known(self) -> bool:
        """Whether there is anything to compare with."""
        return self.kind is not Control.HISTORY or self._history.finished >= MIN_TASKS

    @property
    def rate(self) -> float:
        """Return the estimate of the control's success rate, 0 to 1."""
        if self.kind is Control.HISTORY:
            # The uncertainty of the history must not count against the candidate.
            return min(0.999, wilson_interval(self._history.succeeded, self._history.finished).low)
        if self._number is not None:
            return self._number
        history = self._history
        counted = min(1.0, _MOST_HISTORY / max(1, history.finished))
        tasks = self._tasks + counted * history.finished
        return (self._successes + counted * history.succeeded) / tasks

    def rate_in(self, category: str) -> float:
        """Return the estimate of the control's success rate in a category."""
        tasks, succeeded = self._categories.get(category, (0, 0))
        return (succeeded + _SHRINKAGE * self.rate) / (tasks + _SHRINKAGE)

    @property
    def rate_for_proof(self) -> float:
        """Return the estimate that a candidate has to come up to."""
        if self.kind is Control.HISTORY:
            # The uncertainty of the history must not count for the candidate either.
            return min(
                0.999, wilson_interval(self._history.succeeded, self._history.finished).high
            )
        return self.rate

    def block(self, found: FleetBlock) -> Block:
        """Return the block that is judged, with the number as a large control if there is one."""
        return self._block(found, self.rate)

    def block_for_proof(self, found: FleetBlock) -> Block:
        """Return the block by which a candidate is proven."""
        return self._block(found, self.rate_for_proof)

    def _block(self, found: FleetBlock, rate: float) -> Block:
        candidate = found.candidate
        if self.is_number:
            return Block(_ENDLESS, rate * _ENDLESS, candidate.tasks, candidate.succeeded)
        control = found.control
        return Block(control.tasks, control.succeeded, candidate.tasks, candidate.succeeded)

    def learn_in(self, category: str, control: Arm) -> None:
        """Take in judged tasks of the control in one category."""
        tasks, succeeded = self._categories.get(category, (0, 0))
        if control.tasks and (tasks or len(self._categories) < MAX_NAMES):
            counts = tasks + control.tasks, succeeded + control.succeeded
            self._categories[category] = counts

    def learn(self, control: Arm) -> None:
        """Take in the control's part of a judged block."""
        self._tasks += control.tasks
        self._successes += control.succeeded

    def shown(self, window: Window) -> Tally:
        """Return the control's counts that people are shown."""
        return self._history if self.kind is Control.HISTORY else window.control

    def words(self, window: Window) -> str:
        """Return what the candidate is compared with, in words."""
        name = window.control_name
        if self.kind is Control.FIXED:
            return f'the plan expects {percent(self.rate)}'
        shown = self.shown(window)
        if not shown.finished:
            return f'{name} finished no task before the rollout'
        rate, tasks = percent(ratio(shown.succeeded, shown.finished)), f'{shown.finished:,}'
        if self.kind is Control.HISTORY and not self.is_known:
            return f'{name} finished too few tasks before the rollout'
        if self.kind is Control.HISTORY:
            return f'{name} in {rate} of {tasks} before the rollout'
        return f'{name} in {rate} of {tasks} on {self.where}'

    @property
    def where(self) -> str:
        """Return which robots the control's tasks are on, in words."""
        return 'the same robots' if self.kind is Control.WITHIN_ROBOTS else 'all robots'

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'learned': [self._tasks, self._successes],
            'categories': {name: list(counts) for name, counts in self._categories.items()},
            'history': self._history.dump(),
            'clusters': self._clusters.dump(),
        }

    def load(self, data: dict[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self._tasks, self._successes = data['learned']
        categories = data.get('categories', {})
        self._categories = {name: (counts[0], counts[1]) for name, counts in categories.items()}
        self._history = Tally.load(data['history'])
        self._clusters.load(data['clusters'])
