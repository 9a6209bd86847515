# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The replay of a finished trial through a gate, task by task."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hotswap_ros.gates.analysis.records import Records
from hotswap_ros.gates.analysis.trial import ACROSS, Design
from hotswap_ros.gates.diagnosis import Counts
from hotswap_ros.gates.gate import Gate
from hotswap_ros.gates.result import CheckResult
from hotswap_ros.gates.stats.intervals import Interval, confidence_sequence
from hotswap_ros.models import TaskCounts, VersionCounters
from hotswap_ros.plan import Control, SuccessCriteria

_POINTS = 200
#: With many robots there are fewer moments, as each of them sends a message at every moment.
_FEWEST_POINTS = 20
#: With more messages than this, several tasks of a robot share one message. The blocks that are
#: compared grow with the messages, and their evidence holds for blocks of any size.
_MESSAGES = 5_000
_BOOT = 'trial'
#: The share of a robot with fewer tasks of one version than an eighth.
_LEAST = 0.05


@dataclass(frozen=True)
class Moment:
    """
    The state of a trial after some tasks; `time` in seconds, NaN if unknown.

    The intervals of the rates and of the difference hold at all moments at once.
    """

    tasks: int
    time: float
    control: Counts
    candidate: Counts
    control_interval: Interval
    candidate_interval: Interval
    evidence: float


@dataclass(frozen=True)
class Replay:
    """The results of the gate, and the first moment at which it found harm."""

    moments: tuple[Moment, ...]
    evidence: float
    limit: float
    alarm: Moment | None
    sentence: str


def replay(
    design: Design, control: str, candidate: str, *, tolerance: float = 0.02, alpha: float = 0.05
) -> Replay | None:
    """
    Replay the tasks of a trial in their order.

    None if the order is unknown, if there is no control at the time of the candidate, or if each
    robot served one version: then evidence after every task takes differences of robots for harm.
    """
    if not design.trial.is_ordered or design.apart or design.kind == ACROSS:
        return None
    criteria = SuccessCriteria(
        control=Control.WITHIN_ROBOTS,
        max_success_drop=tolerance,
        max_stuck_per_robot=None,
        grave_events=(),
        alpha=alpha,
    )
    records = design.trial.records
    teller = _Teller(Gate(criteria, candidate, drawn=False), control, candidate)
    teller.join(records)
    moments = []
    for time, messages in _in_messages(records, control):
        for message in messages:
            teller.tell(message)
        moments += teller.moment(time)
    if not moments:
        return None
    result = teller.success(complete=True)
    limit = result.evidence_limit
    alarm = next((moment for moment in moments if moment.evidence >= limit), None)
    return Replay(tuple(moments), result.evidence, limit, alarm, result.sentence)


class _Message(NamedTuple):
    """New tasks of one robot, with either version: (control, candidate)."""

    robot_id: str
    tasks: tuple[TaskCounts, TaskCounts]


def _in_messages(records: Records, control: str) -> Iterator[tuple[float, list[_Message]]]:
    """
    Yield the moments of a trial with the messages since the last one, in their order.

    A robot sends a message after every few tasks, and one at every moment.
    """
    points = max(_FEWEST_POINTS, min(_POINTS, _MESSAGES // len(records.robot_id.seen())))
    every = max(1, len(records) // points)
    per_message = math.ceil(len(records) / _MESSAGES)
    for start in range(0, len(records), every):
        part = records.take(slice(start, start + every))
        yield float(part.time[-1]), list(_messages(part, control, per_message))


def _messages(records: Records, control: str, per_message: int) -> Iterator[_Message]:
    robots = records.robot_id.codes
    order = np.argsort(robots, kind='stable')
    first = np.searchsorted(robots[order], robots[order])
    # The number of a robot's message to which each of its tasks belongs, then one per message.
    number = np.empty(len(records), np.int64)
    number[order] = (np.arange(len(records)) - first) // per_message
    _, last, group, sizes = np.unique(
        np.stack([robots, number], axis=1)[::-1],
        axis=0,
        return_index=True,
        return_inverse=True,
        return_counts=True,
    )
    last = len(records) - 1 - last
    cell = 2 * group.reshape(-1)[::-1] + ~records.version.equal(control)
    sums = [
        np.bincount(cell, column, 2 * len(sizes)).astype(int).reshape(-1, 2).tolist()
        for column in (records.tasks, records.successes, records.stuck)
    ]
    for index in np.lexsort((last, sizes < per_message)):
        tasks = [
            TaskCounts(n, n, won, stuck)
            for n, won, stuck in zip(*(column[index] for column in sums))
        ]
        yield _Message(records.robot_id.names[robots[last[index]]], (tasks[0], tasks[1]))


class _Teller:
    """Turns messages into the cumulative counters that a gate reads."""

    def __init__(self, gate: Gate, control: str, candidate: str) -> None:
        self._gate = gate
        self._versions = (control, candidate)
        self._tasks: dict[str, tuple[TaskCounts, TaskCounts]] = {}
        self._totals = [TaskCounts(), TaskCounts()]

    def join(self, records: Records) -> None:
        """
        Let every robot join with the observed share of the candidate in its tasks.

        Shares are rounded to quarters, so that robots with similar shares are pooled, but not to
        none or all; a share does not depend on outcomes.
        """
        own = records.of_version(self._versions[1])
        candidates = own.counts_by(own.robot_id)
        for robot_id, counts in sorted(records.counts_by(records.robot_id).items()):
            candidate = candidates[robot_id].tasks if robot_id in candidates else 0
            share = min(max(round(4 * candidate / counts.tasks) / 4, _LEAST), 1 - _LEAST)
            self._gate.observe(robot_id, self._versions[0], _BOOT, {}, share)

    def tell(self, message: _Message) -> None:
        """Count the tasks of a message, and send it."""
        control, candidate = self._tasks.get(message.robot_id, (TaskCounts(), TaskCounts()))
        done = control + message.tasks[0], candidate + message.tasks[1]
        self._tasks[message.robot_id] = done
        self._totals = [total + new for total, new in zip(self._totals, message.tasks)]
        counters = {
            version: VersionCounters(tasks=tasks)
            for version, tasks in zip(self._versions, done)
            if tasks.finished
        }
        self._gate.observe(message.robot_id, self._versions[0], _BOOT, counters)

    def moment(self, time: float) -> list[Moment]:
        """Return the present state; empty if a version has no task."""
        control, candidate = (Counts(total.succeeded, total.finished) for total in self._totals)
        if not control.tasks or not candidate.tasks:
            return []
        return [
            Moment(
                control.tasks + candidate.tasks,
                time,
                control,
                candidate,
                _sequence(control),
                _sequence(candidate),
                self.success().evidence,
            )
        ]

    def success(self, *, complete: bool = False) -> CheckResult:
        """Return the gate's check of success."""
        return next(c for c in self._gate.checks(complete=complete) if c.name == 'success')


def _sequence(counts: Counts) -> Interval:
    """Return the confidence sequence of one success rate."""
    # One more success and failure, so that a few tasks without a failure have some variance.
    rate = (counts.successes + 1) / (counts.tasks + 2)
    variance = counts.tasks * rate * (1 - rate)
    low, high = confidence_sequence(counts.successes, variance, counts.tasks)
    return Interval(max(0.0, low), high)
