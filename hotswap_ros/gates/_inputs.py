# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Shadow agreement and input drift: what can be known before the candidate decides anything."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hotswap_ros.gates._differences import Differences
from hotswap_ros.gates._evidence import RateEvidence
from hotswap_ros.gates._intervals import wilson_interval
from hotswap_ros.gates._result import (
    MIN_TASKS,
    CheckResult,
    Verdict,
    count,
    evidence_words,
    percent,
    ratio,
    verdict_of,
)
from hotswap_ros.gates._window import News, Window
from hotswap_ros.models import VersionCounters

#: Observations of a feature below which its drift is mostly noise.
MIN_OBSERVATIONS = 500


class ShadowCheck:
    """
    Whether a shadow decides as the stable version does, as often as the plan asks for.

    Decisions of one task are alike, so the unit is what a robot compared from one finished task of
    the stable version to the next. Agreement per step does not bound success.
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
        """Count comparisons, and close the robot's unit when a task has ended."""
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
        """Whether harm has been shown."""
        return self._evidence.value >= self._limit

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the verdict of this moment."""
        compared, agreed = window.candidate.shadowed, window.candidate.agreed
        value = self._evidence.value
        verdict = verdict_of(
            failed=self.failed, complete=complete, enough=self._tasks >= MIN_TASKS
        )
        low, high = wilson_interval(agreed, compared)
        text = (
            f'{window.candidate_name} decides as {window.control_name} does in '
            f'{percent(agreed / compared) if compared else "none"} of '
            f'{count(compared, "comparison")}, {percent(self._min)} is asked for'
        )
        words = evidence_words(value, self._limit)
        end = {
            Verdict.FAIL: f'less than that beyond chance ({words}): roll back',
            Verdict.PENDING: f'no verdict yet ({words})',
            Verdict.PASS: f'no shortfall shown ({words})',
            Verdict.INCONCLUSIVE: f'cannot be decided, {MIN_TASKS} tasks are needed',
        }[verdict]
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
        """Take back what `dump` gave."""
        self._evidence.log_e = list(data['log_e'])
        self._open = {robot_id: (unit[0], unit[1]) for robot_id, unit in data['open'].items()}
        self._tasks = data['tasks']


class DriftCheck:
    """
    Whether the robots see what the candidate was trained on.

    Telemetry counts sampled observations of each feature between the deciles of its training data,
    so that each bin expects a tenth. The check is a plain limit on the population stability index:
    samples of one task are too much alike for a test.
    """

    name = 'input_drift'

    def __init__(self, candidate: str, max_drift: float) -> None:
        self._candidate = candidate
        self._max = max_drift
        self._differences = Differences()
        self._bins: dict[str, list[int]] = {}

    def observe(
        self,
        robot_id: str,
        control_version: str,
        boot_id: str,
        counters: Mapping[str, VersionCounters],
    ) -> None:
        """Take in a snapshot of a robot."""
        found = counters.get(self._candidate)
        new = self._differences.advance(robot_id, boot_id, {} if found is None else found.inputs)
        for feature, bins in (new or {}).items():
            before = self._bins.get(feature, [0] * len(bins))
            if len(before) == len(bins):
                self._bins[feature] = [a + b for a, b in zip(before, bins)]

    @property
    def _drifts(self) -> dict[str, float]:
        return {
            feature: population_stability_index(bins)
            for feature, bins in self._bins.items()
            if sum(bins) >= MIN_OBSERVATIONS
        }

    @property
    def failed(self) -> bool:
        """Whether a feature has drifted too far."""
        return any(drift > self._max for drift in self._drifts.values())

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the verdict of this moment."""
        drifts = self._drifts
        feature = max(drifts, key=lambda name: drifts[name]) if drifts else ''
        worst = drifts.get(feature, math.nan)
        verdict = verdict_of(failed=self.failed, complete=complete, enough=bool(drifts))
        seen = sum(self._bins[feature]) if drifts else 0
        return CheckResult(
            name=self.name,
            verdict=verdict,
            method='limit',
            sentence=self._sentence(window, feature, worst, seen),
            estimate=worst,
            threshold=self._max,
            n=seen,
        )

    def _sentence(self, window: Window, feature: str, worst: float, seen: int) -> str:
        if not feature:
            return (
                f'Input drift of {window.candidate_name} cannot be judged yet: '
                f'{MIN_OBSERVATIONS} observations of a feature with statistics are needed.'
            )
        text = (
            f'{feature} is furthest from the training data of {window.candidate_name}: stability '
            f'index {worst:.2f} over {count(seen, "observation")}, {self._max:g} is allowed'
        )
        return f'{text}: roll back.' if worst > self._max else f'{text}.'

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'differences': self._differences.dump(),
            'bins': {feature: list(bins) for feature, bins in self._bins.items()},
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Take back what `dump` gave."""
        self._differences.load(data['differences'])
        self._bins = {feature: list(bins) for feature, bins in data['bins'].items()}


def population_stability_index(
    observed: Sequence[int], expected: Sequence[float] | None = None
) -> float:
    """
    Return the population stability index of counts against expected shares, by default equal ones.

    Half an observation is added to each bin, so that an empty one does not make it infinite. Below
    0.1 is taken for no drift, above 0.2 for one that matters.

    Source: Siddiqi 2006, "Credit Risk Scorecards", Wiley.
    """
    total = sum(observed) + 0.5 * len(observed)
    shares = expected or [1 / len(observed)] * len(observed)
    found = [(seen + 0.5) / total for seen in observed]
    return sum((share - wanted) * math.log(share / wanted) for share, wanted in zip(found, shares))
