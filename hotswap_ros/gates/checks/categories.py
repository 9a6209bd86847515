# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The check per task category: a version may fail in one category while the total looks fine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hotswap_ros.gates.result import (
    MIN_TASKS,
    CheckResult,
    Verdict,
    conclusion,
    ratio,
    verdict_of,
)
from hotswap_ros.gates.stats.evidence import GainEvidence
from hotswap_ros.gates.tally import MAX_NAMES
from hotswap_ros.gates.window import Window
from hotswap_ros.models import TaskCounts, VersionCounters
from hotswap_ros.models.counter_delta import CounterTracker, rise
from hotswap_ros.text import count, percent

#: Tasks of a category, of both versions, that are compared at a time.
_UNIT_TASKS = 4


class _Category:
    """Evidence in one category; counts are (tasks, successes) of control, then of candidate."""

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.evidence = GainEvidence()
        self.open = [0, 0, 0, 0]
        self.total = [0, 0, 0, 0]

    def add(self, kept: float, counts: tuple[int, int, int, int]) -> None:
        self.open = list(map(sum, zip(self.open, counts)))
        self.total = list(map(sum, zip(self.total, counts)))
        tasks, won, own_tasks, own_won = self.open
        if min(tasks, own_tasks) > 0 and tasks + own_tasks >= _UNIT_TASKS:
            self.evidence.add(kept * won / tasks - own_won / own_tasks)
            self.open = [0, 0, 0, 0]

    @property
    def rates(self) -> tuple[float, float]:
        tasks, won, own_tasks, own_won = self.total
        return ratio(won, tasks), ratio(own_won, own_tasks)

    def limit(self, alpha: float) -> float:
        """Return the limit of the evidence; the parts of alpha of all categories add up to it."""
        return self.rank * (self.rank + 1) / alpha


class CategoryCheck:
    """
    Check that the candidate keeps a part of the control's success rate in every task category.

    The evidence is a bet on the difference of the rates in each few tasks of a category. The j-th
    category to appear has alpha/(j·(j + 1)), so that the number of categories need not be known.
    """

    name = 'categories'

    def __init__(self, candidate: str, max_drop: float, alpha: float) -> None:
        self._candidate = candidate
        self._kept = 1 - max_drop
        self._alpha = alpha
        self._tracker = CounterTracker(rise)
        self._categories: dict[str, _Category] = {}

    def observe(
        self,
        robot_id: str,
        control_version: str,
        boot_id: str,
        counters: Mapping[str, VersionCounters],
    ) -> None:
        """Take in a snapshot of a robot."""
        both = [_of(counters, control_version), _of(counters, self._candidate)]
        names = sorted({*both[0], *both[1]})[:MAX_NAMES]
        counts = {name: tuple(_both(both, name)) for name in names}
        delta = self._tracker.advance(robot_id, boot_id, counts)
        for name, vector in delta.counts.items() if delta else ():
            if name not in self._categories:
                self._categories[name] = _Category(len(self._categories) + 1)
            category = self._categories[name]
            if any(vector) and category.evidence.value < category.limit(self._alpha):
                category.add(self._kept, (vector[0], vector[1], vector[2], vector[3]))

    @property
    def failed(self) -> bool:
        """Whether the evidence of harm has reached its limit."""
        return bool(self._categories) and max(map(self._strength, self._categories)) >= 0

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the present verdict, for the category with the strongest evidence of harm."""
        if not self._categories:
            verdict = verdict_of(failed=False, complete=complete, enough=False)
            text = 'No robot has reported a task category: categories cannot be compared.'
            return CheckResult(self.name, verdict, 'e-process', text, alpha=self._alpha)
        name = max(self._categories, key=self._strength)
        category = self._categories[name]
        limit, value = category.limit(self._alpha), category.evidence.value
        verdict = verdict_of(failed=self.failed, complete=complete, enough=bool(self._large))
        control, own = category.rates
        return CheckResult(
            name=self.name,
            verdict=verdict,
            method='e-process',
            sentence=self._sentence(window, name, verdict),
            estimate=own,
            control=control,
            threshold=self._kept * control,
            evidence=value,
            evidence_limit=limit,
            n=category.total[2],
            n_control=category.total[0],
            alpha=self._alpha,
        )

    @property
    def _large(self) -> list[str]:
        """Return the categories in which both versions have enough tasks to pass."""
        return [
            name
            for name, category in self._categories.items()
            if min(category.total[0], category.total[2]) >= MIN_TASKS
        ]

    def _strength(self, name: str) -> float:
        category = self._categories[name]
        return category.evidence.log_value - math.log(category.limit(self._alpha))

    def _sentence(self, window: Window, name: str, verdict: Verdict) -> str:
        category = self._categories[name]
        tasks, _, own_tasks, _ = category.total
        control, own = category.rates
        if not (tasks and own_tasks):
            text = f'In category {name}, there are no tasks of both versions to compare'
        else:
            text = (
                f'In category {name}, {window.candidate_name} succeeds in {percent(own)} of '
                f'{count(own_tasks, "task")}, {window.control_name} in {percent(control)} of '
                f'{tasks:,} (relative drop of {percent(1 - self._kept)} allowed)'
            )
        end = conclusion(
            verdict,
            category.evidence.value,
            category.limit(self._alpha),
            harm='more than allowed',
            no_harm=f'no harm shown{self._where()}',
        )
        return f'{text}: {end}.'

    def _where(self) -> str:
        large, number = len(self._large), len(self._categories)
        rest = number - large
        few = f', {rest} of them with too few tasks to judge' if rest else ''
        return f' in any category ({number} compared{few})'

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'tracker': self._tracker.dump(list),
            'categories': [
                [name, list(c.evidence.log_e), list(c.open), list(c.total)]
                for name, c in self._categories.items()
            ],
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self._tracker.load(data['tracker'], tuple)
        self._categories = {}
        for rank, (name, log_e, open_counts, total) in enumerate(data['categories'], start=1):
            category = self._categories[name] = _Category(rank)
            category.evidence.log_e = list(log_e)
            category.open, category.total = list(open_counts), list(total)


def _of(counters: Mapping[str, VersionCounters], version: str) -> Mapping[str, TaskCounts]:
    found = counters.get(version)
    return {} if found is None else found.categories


def _both(both: list[Mapping[str, TaskCounts]], name: str) -> list[int]:
    counts: list[int] = []
    for categories in both:
        found = categories.get(name, TaskCounts())
        counts += [found.finished, found.succeeded]
    return counts
