# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a diagnosis goes by, and what it finds."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from hotswap_ros.gates.diagnosis.record import Counts, Record
from hotswap_ros.gates.stats.drift import Drift

#: A cause of at least so much of the extra failures is the main one.
MAIN = 0.5


class Review(NamedTuple):
    """A person's word on a task that counts as failed: whether it was in truth done right."""

    task_id: str
    version: str
    was_right: bool


class Requests(NamedTuple):
    """Requests to a version on one robot, and how many of them `failed`, by cause."""

    version: str
    robot_id: str
    requests: int
    failed: Mapping[str, int]


@dataclass(frozen=True)
class Case:
    """
    Everything that is known of a candidate that disappointed; None stands for what is not.

    `records` are the comparable tasks of both versions. `known` are the categories that it was
    trained on and `lab` its success rates there, `control_lab` those of the control. `strange` are
    the tasks with inputs beyond the training data and `watched` those whose inputs were kept;
    `apart` says for tasks that both versions decided on whether they ever disagreed.
    `control_drifts` are of the control's inputs against the control's own training data.

    `requests` are those to both versions. `stopped_by` has the checks that failed, with what they
    said; `breakers` the robots that took the candidate out, with the cause; `given_up` those that
    gave it up for good and `refusals` those that could not load it, with their words.
    """

    control: str
    candidate: str
    records: tuple[Record, ...]
    known: frozenset[str] | None = None
    lab: Mapping[str, float] = field(default_factory=dict)
    control_lab: Mapping[str, float] = field(default_factory=dict)
    drifts: tuple[Drift, ...] | None = None
    control_drifts: tuple[Drift, ...] | None = None
    strange: frozenset[str] = frozenset()
    watched: frozenset[str] = frozenset()
    apart: Mapping[str, bool] | None = None
    reviews: tuple[Review, ...] | None = None
    requests: tuple[Requests, ...] = ()
    stopped_by: Mapping[str, str] = field(default_factory=dict)
    breakers: Mapping[str, str] = field(default_factory=dict)
    given_up: Mapping[str, str] = field(default_factory=dict)
    refusals: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def of_control(self) -> tuple[Record, ...]:
        """Return the control's tasks."""
        return tuple(r for r in self.records if r.version == self.control)

    @cached_property
    def of_candidate(self) -> tuple[Record, ...]:
        """Return the candidate's tasks."""
        return tuple(r for r in self.records if r.version == self.candidate)

    @cached_property
    def both(self) -> tuple[Counts, Counts]:
        """Return the counts of control and candidate."""
        return counts(self.of_control), counts(self.of_candidate)

    @property
    def is_comparable(self) -> bool:
        """Return whether both versions did tasks."""
        return all(arm.tasks for arm in self.both)

    def requests_of(self, version: str) -> list[Requests]:
        """Return the requests to a version, by robot."""
        return [one for one in self.requests if one.version == version]

    @property
    def drop(self) -> float:
        """Return by how much the candidate's success rate is lower."""
        return self.both[0].rate - self.both[1].rate

    @property
    def excess(self) -> float:
        """Return how many tasks the candidate failed that the control would not have."""
        return self.drop * self.both[1].tasks

    def part(self, excess: float) -> float:
        """Return which part of the candidate's extra failures this is, from 0 to 1."""
        if not self.is_comparable or self.excess <= 0:
            return 0.0
        return min(1.0, max(0.0, excess / self.excess))

    def split(self, key: Callable[[Record], str]) -> dict[str, Group]:
        """Return both versions' counts by a property of tasks, the largest excess first."""
        names = dict.fromkeys(key(record) for record in self.records)
        arms = [_gathered(arm, key) for arm in (self.of_control, self.of_candidate)]
        groups = {name: Group(*(counts(arm.get(name, ())) for arm in arms)) for name in names}
        return dict(sorted(groups.items(), key=lambda item: -item[1].excess))


class Group(NamedTuple):
    """Tasks of both versions that have something in common."""

    control: Counts
    candidate: Counts

    @property
    def is_comparable(self) -> bool:
        """Return whether both versions have tasks here."""
        return bool(self.control.tasks and self.candidate.tasks)

    @property
    def drop(self) -> float:
        """Return by how much the candidate's rate is lower; NaN where it cannot be compared."""
        return self.control.rate - self.candidate.rate if self.is_comparable else math.nan

    @property
    def excess(self) -> float:
        """Return how many tasks the candidate failed here that the control would not have."""
        return self.drop * self.candidate.tasks if self.is_comparable else 0.0


def counts(records: Iterable[Record]) -> Counts:
    """Return tasks and successes."""
    successes = tasks = 0
    for record in records:
        successes += record.successes
        tasks += record.tasks
    return Counts(successes, tasks)


def _gathered(records: Iterable[Record], key: Callable[[Record], str]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(key(record), []).append(record)
    return found


class Finding(str, enum.Enum):
    """What the data say of a hypothesis."""

    SUPPORTED = 'supported'
    POSSIBLE = 'possible'
    UNSUPPORTED = 'not supported'
    UNEXAMINED = 'not examined'


@dataclass(frozen=True)
class Hypothesis:
    """
    One possible cause, with what speaks for and against it.

    `strength`, from 0 to 1, orders hypotheses of the same finding: how likely it is beside those
    that compete with it, or about the part of the candidate's extra failures that it accounts for.
    What robots saw for themselves `is_direct`, and comes first; a symptom, which leads to a cause
    and is none, comes after the causes. `remedy` is what to do if it is the cause.
    """

    title: str
    finding: Finding
    strength: float
    text: str
    remedy: str
    supports: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    is_symptom: bool = False
    is_direct: bool = False


@dataclass(frozen=True)
class Diagnosis:
    """The ranked hypotheses, with the figures that a team discusses them by."""

    case: Case
    sentence: str
    hypotheses: tuple[Hypothesis, ...]
    categories: Mapping[str, Group]
    robots: Mapping[str, Group]
    failures: Mapping[str, tuple[int, int]]
