# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The check of input drift: observations on robots against the candidate's training data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hotswap_ros.gates.result import CheckResult, verdict_of
from hotswap_ros.gates.stats.drift import population_stability_index
from hotswap_ros.gates.tally import MAX_NAMES
from hotswap_ros.gates.window import Window
from hotswap_ros.models import VersionCounters
from hotswap_ros.models.counter_delta import CounterTracker, Vector, add_counts, rise
from hotswap_ros.text import count

#: With fewer observations of a feature, its drift is mostly noise.
_MIN_OBSERVATIONS = 500


class DriftCheck:
    """
    Check that the observations on robots are distributed as the candidate's training data.

    Telemetry counts sampled observations of each feature between the deciles of its training data,
    so a tenth is expected in each bin. The check is a limit on the population stability index and
    not a test, because samples of one task are too similar.
    """

    name = 'input_drift'

    def __init__(self, candidate: str, max_drift: float) -> None:
        self._candidate = candidate
        self._max = max_drift
        self._tracker = CounterTracker(rise)
        self._bins: dict[str, Vector] = {}

    def observe(
        self,
        robot_id: str,
        control_version: str,
        boot_id: str,
        counters: Mapping[str, VersionCounters],
    ) -> None:
        """Take in a snapshot of a robot."""
        found = counters.get(self._candidate)
        inputs = {} if found is None else dict(sorted(found.inputs.items())[:MAX_NAMES])
        delta = self._tracker.advance(robot_id, boot_id, inputs)
        if delta is not None:
            add_counts(self._bins, delta.counts)

    @property
    def _drifts(self) -> dict[str, float]:
        return {
            feature: population_stability_index(bins)
            for feature, bins in self._bins.items()
            if sum(bins) >= _MIN_OBSERVATIONS
        }

    @property
    def failed(self) -> bool:
        """Whether the drift of a feature is above the limit."""
        return any(drift > self._max for drift in self._drifts.values())

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the present verdict; `complete` says that the stage has all its data."""
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
                f'The input drift of {window.candidate_name} is unknown: {_MIN_OBSERVATIONS} '
                'observations of a feature with training statistics are needed.'
            )
        text = (
            f'{feature} differs most from the training data of {window.candidate_name}: stability '
            f'index {worst:.2f} over {count(seen, "observation")}, the limit is {self._max:g}'
        )
        return f'{text}: roll back.' if worst > self._max else f'{text}.'

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'tracker': self._tracker.dump(list),
            'bins': {feature: list(bins) for feature, bins in self._bins.items()},
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self._tracker.load(data['tracker'], tuple)
        self._bins = {feature: tuple(bins) for feature, bins in data['bins'].items()}
