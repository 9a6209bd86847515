# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Checks of grave events: a limit for each robot, and a comparison with the control."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from scipy.special import bdtrc

from hotswap_ros.gates.pairing.tasks import FleetBlock
from hotswap_ros.gates.result import (
    MIN_TASKS,
    CheckResult,
    Verdict,
    conclusion,
    ratio,
    verdict_of,
)
from hotswap_ros.gates.stats.evidence import RareEvidence
from hotswap_ros.gates.tally import Tally
from hotswap_ros.gates.window import News, Window
from hotswap_ros.text import count

#: Tasks of one robot in which a burst is looked for.
BURST_TASKS: Final = 100

#: A burst that is less likely than this at the rate of the control is not by chance, whatever the
#: number of robots and of looks.
_UNLIKELY: Final = 1e-6


class _Robot:
    """What one robot did: its latest tasks with the candidate, and all with the control."""

    def __init__(self) -> None:
        self.recent: deque[tuple[int, int]] = deque()
        self.tasks = 0
        self.stuck = 0
        self.control = (0, 0)

    def add(self, news: News) -> None:
        """Count finished and stuck tasks; more than BURST_TASKS are kept only in one message."""
        finished, stuck = news.candidate.finished, news.candidate.stuck
        self.control = _plus(self.control, news.control)
        if not (finished or stuck):
            return
        self.recent.append((finished, stuck))
        self.tasks += finished
        self.stuck += stuck
        while self.tasks - self.recent[0][0] >= BURST_TASKS:
            old_tasks, old_stuck = self.recent.popleft()
            self.tasks -= old_tasks
            self.stuck -= old_stuck


class StuckCheck:
    """
    Check that no robot gets stuck in a burst of tasks with the candidate: a limit.

    A burst is more than `max_stuck_per_robot` of a robot's last BURST_TASKS tasks. Where tasks get
    robots stuck whichever version serves them, a burst is no fault of the candidate: it counts if
    it is most unlikely at the rate of the control, of that robot or of all, whichever is higher.
    Slow differences of the rates are for GraveEventCheck.
    """

    name = 'stuck'

    def __init__(self, max_stuck_per_robot: int) -> None:
        self._allowed = max_stuck_per_robot
        self._robots: dict[str, _Robot] = {}
        self._control = (0, 0)
        #: Stuck and all tasks of the burst of each robot that is above the limit.
        self._bursts: dict[str, tuple[int, int]] = {}

    def add(self, robot_id: str, news: News) -> None:
        """Count the tasks of a robot."""
        robot = self._robots.get(robot_id)
        if robot is None:
            robot = self._robots[robot_id] = _Robot()
        if not any(new.finished or new.stuck for new in news):
            return  # Most news of a robot is about requests.
        self._control = _plus(self._control, news.control)
        robot.add(news)
        if news.candidate.stuck and self._is_burst(robot):
            self._bursts[robot_id] = robot.stuck, robot.tasks

    def _is_burst(self, robot: _Robot) -> bool:
        if robot.stuck <= self._allowed * max(1, robot.tasks // BURST_TASKS):
            return False
        of_control = [stuck / n for n, stuck in (robot.control, self._control) if n]
        tasks = max(robot.tasks, robot.stuck)
        return float(bdtrc(robot.stuck - 1, tasks, max(of_control, default=0.0))) < _UNLIKELY

    @property
    def failed(self) -> bool:
        """Whether a robot got stuck in a burst."""
        return bool(self._bursts)

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the present verdict; `complete` says that the stage has all its data."""
        tasks = window.candidate.finished
        worst = max((robot.stuck for robot in self._robots.values()), default=0)
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
        name = window.candidate_name
        limit = f'the limit is {self._allowed:,} in {BURST_TASKS} tasks of a robot'
        if verdict is Verdict.FAIL:
            return f'{self._above_limit()} with {name}; {limit}: roll back.'
        done = f'in {count(window.candidate.finished, "task")} with {name}'
        if verdict is Verdict.INCONCLUSIVE:
            return f'Stuck tasks {done}: inconclusive, {MIN_TASKS} tasks are needed.'
        if not worst:
            return f'No robot got stuck lately, {done}; {limit}.'
        robot = min(robot for robot, found in self._robots.items() if found.stuck == worst)
        robots = 'of all robots'
        if worst > self._allowed:
            robots += ', and no more often than the control explains'
        return f'{robot} got stuck {_times(worst)} lately, most often {robots}, {done}; {limit}.'

    def _above_limit(self) -> str:
        over = sorted(self._bursts, key=lambda robot: (-self._bursts[robot][0], robot))
        named = [f'{robot} got stuck {_times(self._bursts[robot][0])}' for robot in over[:3]]
        rest = f' and {count(len(over) - 3, "more robot")}' if len(over) > 3 else ''
        return ', '.join(named) + rest

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'robots': {
                robot_id: {'recent': [list(one) for one in r.recent], 'control': list(r.control)}
                for robot_id, r in self._robots.items()
            },
            'control': list(self._control),
            'bursts': {robot_id: list(burst) for robot_id, burst in self._bursts.items()},
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned; the totals of older ones tell of no burst."""
        for robot_id, found in data.get('robots', {}).items():
            robot = self._robots[robot_id] = _Robot()
            robot.recent.extend((tasks, stuck) for tasks, stuck in found['recent'])
            robot.tasks = sum(tasks for tasks, _ in robot.recent)
            robot.stuck = sum(stuck for _, stuck in robot.recent)
            robot.control = tuple(found['control'])
        self._control = tuple(data.get('control', (0, 0)))
        self._bursts = {name: tuple(burst) for name, burst in data.get('bursts', {}).items()}


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


def _plus(counts: tuple[int, int], tally: Tally) -> tuple[int, int]:
    """Add the finished and the stuck tasks of a tally."""
    return counts[0] + tally.finished, counts[1] + tally.stuck


def _times(number: int) -> str:
    return 'once' if number == 1 else f'{number:,} times'
