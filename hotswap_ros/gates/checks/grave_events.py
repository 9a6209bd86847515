# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Grave events: a hard line for each robot, and a comparison with the control."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hotswap_ros.gates.pairing.blocks import FleetBlock
from hotswap_ros.gates.result import MIN_TASKS, CheckResult, Verdict, ratio, verdict_of
from hotswap_ros.gates.stats.evidence import RareEvidence
from hotswap_ros.gates.window import News, Window
from hotswap_ros.text import count, evidence_words


class StuckCheck:
    """A hard line, without statistics: a robot that got stuck with the candidate too often."""

    name = 'stuck'

    def __init__(self, max_stuck_per_robot: int) -> None:
        self._allowed = max_stuck_per_robot
        self._stuck: dict[str, int] = {}

    def add(self, robot_id: str, news: News) -> None:
        """Count the candidate's stuck tasks."""
        if news.candidate.stuck:
            self._stuck[robot_id] = self._stuck.get(robot_id, 0) + news.candidate.stuck

    @property
    def _worst(self) -> int:
        return max(self._stuck.values(), default=0)

    @property
    def failed(self) -> bool:
        """Whether harm has been shown."""
        return self._worst > self._allowed

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the verdict of this moment."""
        tasks = window.candidate.finished
        worst = self._worst
        verdict = verdict_of(failed=self.failed, complete=complete, enough=tasks >= MIN_TASKS)
        return CheckResult(
            name=self.name,
            verdict=verdict,
            method='limit',
            sentence=self._sentence(window, verdict, worst),
            estimate=float(worst) if tasks else math.nan,
            threshold=float(self._allowed),
            n=tasks,
            n_control=window.control.finished,
        )

    def _sentence(self, window: Window, verdict: Verdict, worst: int) -> str:
        name, allowed = window.candidate_name, f'the plan allows {self._allowed:,}'
        if verdict is Verdict.FAIL:
            return f'{self._culprits()} with {name}, {allowed} per robot: roll back.'
        done = f'in {count(window.candidate.finished, "task")} with {name}'
        if verdict is Verdict.INCONCLUSIVE:
            return f'Stuck tasks cannot be judged {done}: {MIN_TASKS} are needed.'
        if not worst:
            return f'No robot got stuck {done}, {allowed} per robot.'
        robot = min(robot for robot, stuck in self._stuck.items() if stuck == worst)
        return f'{robot} got stuck most often, {_times(worst)} {done}, {allowed} per robot.'

    def _culprits(self) -> str:
        over = sorted((r for r, s in self._stuck.items() if s > self._allowed), key=self._order)
        named = [f'{robot} got stuck {_times(self._stuck[robot])}' for robot in over[:3]]
        rest = f' and {count(len(over) - 3, "more robot")}' if len(over) > 3 else ''
        return ', '.join(named) + rest

    def _order(self, robot_id: str) -> tuple[int, str]:
        return -self._stuck[robot_id], robot_id

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {'stuck': dict(self._stuck)}

    def load(self, data: Mapping[str, Any]) -> None:
        """Take back what `dump` gave."""
        self._stuck = dict(data['stuck'])


class GraveEventCheck:
    """
    Whether rare, grave events are more frequent with the candidate than with the control.

    `stuck` counts tasks that had to be abandoned, `fallback` tasks in which a version failed a
    request, so that the guard stepped in. The events are few, and the evidence is of who caused
    each: no baseline is needed, and ten times as many are seen after a few of them.
    """

    name = 'grave_events'

    def __init__(self, kinds: Sequence[str], alpha: float) -> None:
        self._alpha = alpha
        self._limit = len(kinds) / alpha
        self._evidence = {kind: RareEvidence() for kind in kinds}
        self._events = {kind: [0, 0] for kind in kinds}
        self._tasks = [0, 0]
        self._failed = False

    def compare(self, found: FleetBlock) -> None:
        """Take in a block of tasks that all ended."""
        tasks = (found.control.tasks, found.candidate.tasks)
        self._tasks = [self._tasks[0] + tasks[0], self._tasks[1] + tasks[1]]
        for kind, evidence in self._evidence.items():
            events = _events(kind, found)
            counted = self._events[kind]
            self._events[kind] = [counted[0] + events[0], counted[1] + events[1]]
            if any(events) and evidence.value < self._limit:
                evidence.add(tasks, events)
                self._failed = self._failed or evidence.value >= self._limit

    @property
    def failed(self) -> bool:
        """Whether harm has been shown."""
        return self._failed

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the verdict of this moment."""
        kind = max(self._evidence, key=lambda name: self._evidence[name].value)
        value, events = self._evidence[kind].value, self._events[kind]
        enough = window.candidate.finished >= MIN_TASKS
        verdict = verdict_of(failed=self.failed, complete=complete, enough=enough)
        return CheckResult(
            name=self.name,
            verdict=verdict,
            method='e-process',
            sentence=self._sentence(window, kind, verdict),
            estimate=ratio(events[1], self._tasks[1]),
            control=ratio(events[0], self._tasks[0]),
            evidence=value,
            evidence_limit=self._limit,
            n=self._tasks[1],
            n_control=self._tasks[0],
            alpha=self._alpha,
        )

    def _sentence(self, window: Window, kind: str, verdict: Verdict) -> str:
        events, evidence = self._events[kind], self._evidence[kind].value
        said = {'stuck': 'got stuck', 'fallback': 'made the guard step in'}[kind]
        text = (
            f'{events[1]:,} of {count(self._tasks[1], "task")} with {window.candidate_name} {said}'
            f', {events[0]:,} of {self._tasks[0]:,} with {window.control_name}'
        )
        words = evidence_words(evidence, self._limit)
        return {
            Verdict.FAIL: f'{text}: more often beyond chance ({words}): roll back.',
            Verdict.PENDING: f'{text}: no verdict yet ({words}).',
            Verdict.PASS: f'{text}: no harm shown ({words}).',
            Verdict.INCONCLUSIVE: f'{text}: cannot be decided, {MIN_TASKS} tasks are needed.',
        }[verdict]

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'tasks': list(self._tasks),
            'events': {kind: list(events) for kind, events in self._events.items()},
            'log_e': {kind: list(evidence.log_e) for kind, evidence in self._evidence.items()},
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Take back what `dump` gave."""
        self._tasks = list(data['tasks'])
        self._events = {kind: list(events) for kind, events in data['events'].items()}
        for kind, log_e in data['log_e'].items():
            self._evidence[kind].log_e = list(log_e)
        self._failed = any(e.value >= self._limit for e in self._evidence.values())


def _events(kind: str, found: FleetBlock) -> tuple[int, int]:
    if kind == 'stuck':
        return found.control.stuck, found.candidate.stuck
    return found.control.troubled, found.candidate.troubled


def _times(number: int) -> str:
    return 'once' if number == 1 else f'{number:,} times'
