# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The check of latency against the control: the allowed increase of the 95th percentile."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

from hotswap_ros.gates.checks.request_limits import quantile_ms
from hotswap_ros.gates.result import (
    MIN_TASKS,
    CheckResult,
    Verdict,
    conclusion,
    ratio,
    verdict_of,
)
from hotswap_ros.gates.stats.evidence import GainEvidence
from hotswap_ros.gates.tally import NOTHING, Tally
from hotswap_ros.gates.window import News, Window
from hotswap_ros.models import LATENCY_EDGES_MS
from hotswap_ros.text import count, percent

#: Requests of the control from which its 95th percentile is read.
_BASELINE_REQUESTS = 100
#: Counts of a robot since its last unit: tasks, requests and slow requests.
_Unit = tuple[int, int, int]
_EMPTY: _Unit = (0, 0, 0)


class LatencyIncreaseCheck:
    """
    Check that the candidate's 95th percentile of latency is not too far above the control's.

    The line of the control is fixed beforehand: the histogram edge next above its 95th percentile.
    The line of the candidate is the edge next above that percentile times 1 + `max_increase`. The
    check compares the shares of requests above these lines. Requests of one task are alike, so a
    unit is all that one robot did until both versions finished a task on it; a busy hour slows
    both versions.
    """

    name = 'latency_increase'

    def __init__(self, max_increase: float, alpha: float) -> None:
        self._increase = max_increase
        self._alpha = alpha
        self._limit = 1 / alpha
        self._evidence = GainEvidence()
        self._history = Tally()
        self._edges: tuple[int, int] | None = None
        self._open: dict[str, tuple[_Unit, _Unit]] = {}
        self._slow = [_EMPTY, _EMPTY]

    def join(self, robot_id: str, history: Tally) -> None:
        """Take in the control's earlier tasks on a robot."""
        self._history = self._history.plus(history)

    def add(self, robot_id: str, news: News) -> None:
        """Count requests above the lines; the robot's unit ends with a task of each version."""
        if self._edges is None:
            self._history = self._history.plus(news.control)
            self._fix_lines()
            return
        control, candidate = self._open.get(robot_id, (_EMPTY, _EMPTY))
        control = _with_new(control, news.control, self._edges[0])
        candidate = _with_new(candidate, news.candidate, self._edges[1])
        if min(control[0], candidate[0]) > 0 and min(control[1], candidate[1]) > 0:
            if not self.failed:
                self._evidence.add(candidate[2] / candidate[1] - control[2] / control[1])
            self._slow = [_sum(self._slow[0], control), _sum(self._slow[1], candidate)]
            control, candidate = _EMPTY, _EMPTY
        self._open[robot_id] = control, candidate

    def _fix_lines(self) -> None:
        if sum(self._history.latency) < _BASELINE_REQUESTS:
            return
        own = quantile_ms(self._history.latency)
        last = len(LATENCY_EDGES_MS) - 1
        self._edges = (
            min(last, bisect_left(LATENCY_EDGES_MS, own)),
            min(last, bisect_left(LATENCY_EDGES_MS, own * (1 + self._increase))),
        )

    @property
    def failed(self) -> bool:
        """Whether the evidence of harm has reached its limit."""
        return self._evidence.value >= self._limit

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the present verdict; `complete` says that the stage has all its data."""
        control, candidate = self._slow
        enough = min(control[0], candidate[0]) >= MIN_TASKS
        verdict = verdict_of(failed=self.failed, complete=complete, enough=enough)
        edges = self._edges
        return CheckResult(
            name=self.name,
            verdict=verdict,
            method='e-process',
            sentence=self._sentence(window, verdict),
            estimate=quantile_ms(window.candidate.latency),
            control=quantile_ms(window.control.latency),
            threshold=float('nan') if edges is None else LATENCY_EDGES_MS[edges[1]],
            evidence=self._evidence.value,
            evidence_limit=self._limit,
            n=candidate[1],
            n_control=control[1],
            alpha=self._alpha,
        )

    def _sentence(self, window: Window, verdict: Verdict) -> str:
        control, candidate = self._slow
        if self._edges is None or not candidate[1]:
            end = 'no verdict yet' if verdict is Verdict.PENDING else 'inconclusive'
            return f'There are no latencies to compare: {end}.'
        own, other = (LATENCY_EDGES_MS[edge] for edge in self._edges)
        text = (
            f'{percent(ratio(candidate[2], candidate[1]))} of '
            f'{count(candidate[1], "request")} to {window.candidate_name} took longer than '
            f'{other:g} ms, {percent(ratio(control[2], control[1]))} of {control[1]:,} to '
            f'{window.control_name} longer than {own:g} ms '
            f'(increase of {percent(self._increase)} allowed, rounded up to histogram edges)'
        )
        end = conclusion(verdict, self._evidence.value, self._limit, harm='slower')
        return f'{text}: {end}.'

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'log_e': list(self._evidence.log_e),
            'history': self._history.dump(),
            'edges': None if self._edges is None else list(self._edges),
            'open': {robot: [list(unit) for unit in pair] for robot, pair in self._open.items()},
            'slow': [list(unit) for unit in self._slow],
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self._evidence.log_e = list(data['log_e'])
        self._history = Tally.load(data['history'])
        self._edges = None if data['edges'] is None else (data['edges'][0], data['edges'][1])
        self._open = {robot: (_unit(p[0]), _unit(p[1])) for robot, p in data['open'].items()}
        self._slow = [_unit(unit) for unit in data['slow']]


def _unit(data: list[int]) -> _Unit:
    return data[0], data[1], data[2]


def _with_new(unit: _Unit, new: Tally, edge: int) -> _Unit:
    """Return the unit with new counts; requests in a latency bucket above the edge are slow."""
    if new is NOTHING:
        return unit
    latency = new.latency
    return _sum(unit, (new.finished, sum(latency), sum(latency[edge + 1 :])))


def _sum(one: _Unit, other: _Unit) -> _Unit:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]
