# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Checks of the comparison itself: unreachable robots, and the split of tasks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hotswap_ros.gates.result import MIN_TASKS, CheckResult, Verdict, ratio, verdict_of
from hotswap_ros.gates.stats.split import split_log_evidence
from hotswap_ros.gates.window import News, Window
from hotswap_ros.plan import Control, Method, SuccessCriteria
from hotswap_ros.text import count, percent

_USUAL_ALPHA = 0.001
#: With fewer tasks than this expected of a version, the split says too little.
_MIN_EXPECTED = 5


def _are_enough(window: Window) -> bool:
    return min(window.candidate.finished, window.control.finished) >= MIN_TASKS


def sample_ratio_alpha(criteria: SuccessCriteria) -> float:
    """Return the alpha of the check of the split; 0: the split is not checked."""
    if criteria.sample_ratio_alpha is not None:
        return criteria.sample_ratio_alpha
    is_drawn = criteria.control is Control.WITHIN_ROBOTS and criteria.method is Method.SEQUENTIAL
    return _USUAL_ALPHA if is_drawn else 0.0


class UnreachableCheck:
    """
    Check that enough robots are reachable.

    Above the limit the gate is inconclusive: a broken network says nothing about a version.
    """

    name = 'unreachable'

    def __init__(self, max_share: float) -> None:
        self._max = max_share
        self._lost = 0
        self._robots = 0

    def reach(self, lost: int, robots: int) -> None:
        """Take in the number of unreachable robots, of the number of all robots."""
        self._lost, self._robots = lost, robots

    @property
    def failed(self) -> bool:
        """Return False: a comparison that is not valid does not show harm."""
        return False

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the present verdict; `complete` says that the stage has all its data."""
        share = ratio(self._lost, self._robots)
        text = (
            f'{self._lost:,} of {count(self._robots, "robot")} unreachable, '
            f'{percent(self._max)} allowed'
        )
        if not complete:
            verdict = Verdict.PENDING
        elif share <= self._max:
            verdict = Verdict.PASS
        else:
            verdict, text = Verdict.INCONCLUSIVE, f'{text}: inconclusive'
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
        """Restore the state that `dump` returned."""
        self._lost, self._robots = data['lost'], data['robots']


class SampleRatioCheck:
    """
    Check that tasks are split between the versions as the routing says (sample-ratio mismatch).

    Another split means that something selects the tasks of a version, so that the versions do not
    get comparable tasks. The first tasks that a robot reports after its share was changed or after
    an outage do not count: they may have begun before. A stage that waits for proof looks again
    and again, so the evidence is that of an e-process, see `split_log_evidence`.

    Where the plan does not ask for it, robots that report no share leave nothing to check.

    Source: Fabijan et al. 2019, "Diagnosing sample ratio mismatch in online controlled
    experiments", KDD 25.
    """

    name = 'sample_ratio'

    def __init__(self, criteria: SuccessCriteria) -> None:
        self._alpha = sample_ratio_alpha(criteria)
        self._is_asked = criteria.sample_ratio_alpha is not None
        self._shares: dict[str, float] = {}
        self._began: set[str] = set()
        #: By the candidate's planned share, the tasks that control and candidate began.
        self._splits: dict[float, tuple[int, int]] = {}

    def share(self, robot_id: str, candidate_share: float) -> None:
        """Take in the share of its tasks (0 to 1) that a robot should give to the candidate."""
        if self._shares.get(robot_id) != candidate_share:
            self._shares[robot_id] = candidate_share
            self._began.discard(robot_id)

    def doubt_share(self, robot_id: str) -> None:
        """Take note that a robot may have changed its share unheard."""
        self._began.discard(robot_id)

    def add(self, robot_id: str, news: News) -> None:
        """Count the tasks that began."""
        if robot_id not in self._began:
            self._began.add(robot_id)
            return
        share = self._shares.get(robot_id)
        if share is None:
            return
        control, candidate = max(0, news.control.started), max(0, news.candidate.started)
        if control or candidate:
            before = self._splits.get(share, (0, 0))
            self._splits[share] = (before[0] + control, before[1] + candidate)

    @property
    def failed(self) -> bool:
        """Return False: a comparison that is not valid does not show harm."""
        return False

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the present verdict; `complete` says that the stage has all its data."""
        control, candidate = (sum(split[arm] for split in self._splits.values()) for arm in (0, 1))
        began = control + candidate
        planned = math.fsum(share * sum(split) for share, split in self._splits.items())
        is_enough = min(planned, began - planned) >= _MIN_EXPECTED
        p_value = math.exp(-max(0.0, split_log_evidence(self._splits))) if is_enough else math.nan
        if not complete:
            verdict = Verdict.PENDING
        elif not self._is_asked and not self._shares:
            verdict = verdict_of(failed=False, complete=complete, enough=_are_enough(window))
        else:
            verdict = Verdict.PASS if p_value >= self._alpha else Verdict.INCONCLUSIVE
        share, asked = ratio(candidate, began), ratio(planned, began)
        if math.isnan(p_value):
            text = f'The split of {count(began, "task")} between the versions says too little'
        else:
            text = (
                f'{window.candidate_name} began {percent(share)} of {count(began, "task")}, '
                f'{percent(asked)} was planned (p = {p_value:.3g})'
            )
            if p_value < self._alpha:
                text += ': inconclusive, the versions do not get comparable tasks'
        return CheckResult(
            name=self.name,
            verdict=verdict,
            method='e-process',
            sentence=f'{text}.',
            estimate=share,
            threshold=asked,
            n=candidate,
            n_control=control,
            p_value=p_value,
            alpha=self._alpha,
        )

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'shares': dict(self._shares),
            'began': sorted(self._began),
            'splits': [[share, *split] for share, split in self._splits.items()],
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self._shares, self._began = dict(data['shares']), set(data['began'])
        self._splits = {share: (control, own) for share, control, own in data['splits']}
