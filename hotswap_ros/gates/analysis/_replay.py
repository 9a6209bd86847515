# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A finished trial, told to a gate task by task: what it would have said, and when."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from hotswap_ros.gates._gate import Gate
from hotswap_ros.gates._intervals import Interval, confidence_sequence
from hotswap_ros.gates._result import CheckResult
from hotswap_ros.gates.analysis._fixed import Counts
from hotswap_ros.gates.analysis._trial import ACROSS, Design, Record
from hotswap_ros.models import TaskCounts, VersionCounters
from hotswap_ros.plan import SuccessCriteria

_POINTS = 200
#: More messages than this and several tasks of a robot share one: the gate allows for that.
_MESSAGES = 20_000
_BOOT = 'trial'


@dataclass(frozen=True)
class Moment:
    """
    A trial as it stood after some tasks; `time` in seconds, NaN when unknown.

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
    """
    What a gate said. `alarm` is the first moment at which it found harm.

    Across robots the gate's evidence is taken to the power of one over the design effect, which is
    an approximation; its sentence is then left empty.
    """

    moments: tuple[Moment, ...]
    evidence: float
    limit: float
    alarm: Moment | None
    sentence: str


def replay(
    design: Design,
    control: str,
    candidate: str,
    *,
    tolerance: float = 0.02,
    alpha: float = 0.05,
    effect: float = 1.0,
) -> Replay | None:
    """
    Tell a gate the tasks of a trial in their order; None when the order is unknown.

    `effect` is the design effect that divides the logarithm of the evidence.
    """
    if not design.trial.is_ordered:
        return None
    criteria = SuccessCriteria(max_success_drop=tolerance, max_stuck_per_robot=None, alpha=alpha)
    gate = Gate(criteria, candidate)
    pooled = design.kind == ACROSS
    moments = []
    for last, counts in _tell(gate, design.trial.records, control, candidate, pooled):
        if counts[0].tasks and counts[1].tasks:
            moments.append(_moment(last, counts, _success(gate), effect))
    if not moments:
        return None
    result = _success(gate, complete=True)
    limit = result.evidence_limit
    return Replay(
        tuple(moments),
        moments[-1].evidence,
        limit,
        next((moment for moment in moments if moment.evidence >= limit), None),
        '' if pooled else result.sentence,
    )


def _success(gate: Gate, *, complete: bool = False) -> CheckResult:
    return next(c for c in gate.checks(complete=complete) if c.name == 'success')


def _tell(
    gate: Gate, records: tuple[Record, ...], control: str, candidate: str, pooled: bool
) -> Iterator[tuple[Record, tuple[Counts, Counts]]]:
    """Feed the gate and yield what is known at about _POINTS moments."""
    counts: dict[tuple[str, str], TaskCounts] = {}
    totals = {control: Counts(0, 0), candidate: Counts(0, 0)}
    for robot_id in {'' if pooled else record.robot_id for record in records}:
        gate.observe(robot_id, control, _BOOT, {})
    per_message = math.ceil(len(records) / _MESSAGES)
    unsent: dict[str, int] = {}
    every = max(1, len(records) // _POINTS)
    for number, record in enumerate(records, start=1):
        robot_id = '' if pooled else record.robot_id
        key = (robot_id, record.version)
        done = TaskCounts(record.tasks, record.tasks, record.successes, record.stuck)
        counts[key] = counts.get(key, TaskCounts()) + done
        total = totals[record.version]
        totals[record.version] = Counts(
            total.successes + record.successes, total.tasks + record.tasks
        )
        is_point = number % every == 0 or number == len(records)
        unsent[robot_id] = unsent.get(robot_id, 0) + 1
        if unsent[robot_id] >= per_message:
            _send(gate, robot_id, control, candidate, counts)
            unsent[robot_id] = 0
        if is_point:
            for robot in [robot for robot, waiting in unsent.items() if waiting]:
                _send(gate, robot, control, candidate, counts)
                unsent[robot] = 0
            yield record, (totals[control], totals[candidate])


def _send(
    gate: Gate,
    robot_id: str,
    control: str,
    candidate: str,
    counts: dict[tuple[str, str], TaskCounts],
) -> None:
    versions = {
        version: VersionCounters(tasks=counts[robot_id, version])
        for version in (control, candidate)
        if (robot_id, version) in counts
    }
    gate.observe(robot_id, control, _BOOT, versions)


def _moment(
    last: Record, counts: tuple[Counts, Counts], result: CheckResult, effect: float
) -> Moment:
    control, candidate = counts
    return Moment(
        control.tasks + candidate.tasks,
        last.time,
        control,
        candidate,
        _sequence(control),
        _sequence(candidate),
        math.exp(math.log(max(result.evidence, 1e-300)) / effect),
    )


def _sequence(counts: Counts) -> Interval:
    """Return the confidence sequence of one success rate."""
    # One success and one failure more: a few tasks without a failure are no proof of none.
    rate = (counts.successes + 1) / (counts.tasks + 2)
    variance = counts.tasks * rate * (1 - rate)
    low, high = confidence_sequence(counts.successes, variance, counts.tasks)
    return Interval(max(0.0, low), high)
