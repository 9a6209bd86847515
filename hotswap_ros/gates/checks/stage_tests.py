# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Checks of success at the end of a stage: the threshold rule, and a test of fixed sample size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import repeat
from typing import Any

from hotswap_ros.gates.pairing.baseline import Baseline
from hotswap_ros.gates.pairing.tasks import FleetBlock
from hotswap_ros.gates.result import MIN_TASKS, CheckResult, Verdict, ratio, verdict_of
from hotswap_ros.gates.stats.evidence import Block
from hotswap_ros.gates.stats.intervals import (
    Interval,
    newcombe_interval,
    score_test,
    wilson_interval,
)
from hotswap_ros.gates.stats.stratified import (
    drop_interval,
    drop_test,
    stratified_drop,
    stratified_test,
)
from hotswap_ros.gates.tally import Tally
from hotswap_ros.gates.window import News, Window
from hotswap_ros.plan import Control, SuccessCriteria
from hotswap_ros.text import change, count, percent, points, span

_TASKS_NEEDED = f'{MIN_TASKS} tasks of each version are needed'


class ThresholdCheck:
    """
    The common rule: fail if the observed rate is below the control's rate minus the tolerance.

    It looks once, at the data of the stage, and does not keep any error rate: with stages of 100,
    500 and 2,500 tasks, one equal candidate in five is rolled back.

    Within robots, tasks are compared with those that began at the same time (in the blocks of the
    stage). Otherwise an hour in which tasks are harder and the share is larger would look like a
    worse version.
    """

    name = 'success'
    method = 'threshold'

    def __init__(self, criteria: SuccessCriteria, alpha: float) -> None:
        self._alpha = alpha
        self._tolerance = criteria.max_success_drop
        self._null = self._tolerance if criteria.harm_null == 'not_worse_than_tolerance' else 0.0
        self._baseline = Baseline(criteria)
        #: The blocks of the stage and their number; of thousands, few differ.
        self._blocks: dict[Block, int] | None = None
        if criteria.control is Control.WITHIN_ROBOTS:
            self._blocks = {}

    def begin_stage(self) -> None:
        """Begin the data of another stage."""
        if self._blocks is not None:
            self._blocks = {}

    def compare(self, found: FleetBlock) -> None:
        """Take in a block of finished tasks."""
        if self._blocks is not None:
            block = self._baseline.block(found)
            self._blocks[block] = self._blocks.get(block, 0) + 1

    def join(self, robot_id: str, history: Tally) -> None:
        """Take in the control's earlier tasks on a robot."""
        self._baseline.join(robot_id, history)

    def add(self, robot_id: str, news: News) -> None:
        """Count the tasks of each robot, where robots are compared."""
        self._baseline.add(robot_id, news)

    @property
    def failed(self) -> bool:
        """Return False: the rule looks only at the end of a stage."""
        return False

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the present verdict, which is PENDING until the stage has all its data."""
        candidate, control = self._arms(window)
        missing = self._missing(candidate, control)
        drop = self._rate(control) - ratio(candidate.succeeded, candidate.finished)
        if self._blocks is not None:
            drop = stratified_drop(self._strata)
        enough = not missing and not math.isnan(drop)
        p_value = self._p_value(candidate, control) if enough and complete else math.nan
        failed = complete and enough and self._is_harm(drop, p_value)
        verdict = verdict_of(failed=failed, complete=complete, enough=enough)
        own = wilson_interval(candidate.succeeded, candidate.finished)
        low, high = self._interval(candidate, control) if enough and complete else Interval()
        return CheckResult(
            name=self.name,
            verdict=verdict,
            method=self.method,
            sentence=self._sentence(window, drop, Interval(low, high), p_value, verdict),
            estimate=ratio(candidate.succeeded, candidate.finished),
            control=self._rate(control),
            low=own.low,
            high=own.high,
            threshold=self._rate(control) - self._tolerance,
            n=candidate.finished,
            n_control=control.finished,
            drop=drop,
            drop_low=low,
            drop_high=high,
            p_value=p_value,
            alpha=self._alpha,
        )

    def _arms(self, window: Window) -> tuple[Tally, Tally]:
        stage = window.stage
        return stage.candidate, self._baseline.shown(window) if self._baseline.is_number else (
            stage.control
        )

    def _rate(self, control: Tally) -> float:
        if self._baseline.is_number:
            return self._baseline.rate if self._baseline.is_known else math.nan
        return ratio(control.succeeded, control.finished)

    @property
    def _strata(self) -> Iterator[Block]:
        for block, number in (self._blocks or {}).items():
            yield from repeat(block, number)

    def _is_harm(self, drop: float, p_value: float) -> bool:
        return drop > self._tolerance

    def _p_value(self, candidate: Tally, control: Tally) -> float:
        return math.nan

    def _missing(self, candidate: Tally, control: Tally) -> str:
        """Return in words why there is too little data for a verdict; empty: there is enough."""
        counts = [candidate.finished]
        if not self._baseline.is_number:
            counts.append(control.finished)
        enough = min(counts) >= MIN_TASKS and self._baseline.is_known
        return '' if enough else _TASKS_NEEDED

    def _interval(self, candidate: Tally, control: Tally) -> Interval:
        return Interval()

    def _sentence(
        self, window: Window, drop: float, interval: Interval, p_value: float, verdict: Verdict
    ) -> str:
        candidate = window.stage.candidate
        if not candidate.finished:
            return f'{window.candidate_name} has finished no task in this stage.'
        text = (
            f'{window.candidate_name} succeeds in '
            f'{percent(candidate.succeeded / candidate.finished)} of '
            f'{count(candidate.finished, "task")} of this stage, {self._control_words(window)}'
        )
        if verdict is Verdict.PENDING:
            return f'{text}: judged when the stage is complete.'
        if verdict is Verdict.INCONCLUSIVE:
            missing = self._missing(*self._arms(window)) or _TASKS_NEEDED
            return f'{text}: inconclusive, {missing}.'
        shown = change(drop)
        if not math.isnan(interval.low):
            shown += f' (95% interval {span(*interval)}, p = {p_value:.3g})'
        allowed = f'allowed {points(self._tolerance)}'
        if verdict is Verdict.FAIL:
            return f'{text}: {shown}, {self._beyond(allowed)}: roll back.'
        return f'{text}: {shown}, {self._within(allowed)}.'

    def _control_words(self, window: Window) -> str:
        if self._baseline.is_number:
            return self._baseline.words(window)
        control = window.stage.control
        if not control.finished:
            return f'{window.control_name} finished no task'
        rate = percent(control.succeeded / control.finished)
        return f'{window.control_name} in {rate} of {control.finished:,}'

    def _beyond(self, allowed: str) -> str:
        return f'more than the {allowed}'

    def _within(self, allowed: str) -> str:
        return f'within the {allowed}'

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        blocks = [[*block, number] for block, number in (self._blocks or {}).items()]
        return {'baseline': self._baseline.dump(), 'blocks': blocks}

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self._baseline.load(data['baseline'])
        if self._blocks is not None:
            # Dumps of earlier releases lack them: their stage is judged by its rest.
            self._blocks = {Block(*block): number for *block, number in data.get('blocks', ())}


class FixedHorizonCheck(ThresholdCheck):
    """
    A one-sided test at the end of each stage, on the stage's data; alpha is split over the stages.

    Within robots: a test and an interval of the difference over the blocks of the stage
    (`stats/stratified`). Against other robots: the score test of the difference, and Newcombe's
    interval. Against a number: the exact binomial test, and Wilson's interval. If robots are
    compared, the counts are first divided by the design effect. `stats/intervals` has the sources.
    """

    method = 'fixed-horizon'

    def __init__(self, criteria: SuccessCriteria, alpha: float, stages: int) -> None:
        super().__init__(criteria, alpha / max(1, stages))

    def _is_harm(self, drop: float, p_value: float) -> bool:
        return p_value < self._alpha

    def _missing(self, candidate: Tally, control: Tally) -> str:
        missing = super()._missing(candidate, control)
        return missing or self._baseline.too_few_robots(candidate.finished, control.finished)

    def _p_value(self, candidate: Tally, control: Tally) -> float:
        if self._blocks is not None:
            strata = self._strata
            return stratified_test(strata) if not self._null else drop_test(strata, self._null)
        effect = self._baseline.design_effect
        n, won = candidate.finished / effect, candidate.succeeded / effect
        if self._baseline.is_number:
            from scipy.stats import binomtest

            limit = max(1e-9, self._baseline.rate - self._null)
            return float(binomtest(round(won), round(n), limit, alternative='less').pvalue)
        return score_test(
            control.succeeded / effect, control.finished / effect, won, n, self._null
        )

    def _interval(self, candidate: Tally, control: Tally) -> Interval:
        if self._blocks is not None:
            return drop_interval(self._strata)
        effect = self._baseline.design_effect
        n, won = candidate.finished / effect, candidate.succeeded / effect
        if self._baseline.is_number:
            low, high = wilson_interval(won, n)
            return Interval(self._baseline.rate - high, self._baseline.rate - low)
        return newcombe_interval(control.succeeded / effect, control.finished / effect, won, n)

    def _beyond(self, allowed: str) -> str:
        return f"worse beyond chance (p below {self._alpha:.3g}, this stage's part of alpha)"

    def _within(self, allowed: str) -> str:
        return f"no harm shown (p above {self._alpha:.3g}, this stage's part of alpha)"
