# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The case of a diagnosis and its hypotheses, as values."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from hotswap_ros.gates.diagnosis.record import Counts, Record
from hotswap_ros.gates.stats.drift import Drift
from hotswap_ros.text import change, p_words, percent

#: A cause of at least this part of the extra failures is the main cause.
MAIN = 0.5


class Review(NamedTuple):
    """A person's review of a failed task: `was_right` if the robot did the right thing."""

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
    All facts on a candidate that failed; None stands for facts that are not known.

    `records` are the comparable tasks of both versions. `known` are the task categories that the
    candidate was trained on. `lab` and `control_lab` are the success rates (0 to 1) of candidate
    and control in the lab, by category. `strange` are the ids of tasks with inputs beyond the
    training data, `watched` of those with recorded inputs. `apart` says for tasks that both
    versions decided on whether they ever disagreed. `drifts` compares the candidate's inputs with
    its training data, `control_drifts` the control's inputs with the control's training data.

    `requests` are the requests to both versions. `stopped_by` has the failed checks with their
    sentences, `breakers` the robots whose breaker opened with the cause. `given_up` and `refusals`
    have the robots that disabled the candidate or could not load it, with the reasons they report.
    `labels` are those of each robot, such as its firmware.
    """

    control: str
    candidate: str
    records: Sequence[Record]
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
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

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
        """Return the drop of the success rate (0 to 1), positive if the candidate is worse."""
        return self.both[0].rate - self.both[1].rate

    @property
    def excess(self) -> float:
        """Return the extra failures: the candidate's beyond those expected of the control."""
        return self.drop * self.both[1].tasks

    def part(self, excess: float) -> float:
        """Return `excess` as a part, 0 to 1, of the candidate's extra failures."""
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
    """Tasks of both versions with a common property."""

    control: Counts
    candidate: Counts

    @property
    def is_comparable(self) -> bool:
        """Return whether both versions have tasks here."""
        return bool(self.control.tasks and self.candidate.tasks)

    @property
    def drop(self) -> float:
        """Return the drop of the success rate; NaN if it cannot be compared."""
        return self.control.rate - self.candidate.rate if self.is_comparable else math.nan

    @property
    def excess(self) -> float:
        """Return the extra failures among these tasks."""
        return self.drop * self.candidate.tasks if self.is_comparable else 0.0

    def words(self, name: str, p_value: float | None = None) -> str:
        """Return a line with both success rates, and the p value if one is given."""
        test = '' if p_value is None else f' ({p_words(p_value)})'
        half = ', less than half of the rate' if self.drop > self.control.rate / 2 else ''
        return (
            f'{name or "no category"}: {percent(self.candidate.rate)} of '
            f'{self.candidate.tasks:,} against {percent(self.control.rate)} of '
            f'{self.control.tasks:,}, {change(self.drop)}{test}{half}.'
        )


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
    """The support of a hypothesis by the data."""

    SUPPORTED = 'supported'
    POSSIBLE = 'possible'
    UNSUPPORTED = 'not supported'
    UNEXAMINED = 'not examined'


@dataclass(frozen=True)
class Hypothesis:
    """
    One possible cause, with the evidence for and against it.

    `kind` is its name, such as `chance`, or the cause for which the guard refused decisions.
    `strength` (0 to 1) orders hypotheses of the same finding: the probability beside competing
    hypotheses, or the part of the candidate's extra failures that this cause explains. A
    hypothesis that robots observed themselves `is_direct`, and comes first; a symptom, which
    points to a cause, comes after the causes. `remedy` is what to do if this is the cause.
    """

    kind: str
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
    """The ranked hypotheses, and the figures behind them."""

    case: Case
    sentence: str
    hypotheses: tuple[Hypothesis, ...]
    categories: Mapping[str, Group]
    robots: Mapping[str, Group]
    failures: Mapping[str, tuple[int, int]]
