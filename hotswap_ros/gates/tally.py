# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The counts of one version: cumulative in a snapshot, or what is new since the last one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import add, sub
from typing import Any, NamedTuple

from hotswap_ros.models import LATENCY_EDGES_MS, TaskCounts, VersionCounters

#: Maximum number of names with counts per robot; the others are left out to bound memory.
MAX_NAMES = 64
_NO_LATENCY = (0,) * (len(LATENCY_EDGES_MS) + 1)
_NO_CATEGORIES: Mapping[str, CategoryTasks] = {}


class CategoryTasks(NamedTuple):
    """
    Tasks of one version in one category, which is empty for tasks without a category.

    The sums `progress`, `duration_ms` and `interventions` are those of TaskCounts.
    """

    started: int = 0
    finished: int = 0
    succeeded: int = 0
    stuck: int = 0
    progress: int = 0
    duration_ms: int = 0
    interventions: int = 0

    @property
    def in_flight(self) -> int:
        """Return the number of tasks that have begun and not ended."""
        return max(0, self.started - self.finished)


class Tally(NamedTuple):
    """Counts of one version: cumulative in a snapshot, or what is new since the last one."""

    requests: int = 0
    errors: int = 0
    started: int = 0
    finished: int = 0
    succeeded: int = 0
    stuck: int = 0
    shadowed: int = 0
    agreed: int = 0
    offered: int = 0
    progress: int = 0
    progress_reports: int = 0
    duration_ms: int = 0
    interventions: int = 0
    latency: tuple[int, ...] = _NO_LATENCY
    categories: Mapping[str, CategoryTasks] = _NO_CATEGORIES

    @classmethod
    def of(cls, counters: VersionCounters, *, by_category: bool = False) -> Tally:
        """Return the counts that gates and trials need."""
        tasks, shadow = counters.tasks, counters.shadow
        categories = _NO_CATEGORIES
        if by_category and counters.categories:
            categories = _categories(counters.categories)
        return cls(
            counters.requests,
            counters.errors,
            max(tasks.started, tasks.finished),
            tasks.finished,
            tasks.succeeded,
            tasks.stuck,
            shadow.compared,
            shadow.agreed,
            shadow.offered,
            tasks.progress,
            tasks.progress_reports,
            tasks.duration_ms,
            tasks.interventions,
            tuple(counters.latency),
            categories,
        )

    @property
    def by_category(self) -> Mapping[str, CategoryTasks]:
        """
        Return the tasks of each category, with those of none.

        All tasks have none where the categories cannot be parts of the total.
        """
        total = CategoryTasks(
            self.started,
            self.finished,
            self.succeeded,
            self.stuck,
            self.progress,
            self.duration_ms,
            self.interventions,
        )
        if not self.categories:
            return {'': total}
        known = map(sum, zip(*self.categories.values()))
        rest = CategoryTasks._make(map(sub, total, known))
        if min(rest.started, rest.succeeded, rest.stuck) < 0 or rest.finished * total.finished < 0:
            return {'': total}
        return {**self.categories, '': rest} if any(rest) else self.categories

    @property
    def in_flight(self) -> Mapping[str, int]:
        """Return the number of tasks of each category that have begun and not ended."""
        return {name: tasks.in_flight for name, tasks in self.by_category.items()}

    def lose(self, tasks: Mapping[str, int]) -> Tally:
        """Return this with more tasks (if negative: fewer) that ended without success."""
        if not any(tasks.values()):
            return self
        categories = dict(self.categories)
        for name, number in tasks.items():
            if name and number:
                before = categories.get(name, CategoryTasks())
                categories[name] = before._replace(finished=before.finished + number)
        finished = self.finished + sum(tasks.values())
        return self._replace(finished=finished, categories=categories)

    def plus(self, other: Tally) -> Tally:
        """Return the sum."""
        return self if other is NOTHING else self._with(add, other)

    def since(self, last: Tally) -> Tally:
        """Return the difference to an earlier tally."""
        return NOTHING if self == last else self._with(sub, last)

    def _with(self, operation: Callable[[int, int], int], other: Tally) -> Tally:
        counts = map(operation, self[:-2], other[:-2])
        latency = tuple(map(operation, self.latency, other.latency))
        if not self.categories and not other.categories:
            return Tally._make((*counts, latency, _NO_CATEGORIES))
        # A category that is missing in the newer counts has nothing new.
        names = {**other.categories, **self.categories} if operation is add else self.categories
        nothing = CategoryTasks()
        categories = {
            name: CategoryTasks._make(
                map(
                    operation,
                    self.categories.get(name, nothing),
                    other.categories.get(name, nothing),
                )
            )
            for name in names
            if operation is add or self.categories[name] != other.categories.get(name)
        }
        return Tally._make((*counts, latency, categories))

    @property
    def is_possible(self) -> bool:
        """Return whether this can be what happened between two snapshots."""
        return (
            min(self[:-2]) >= 0
            and self.succeeded <= self.finished
            and self.agreed <= self.shadowed
        )

    def dump(self) -> list[Any]:
        """Return the counts for JSON, the histogram last, and the categories if there are any."""
        counts = [*self[:-2], list(self.latency)]
        if self.categories:
            counts.append({name: list(tasks) for name, tasks in self.categories.items()})
        return counts

    @classmethod
    def load(cls, data: list[Any]) -> Tally:
        """Restore what `dump` returned; counts that older dumps lack are zero."""
        categories = _NO_CATEGORIES
        if isinstance(data[-1], dict):
            *data, found = data
            categories = {name: CategoryTasks(*tasks) for name, tasks in found.items()}
        missing = [0] * (len(cls._fields) - len(data) - 1)
        return cls._make([*data[:-1], *missing, tuple(data[-1]), categories])


def _categories(counted: Mapping[str, TaskCounts]) -> Mapping[str, CategoryTasks]:
    names = counted if len(counted) <= MAX_NAMES else sorted(counted)[:MAX_NAMES]
    return {
        name: CategoryTasks(
            max(tasks.started, tasks.finished),
            tasks.finished,
            tasks.succeeded,
            tasks.stuck,
            tasks.progress,
            tasks.duration_ms,
            tasks.interventions,
        )
        for name in names
        for tasks in (counted[name],)
    }


#: What is new of a version that did nothing: always this one.
NOTHING = Tally()


def tally_rise(now: Tally, last: Tally | None) -> Tally | None:
    """Return the difference to an earlier tally (None: zero), or None where it is impossible."""
    new = now if last is None else now.since(last)
    return new if new is NOTHING or new.is_possible else None
