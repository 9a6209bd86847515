# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Checks of requests against limits of the plan: latency and errors."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Mapping
from typing import Any

from hotswap_ros.gates.result import (
    MIN_TASKS,
    CheckResult,
    Verdict,
    conclusion,
    ratio,
    verdict_of,
)
from hotswap_ros.gates.stats.evidence import RateEvidence
from hotswap_ros.gates.tally import NOTHING, Tally
from hotswap_ros.gates.window import News, Window
from hotswap_ros.models import LATENCY_EDGES_MS
from hotswap_ros.text import count, percent

_QUANTILE = 0.95

#: Units among which the longest is looked for: one task without end must not outweigh all others.
_LATELY = 50

#: Units after which the longest is known well enough; those before wait for it.
_FIRST = 20

#: Tasks, requests and requests that missed the limit since a robot's last unit.
_EMPTY = (0, 0, 0)


class _RequestCheck:
    """
    Check that the candidate's requests do not miss a limit more often than `allowed` (0 to 1).

    Requests of one task are alike (one slow moment of a computer makes many slow requests), so the
    unit is a task: the requests of a robot from one finished candidate task to the next are one
    bet on their share. The limit is about requests, so a task weighs as many as it has, against
    the longest of the last tasks: where slow requests sit in short tasks, they are few. The first
    _FIRST units wait until that is known, at most until the end of the stage. Once the evidence
    reaches its limit, the verdict stays FAIL. With `plain`, only the observed rate of the stage
    counts, at the end of the stage. `miss` says in words what misses the limit, which is
    `threshold` in the unit of the plan.
    """

    name: str

    def __init__(
        self, allowed: float, threshold: float, miss: str, alpha: float, plain: bool
    ) -> None:
        self._allowed = allowed
        self._threshold = threshold
        self._miss = miss
        self._alpha = math.nan if plain else alpha
        self._limit = math.nan if plain else 1 / alpha
        self._plain = plain
        self._evidence = RateEvidence(allowed)
        self._open: dict[str, tuple[int, int, int]] = {}
        self._lengths: deque[int] = deque(maxlen=_LATELY)
        self._first: list[tuple[int, int]] = []

    def _counted(self, tally: Tally) -> tuple[int, int]:
        """Return the requests, and those of them that miss the limit."""
        raise NotImplementedError

    def _figure(self, tally: Tally) -> float:
        """Return the figure that the limit is about, in the unit of the plan."""
        raise NotImplementedError

    def add(self, robot_id: str, news: News) -> None:
        """Count the requests, and those that miss the limit."""
        new = news.candidate
        if new is NOTHING:
            return
        tasks, requests, misses = self._open.get(robot_id, _EMPTY)
        own_requests, own_misses = self._counted(new)
        tasks, requests, misses = (
            tasks + new.finished,
            requests + own_requests,
            misses + own_misses,
        )
        if tasks > 0 and requests:
            if not self.failed:
                self._bet(requests, misses)
            tasks = requests = misses = 0
        self._open[robot_id] = (tasks, requests, misses)

    def _bet(self, requests: int, misses: int) -> None:
        """Take in a unit; the first ones wait until it is known how long units are."""
        longest = max(self._lengths, default=0)
        self._lengths.append(requests)
        self._first.append((requests, misses))
        if len(self._lengths) >= _FIRST:
            self._bet_waiting(self._evidence, longest)
            self._first.clear()

    def _bet_waiting(self, evidence: RateEvidence, longest: int = 0) -> None:
        """Take in the units that wait; `longest` is that of those before them."""
        if len(self._first) > 1 or not longest:
            longest = max(self._lengths)
        for length, missed in self._first:
            evidence.add(min(1.0, missed / length), min(1.0, length / longest))

    def _evidence_at(self, *, end: bool) -> float:
        """Return the evidence; the units that wait count at the end of a stage."""
        if self._plain:
            return math.nan
        if not (end and self._first) or self.failed:
            return self._evidence.value
        # Where robots report several tasks at once, a stage may end before there are _FIRST units.
        found = RateEvidence(self._allowed)
        found.log_e = list(self._evidence.log_e)
        self._bet_waiting(found)
        return found.value

    @property
    def failed(self) -> bool:
        """Whether the evidence of harm has reached its limit."""
        return not self._plain and self._evidence.value >= self._limit

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the present verdict; `complete` says that the stage has all its data."""
        value = self._evidence_at(end=complete)
        candidate = window.stage.candidate if self._plain else window.candidate
        tasks, (requests, misses) = candidate.finished, self._counted(candidate)
        over, enough = misses > self._allowed * requests, tasks >= MIN_TASKS and requests > 0
        failed = complete and enough and over if self._plain else value >= self._limit
        verdict = verdict_of(failed=failed, complete=complete, enough=enough)
        sentence = (
            f'{_share(window, misses, requests)} {self._miss}, {percent(self._allowed)} allowed: '
            f'{self._words(verdict, value, tasks, over)}.'
        )
        return CheckResult(
            name=self.name,
            verdict=verdict,
            method='threshold' if self._plain else 'e-process',
            sentence=sentence if requests else _no_request(window, verdict),
            estimate=self._figure(candidate),
            control=self._figure(window.control),
            threshold=self._threshold,
            evidence=value,
            evidence_limit=self._limit,
            alpha=self._alpha,
            n=requests,
            n_control=self._counted(window.control)[0],
        )

    def _words(self, verdict: Verdict, value: float, tasks: int, over: bool) -> str:
        if self._plain and verdict is not Verdict.INCONCLUSIVE:
            return {
                Verdict.FAIL: 'above the limit: roll back',
                Verdict.PENDING: 'judged when the stage is complete',
                Verdict.PASS: 'within the limit',
            }[verdict]
        return conclusion(
            verdict,
            value,
            self._limit,
            harm='above the limit',
            no_harm='above the limit, but not beyond chance' if over else 'within the limit',
            needed=f'tasks are needed ({tasks:,} finished)',
        )

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'log_e': list(self._evidence.log_e),
            'lengths': list(self._lengths),
            'first': [list(unit) for unit in self._first],
            'open': {robot_id: list(unit) for robot_id, unit in self._open.items()},
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self._evidence.log_e = list(data['log_e'])
        self._lengths.extend(data.get('lengths', ()))
        self._first = [(requests, misses) for requests, misses in data.get('first', ())]
        self._open = {robot_id: (u[0], u[1], u[2]) for robot_id, u in data['open'].items()}


class LatencyCheck(_RequestCheck):
    """
    Check that the candidate's 95th percentile of latency keeps the limit of the plan (ms).

    It does if at most 5% of the requests are slower. The latency histogram has counts at its edges
    only, so the limit is rounded up to the next edge.
    """

    name = 'latency'

    def __init__(self, max_latency_ms: float, alpha: float, *, plain: bool = False) -> None:
        self._edge = bisect_left(LATENCY_EDGES_MS, max_latency_ms)
        edge_ms = LATENCY_EDGES_MS[self._edge]
        rounded = '' if edge_ms == max_latency_ms else f' ({max_latency_ms:g} ms rounded up)'
        miss = f'took longer than {edge_ms:g} ms{rounded}'
        super().__init__(1 - _QUANTILE, edge_ms, miss, alpha, plain)

    def _counted(self, tally: Tally) -> tuple[int, int]:
        return sum(tally.latency), sum(tally.latency[self._edge + 1 :])

    def _figure(self, tally: Tally) -> float:
        return quantile_ms(tally.latency)


class ErrorCheck(_RequestCheck):
    """Check that the share of requests that the candidate fails keeps the limit of the plan."""

    name = 'errors'

    def __init__(self, max_error_rate: float, alpha: float, *, plain: bool = False) -> None:
        super().__init__(max_error_rate, max_error_rate, 'failed', alpha, plain)

    def _counted(self, tally: Tally) -> tuple[int, int]:
        return tally.requests, tally.errors

    def _figure(self, tally: Tally) -> float:
        return ratio(tally.errors, tally.requests)


def quantile_ms(latency: tuple[int, ...]) -> float:
    """
    Return the upper edge (ms) of the bucket with the 95th percentile; NaN without requests.

    `latency` has a count for each bucket of LATENCY_EDGES_MS, and one for slower requests.
    """
    total = sum(latency)
    if not total:
        return math.nan
    below = 0
    for edge, requests in zip(LATENCY_EDGES_MS, latency):
        below += requests
        if below >= _QUANTILE * total:
            return edge
    return math.inf


def _share(window: Window, misses: int, requests: int) -> str:
    rate = percent(misses / requests) if requests else 'none'
    return f'{rate} of {count(requests, "request")} to {window.candidate_name}'


def _no_request(window: Window, verdict: Verdict) -> str:
    end = 'no verdict yet' if verdict is Verdict.PENDING else 'inconclusive'
    return f'{window.candidate_name} has answered no request: {end}.'
