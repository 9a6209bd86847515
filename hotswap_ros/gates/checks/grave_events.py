# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Checks of grave events: a limit for each robot, and a comparison with the control."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hotswap_ros.gates.pairing.blocks import FleetBlock
from hotswap_ros.gates.result import (
    MIN_TASKS,
    CheckResult,
    Verdict,
    conclusion,
    ratio,
    verdict_of,
)
from hotswap_ros.gates.stats.evidence import RareEvidence
from hotswap_ros.gates.window import News, Window
from hotswap_ros.text import count


class StuckCheck:
    """Check that no robot gets stuck with the candidate too often: a limit, without statistics."""

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
        """Whether the evidence of harm has reached its limit."""
        return self._worst > self._allowed

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the present verdict; `complete` says that the stage has all its data."""
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
        name, limit = window.candidate_name, f'the limit is {self._allowed:,} per robot'
        if verdict is Verdict.FAIL:
            return f'{self._above_limit()} with {name}; {limit}: roll back.'
        done = f'in {count(window.candidate.finished, "task")} with {name}'
        if verdict is Verdict.INCONCLUSIVE:
            return f'Stuck tasks {done}: inconclusive, {MIN_TASKS} tasks are needed.'
        if not worst:
            return f'No robot got stuck {done}; {limit}.'
        robot = min(robot for robot, stuck in self._stuck.items() if stuck == worst)
        return f'{robot} got stuck {_times(worst)}, most often of all robots, {done}; {limit}.'

    def _above_limit(self) -> str:
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
        """Restore the state that `dump` returned."""
        self._stuck = dict(data['stuck'])


class GraveEventCheck:
    """
    Check that rare, grave events are not more frequent with the candidate than with the control.

    `stuck` counts abandoned tasks, `fallback` tasks in which the guard replaced an answer. The
    events are few, and the evidence is about the version that caused each event. So no baseline is
    needed, and a rate ten times as high is found after a few events.
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
        """Take in a block of finished tasks."""
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
        """Whether the evidence of harm has reached its limit."""
        return self._failed

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the present verdict; `complete` says that the stage has all its data."""
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
        said = {'stuck': 'got stuck', 'fallback': 'had a fallback'}[kind]
        text = (
            f'{events[1]:,} of {count(self._tasks[1], "task")} with {window.candidate_name} {said}'
            f', {events[0]:,} of {self._tasks[0]:,} with {window.control_name}'
        )
        needed = 'tasks are needed'
        end = conclusion(verdict, evidence, self._limit, harm='more often', needed=needed)
        return f'{text}: {end}.'

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'tasks': list(self._tasks),
            'events': {kind: list(events) for kind, events in self._events.items()},
            'log_e': {kind: list(evidence.log_e) for kind, evidence in self._evidence.items()},
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
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
