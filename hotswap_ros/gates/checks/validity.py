# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Whether the comparison itself can be believed: robots out of reach, and the split of tasks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hotswap_ros.gates.result import CheckResult, Verdict, ratio
from hotswap_ros.gates.window import News, Window
from hotswap_ros.text import count, percent


class UnreachableCheck:
    """
    Whether enough of the robots are in reach: silence is neither a success nor a failure.

    Beyond the limit nothing is decided; a network that is down is not a bad release.
    """

    name = 'unreachable'

    def __init__(self, max_share: float) -> None:
        self._max = max_share
        self._lost = 0
        self._robots = 0

    def reach(self, lost: int, robots: int) -> None:
        """Take in how many of the robots are out of reach at present."""
        self._lost, self._robots = lost, robots

    @property
    def failed(self) -> bool:
        """Return False: what cannot be compared is no harm."""
        return False

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the verdict of this moment."""
        share = ratio(self._lost, self._robots)
        allowed = f'{percent(self._max)} may be'
        text = f'{self._lost:,} of {count(self._robots, "robot")} out of reach, {allowed}'
        if not complete:
            verdict = Verdict.PENDING
        elif share <= self._max:
            verdict = Verdict.PASS
        else:
            verdict, text = Verdict.INCONCLUSIVE, f'{text}: cannot be decided'
        return CheckResult(
            name=self.name,
            verdict=verdict,
            method='limit',
            sentence=f'{text}.',
            estimate=share,
            threshold=self._max,
            n=self._robots,
        )

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {'lost': self._lost, 'robots': self._robots}

    def load(self, data: Mapping[str, Any]) -> None:
        """Take back what `dump` gave."""
        self._lost, self._robots = data['lost'], data['robots']


class SampleRatioCheck:
    """
    Whether tasks were split between the versions as the routing says (sample-ratio mismatch).

    A split that is not the one asked for means that something decides which tasks a version gets,
    and then the versions are not compared on the same tasks. Counted are tasks that began on a
    robot after its first one on the candidate, since its share last changed. Chi-square test with
    one degree of freedom.

    Source: Fabijan et al. 2019, "Diagnosing sample ratio mismatch in online controlled
    experiments", KDD 25.
    """

    name = 'sample_ratio'

    def __init__(self, alpha: float) -> None:
        self._alpha = alpha
        self._shares: dict[str, float] = {}
        self._began: set[str] = set()
        self._assigned = [0, 0]
        self._expected = [0.0, 0.0]

    def share(self, robot_id: str, candidate_share: float) -> None:
        """Take in the share of its tasks that a robot is to give to the candidate."""
        if self._shares.get(robot_id) != candidate_share:
            self._shares[robot_id] = candidate_share
            self._began.discard(robot_id)

    def add(self, robot_id: str, news: News) -> None:
        """Count the tasks that began."""
        if robot_id not in self._began:
            if news.candidate.started > 0:
                self._began.add(robot_id)
            return
        share = self._shares.get(robot_id)
        if share is None:
            return
        control, candidate = max(0, news.control.started), max(0, news.candidate.started)
        began = control + candidate
        self._assigned = [self._assigned[0] + control, self._assigned[1] + candidate]
        self._expected = [
            self._expected[0] + began * (1 - share),
            self._expected[1] + began * share,
        ]

    @property
    def _p_value(self) -> float:
        if min(self._expected) < 5:
            return math.nan
        beyond = (self._assigned[1] - self._expected[1]) ** 2
        return math.erfc(math.sqrt(beyond * sum(1 / arm for arm in self._expected) / 2))

    @property
    def failed(self) -> bool:
        """Return False: what cannot be compared is no harm."""
        return False

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the verdict of this moment."""
        p_value, began = self._p_value, sum(self._assigned)
        if not complete:
            verdict = Verdict.PENDING
        else:
            verdict = Verdict.PASS if p_value >= self._alpha else Verdict.INCONCLUSIVE
        share, asked = (ratio(arm[1], began) for arm in (self._assigned, self._expected))
        if math.isnan(p_value):
            text = f'{count(began, "task")} are too few to see whether they are split as asked'
        else:
            text = (
                f'{window.candidate_name} began {percent(share)} of {count(began, "task")}, '
                f'{percent(asked)} was asked for (p = {p_value:.3g})'
            )
            if p_value < self._alpha:
                text += ': the versions do not get the same tasks, so nothing can be decided'
        return CheckResult(
            name=self.name,
            verdict=verdict,
            method='chi-square',
            sentence=f'{text}.',
            estimate=share,
            threshold=asked,
            n=self._assigned[1],
            n_control=self._assigned[0],
            p_value=p_value,
            alpha=self._alpha,
        )

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'shares': dict(self._shares),
            'began': sorted(self._began),
            'assigned': list(self._assigned),
            'expected': list(self._expected),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Take back what `dump` gave."""
        self._shares, self._began = dict(data['shares']), set(data['began'])
        self._assigned, self._expected = list(data['assigned']), list(data['expected'])
