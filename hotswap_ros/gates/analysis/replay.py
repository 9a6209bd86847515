# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The replay of a finished trial through a gate, task by task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hotswap_ros.gates.analysis.trial import ACROSS, Design
from hotswap_ros.gates.diagnosis import Counts, Record
from hotswap_ros.gates.gate import Gate
from hotswap_ros.gates.result import CheckResult
from hotswap_ros.gates.stats.intervals import Interval, confidence_sequence
from hotswap_ros.models import TaskCounts, VersionCounters
from hotswap_ros.plan import Control, SuccessCriteria

_POINTS = 200
#: With more messages than this, several tasks of a robot share one message.
_MESSAGES = 20_000
_BOOT = 'trial'


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
    """Replay the tasks of a trial in their order; None if the order is unknown."""
    if not design.trial.is_ordered:
        return None
    across = design.kind == ACROSS
    criteria = SuccessCriteria(
        control=Control.ACROSS_ROBOTS if across else Control.WITHIN_ROBOTS,
        max_success_drop=tolerance,
        max_stuck_per_robot=None,
        grave_events=(),
        alpha=alpha,
    )
    records = design.trial.records
    teller = _Teller(Gate(criteria, candidate), control, candidate)
    teller.join(records)
    per_message = math.ceil(len(records) / _MESSAGES)
    every = max(1, len(records) // _POINTS)
    moments = []
    for number, record in enumerate(records, start=1):
        teller.tell(record, per_message)
        if number % every == 0 or number == len(records):
            moments += teller.moment(record.time)
    if not moments:
        return None
    result = teller.success(complete=True)
    limit = result.evidence_limit
    alarm = next((moment for moment in moments if moment.evidence >= limit), None)
    return Replay(tuple(moments), result.evidence, limit, alarm, result.sentence)


class _Teller:
    """Turns tasks into the cumulative counters that a gate reads."""

    def __init__(self, gate: Gate, control: str, candidate: str) -> None:
        self._gate = gate
        self._versions = (control, candidate)
        self._tasks: dict[tuple[str, str], TaskCounts] = {}
        self._totals = {control: Counts(0, 0), candidate: Counts(0, 0)}
        self._untold: dict[str, int] = {}

    def join(self, records: Sequence[Record]) -> None:
        """
        Let every robot join with the observed share of the candidate in its tasks.

        Shares are rounded to quarters, so that robots with similar shares are pooled; a share does
        not depend on outcomes.
        """
        tasks: dict[str, list[int]] = {}
        for record in records:
            counts = tasks.setdefault(record.robot_id, [0, 0])
            counts[self._versions.index(record.version)] += record.tasks
        for robot_id, (control, candidate) in sorted(tasks.items()):
            share = round(4 * candidate / (control + candidate)) / 4
            self._gate.observe(robot_id, self._versions[0], _BOOT, {}, share)

    def tell(self, record: Record, per_message: int) -> None:
        """Count a task, and send a message after every `per_message` tasks of a robot."""
        key = (record.robot_id, record.version)
        done = TaskCounts(record.tasks, record.tasks, record.successes, record.stuck)
        self._tasks[key] = self._tasks.get(key, TaskCounts()) + done
        total = self._totals[record.version]
        self._totals[record.version] = Counts(
            total.successes + record.successes, total.tasks + record.tasks
        )
        untold = self._untold.get(record.robot_id, 0) + 1
        self._untold[record.robot_id] = untold
        if untold >= per_message:
            self._send(record.robot_id)

    def moment(self, time: float) -> list[Moment]:
        """Return the present state, with all messages sent; empty if a version has no task."""
        for robot_id in [robot_id for robot_id, untold in self._untold.items() if untold]:
            self._send(robot_id)
        control, candidate = (self._totals[version] for version in self._versions)
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

    def _send(self, robot_id: str) -> None:
        counters = {
            version: VersionCounters(tasks=self._tasks[robot_id, version])
            for version in self._versions
            if (robot_id, version) in self._tasks
        }
        self._gate.observe(robot_id, self._versions[0], _BOOT, counters)
        self._untold[robot_id] = 0


def _sequence(counts: Counts) -> Interval:
    """Return the confidence sequence of one success rate."""
    # One more success and failure, so that a few tasks without a failure have some variance.
    rate = (counts.successes + 1) / (counts.tasks + 2)
    variance = counts.tasks * rate * (1 - rate)
    low, high = confidence_sequence(counts.successes, variance, counts.tasks)
    return Interval(max(0.0, low), high)
