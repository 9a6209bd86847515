# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Checks of requests against limits of the plan: latency and errors."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

from hotswap_ros.gates.result import MIN_TASKS, CheckResult, Verdict, ratio, verdict_of
from hotswap_ros.gates.stats.evidence import RateEvidence
from hotswap_ros.gates.window import News, Tally, Window
from hotswap_ros.models import LATENCY_EDGES_MS
from hotswap_ros.text import count, evidence_words, percent

_QUANTILE = 0.95


class _Rate:
    """
    Evidence that the candidate's requests miss a limit more often than `allowed` (0 to 1).

    Requests of one task are alike (one slow moment of a computer makes many slow requests), so the
    unit is a task: the requests of a robot from one finished candidate task to the next are one
    bet on their share. The null is about the mean over tasks, each with the same weight. Once the
    evidence reaches its limit, the verdict stays FAIL. With `plain`, only the observed rate of the
    stage counts, at the end of the stage.
    """

    def __init__(self, allowed: float, alpha: float, *, plain: bool) -> None:
        self.allowed = allowed
        self.alpha = math.nan if plain else alpha
        self.limit = math.nan if plain else 1 / alpha
        self.method = 'threshold' if plain else 'e-process'
        self._plain = plain
        self._evidence = RateEvidence(allowed)
        self._open: dict[str, tuple[int, int, int]] = {}

    @property
    def value(self) -> float:
        return math.nan if self._plain else self._evidence.value

    @property
    def failed(self) -> bool:
        return not self._plain and self.value >= self.limit

    def seen(self, window: Window) -> Tally:
        """Return the candidate's counts that are judged."""
        return window.stage.candidate if self._plain else window.candidate

    def verdict(self, tasks: int, requests: int, misses: int, *, complete: bool) -> Verdict:
        enough = tasks >= MIN_TASKS and requests > 0
        over = complete and enough and misses > self.allowed * requests
        failed = over if self._plain else self.failed
        return verdict_of(failed=failed, complete=complete, enough=enough)

    def add(self, robot_id: str, tasks: int, requests: int, misses: int) -> None:
        before = self._open.get(robot_id, (0, 0, 0))
        tasks, requests, misses = tasks + before[0], requests + before[1], misses + before[2]
        if tasks > 0 and requests:
            if not self.failed:
                self._evidence.add(min(1.0, misses / requests))
            tasks = requests = misses = 0
        self._open[robot_id] = (tasks, requests, misses)

    def words(self, verdict: Verdict, tasks: int, over: bool) -> str:
        if self._plain and verdict is not Verdict.INCONCLUSIVE:
            return {
                Verdict.FAIL: 'above the limit: roll back',
                Verdict.PENDING: 'judged when the stage is complete',
                Verdict.PASS: 'within the limit',
            }[verdict]
        evidence = evidence_words(self.value, self.limit)
        if verdict is Verdict.FAIL:
            return f'above the limit beyond chance ({evidence}): roll back'
        if verdict is Verdict.PENDING:
            return f'no verdict yet ({evidence})'
        if verdict is Verdict.PASS:
            found = 'above the limit, but not beyond chance' if over else 'within the limit'
            return f'{found} ({evidence})'
        return f'inconclusive, {MIN_TASKS} tasks are needed ({tasks:,} finished)'

    def dump(self) -> dict[str, Any]:
        return {
            'log_e': list(self._evidence.log_e),
            'open': {robot_id: list(unit) for robot_id, unit in self._open.items()},
        }

    def load(self, data: Mapping[str, Any]) -> None:
        self._evidence.log_e = list(data['log_e'])
        self._open = {robot_id: (u[0], u[1], u[2]) for robot_id, u in data['open'].items()}


class LatencyCheck:
    """
    Check that the candidate's 95th percentile of latency keeps the limit of the plan (ms).

    It does if at most 5% of the requests are slower. The latency histogram has counts at its edges
    only, so the limit is rounded up to the next edge.
    """

    name = 'latency'

    def __init__(self, max_latency_ms: float, alpha: float, *, plain: bool = False) -> None:
        self._plan_ms = max_latency_ms
        self._edge = bisect_left(LATENCY_EDGES_MS, max_latency_ms)
        self._rate = _Rate(1 - _QUANTILE, alpha, plain=plain)

    def add(self, robot_id: str, news: News) -> None:
        """Count the requests, and those slower than the limit."""
        new = news.candidate
        self._rate.add(robot_id, new.finished, sum(new.latency), self._slow(new))

    def _slow(self, tally: Tally) -> int:
        return sum(tally.latency[self._edge + 1 :])

    @property
    def failed(self) -> bool:
        """Whether the evidence of harm has reached its limit."""
        return self._rate.failed

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the present verdict; `complete` says that the stage has all its data."""
        candidate = self._rate.seen(window)
        tasks, requests, slow = candidate.finished, sum(candidate.latency), self._slow(candidate)
        verdict = self._rate.verdict(tasks, requests, slow, complete=complete)
        over = slow > (1 - _QUANTILE) * requests
        edge_ms = LATENCY_EDGES_MS[self._edge]
        rounded = '' if edge_ms == self._plan_ms else f' ({self._plan_ms:g} ms rounded up)'
        sentence = (
            f'{_share(window, slow, requests)} took longer than {edge_ms:g} ms{rounded}, '
            f'{percent(1 - _QUANTILE)} allowed: {self._rate.words(verdict, tasks, over)}.'
        )
        return CheckResult(
            name=self.name,
            verdict=verdict,
            method=self._rate.method,
            sentence=sentence if requests else _no_request(window, verdict),
            estimate=quantile_ms(candidate.latency),
            control=quantile_ms(window.control.latency),
            threshold=edge_ms,
            evidence=self._rate.value,
            evidence_limit=self._rate.limit,
            alpha=self._rate.alpha,
            n=requests,
            n_control=sum(window.control.latency),
        )

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return self._rate.dump()

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self._rate.load(data)


class ErrorCheck:
    """Check that the share of requests that the candidate fails keeps the limit of the plan."""

    name = 'errors'

    def __init__(self, max_error_rate: float, alpha: float, *, plain: bool = False) -> None:
        self._allowed = max_error_rate
        self._rate = _Rate(max_error_rate, alpha, plain=plain)

    def add(self, robot_id: str, news: News) -> None:
        """Count the requests, and those that the candidate failed."""
        new = news.candidate
        self._rate.add(robot_id, new.finished, new.requests, new.errors)

    @property
    def failed(self) -> bool:
        """Whether the evidence of harm has reached its limit."""
        return self._rate.failed

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the present verdict; `complete` says that the stage has all its data."""
        candidate, control = self._rate.seen(window), window.control
        tasks, requests, errors = candidate.finished, candidate.requests, candidate.errors
        verdict = self._rate.verdict(tasks, requests, errors, complete=complete)
        over = candidate.errors > self._allowed * candidate.requests
        sentence = (
            f'{_share(window, candidate.errors, candidate.requests)} failed, '
            f'{percent(self._allowed)} allowed: '
            f'{self._rate.words(verdict, candidate.finished, over)}.'
        )
        return CheckResult(
            name=self.name,
            verdict=verdict,
            method=self._rate.method,
            sentence=sentence if candidate.requests else _no_request(window, verdict),
            estimate=ratio(candidate.errors, candidate.requests),
            control=ratio(control.errors, control.requests),
            threshold=self._allowed,
            evidence=self._rate.value,
            evidence_limit=self._rate.limit,
            alpha=self._rate.alpha,
            n=candidate.requests,
            n_control=control.requests,
        )

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return self._rate.dump()

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self._rate.load(data)


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
