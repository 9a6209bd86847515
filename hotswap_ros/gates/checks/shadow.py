# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The check of a shadow: its agreement with the stable version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hotswap_ros.gates.result import MIN_TASKS, CheckResult, conclusion, ratio, verdict_of
from hotswap_ros.gates.stats.evidence import RateEvidence
from hotswap_ros.gates.stats.intervals import wilson_interval
from hotswap_ros.gates.window import News, Window
from hotswap_ros.text import count, percent


class ShadowCheck:
    """
    Check that a shadow decides as the stable version does, as often as the plan requires.

    Decisions of one task are alike, so the unit is all comparisons of a robot from one finished
    task of the stable version to the next. Agreement per step does not bound success.
    """

    name = 'shadow'

    def __init__(self, min_agreement: float, alpha: float) -> None:
        self._min = min_agreement
        self._alpha = alpha
        self._limit = 1 / alpha
        self._evidence = RateEvidence(1 - min_agreement)
        self._open: dict[str, tuple[int, int]] = {}
        self._tasks = 0

    def add(self, robot_id: str, news: News) -> None:
        """Count comparisons; the robot's unit ends with a task."""
        before = self._open.get(robot_id, (0, 0))
        compared = before[0] + news.candidate.shadowed
        agreed = before[1] + news.candidate.agreed
        if compared and news.control.finished > 0:
            if self._evidence.value < self._limit:
                self._evidence.add(min(1.0, max(0.0, 1 - agreed / compared)))
            self._tasks += news.control.finished
            compared = agreed = 0
        self._open[robot_id] = compared, agreed

    @property
    def failed(self) -> bool:
        """Whether the evidence of harm has reached its limit."""
        return self._evidence.value >= self._limit

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the present verdict; `complete` says that the stage has all its data."""
        compared, agreed = window.candidate.shadowed, window.candidate.agreed
        value = self._evidence.value
        verdict = verdict_of(
            failed=self.failed, complete=complete, enough=self._tasks >= MIN_TASKS
        )
        low, high = wilson_interval(agreed, compared)
        text = (
            f'{window.candidate_name} decides as {window.control_name} does in '
            f'{percent(agreed / compared) if compared else "none"} of '
            f'{count(compared, "comparison")}, {percent(self._min)} required'
        )
        end = conclusion(
            verdict,
            value,
            self._limit,
            harm='less than required',
            no_harm='no shortfall shown',
            needed='tasks are needed',
        )
        return CheckResult(
            name=self.name,
            verdict=verdict,
            method='e-process',
            sentence=f'{text}: {end}.',
            estimate=ratio(agreed, compared),
            low=low,
            high=high,
            threshold=self._min,
            evidence=value,
            evidence_limit=self._limit,
            n=compared,
            alpha=self._alpha,
        )

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'log_e': list(self._evidence.log_e),
            'open': {robot_id: list(unit) for robot_id, unit in self._open.items()},
            'tasks': self._tasks,
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self._evidence.log_e = list(data['log_e'])
        self._open = {robot_id: (unit[0], unit[1]) for robot_id, unit in data['open'].items()}
        self._tasks = data['tasks']
