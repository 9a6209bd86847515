# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The success check: the candidate's tasks against the control's on the same robot."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hotswap_ros.gates._evidence import HARM_DROPS, PROOF_DROPS, Block, BlockEvidence
from hotswap_ros.gates._intervals import Interval, confidence_sequence, wilson_interval
from hotswap_ros.gates._result import (
    MIN_TASKS,
    CheckResult,
    Verdict,
    count,
    evidence_words,
    percent,
    verdict_of,
)
from hotswap_ros.gates._window import News, Window
from hotswap_ros.plan import SuccessCriteria

#: What is thought of the control's success rate before any task: Beta(9, 1). A wrong guess costs
#: power, never validity.
_PRIOR_SUCCESSES = 9.0
_PRIOR_TASKS = 10.0


class SuccessCheck:
    """
    Block e-process within robots, against "not worse" or "not worse than the tolerance".

    A block belongs to one robot and closes as soon as both versions have finished a task in it: by
    counts, never by outcomes. A robot's skill, place and hour are the same for both versions, so
    tasks of one robot may be alike; evidence multiplies over blocks and robots. The baseline of an
    alternative is the control's rate in the fleet's earlier blocks, with a Beta(9, 1) prior.
    Once the limit is reached the verdict stands: nothing that comes later takes the alarm back.
    """

    name = 'success'

    def __init__(self, criteria: SuccessCriteria, limit: float) -> None:
        self._tolerance = criteria.max_success_drop
        self._limit = limit
        self._proof_limit = 1 / criteria.alpha
        self._null = self._tolerance if criteria.harm_null == 'not_worse_than_tolerance' else 0.0
        self._harm = BlockEvidence([self._null + drop for drop in HARM_DROPS], self._null)
        self._proof = BlockEvidence(PROOF_DROPS, self._tolerance)
        self._open: dict[str, Block] = {}
        self._compared = Block()
        self._difference = _Difference()

    def add(self, robot_id: str, news: News) -> None:
        """Count finished tasks, and close the robot's block when both versions are in it."""
        control, candidate = news.control, news.candidate
        block = _sum(
            self._open.get(robot_id, Block()),
            Block(control.finished, control.succeeded, candidate.finished, candidate.succeeded),
        )
        if block.control_tasks and block.candidate_tasks:
            self._close(block)
            block = Block()
        self._open[robot_id] = block

    def _close(self, block: Block) -> None:
        if not self._failed:
            self._harm.add(block, self._baseline)
        self._proof.add(block, self._baseline)
        self._difference.add(block)
        self._compared = _sum(self._compared, block)

    @property
    def _baseline(self) -> float:
        successes = self._compared.control_successes + _PRIOR_SUCCESSES
        return successes / (self._compared.control_tasks + _PRIOR_TASKS)

    @property
    def _failed(self) -> bool:
        return self._harm.value >= self._limit

    @property
    def _enough(self) -> bool:
        return min(self._compared.control_tasks, self._compared.candidate_tasks) >= MIN_TASKS

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the verdict of this moment."""
        verdict = verdict_of(failed=self._failed, complete=complete, enough=self._enough)
        candidate, control = window.candidate, window.control
        rate = _rate(candidate.succeeded, candidate.finished)
        control_rate = _rate(control.succeeded, control.finished)
        own = wilson_interval(candidate.succeeded, candidate.finished)
        other = wilson_interval(control.succeeded, control.finished)
        return CheckResult(
            name=self.name,
            verdict=verdict,
            method='e-process',
            sentence=f'{self._figures(window)}: {self._conclusion(verdict)}.',
            estimate=rate,
            control=control_rate,
            low=own.low,
            high=own.high,
            control_low=other.low,
            control_high=other.high,
            threshold=control_rate - self._tolerance,
            evidence=self._harm.value,
            evidence_limit=self._limit,
            n=candidate.finished,
            n_control=control.finished,
        )

    def _figures(self, window: Window) -> str:
        candidate, control = window.candidate, window.control
        if not candidate.finished:
            return f'{window.candidate_name} has not finished a task yet'
        text = (
            f'{window.candidate_name} succeeds in '
            f'{percent(candidate.succeeded / candidate.finished)} of '
            f'{count(candidate.finished, "task")}'
        )
        if not control.finished:
            return f'{text}, {window.control_name} finished none on the same robots'
        text += (
            f', {window.control_name} in {percent(control.succeeded / control.finished)} of '
            f'{control.finished:,} on the same robots'
        )
        return f'{text}; {self._difference.words(self._compared)}' if self._enough else text

    def _conclusion(self, verdict: Verdict) -> str:
        harm = evidence_words(self._harm.value, self._limit)
        if verdict is Verdict.FAIL:
            beyond = f'by more than {_points(self._null)} ' if self._null else ''
            return f'worse {beyond}beyond chance ({harm}): roll back'
        if verdict is Verdict.PENDING:
            return f'no verdict yet ({harm})'
        if verdict is Verdict.PASS:
            return f'no harm shown ({harm}), {self._proof_words()}'
        return (
            f'cannot be decided, {self._compared.candidate_tasks} and '
            f'{self._compared.control_tasks} tasks could be compared on the same robots and '
            f'{MIN_TASKS} of each are needed'
        )

    def _proof_words(self) -> str:
        bound = f'at most {_points(self._tolerance)} worse' if self._tolerance else 'not worse'
        shown = 'and' if self._proof.value >= self._proof_limit else 'but not'
        evidence = evidence_words(self._proof.value, self._proof_limit)
        return f'{shown} proven to be {bound} ({evidence})'

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'harm': list(self._harm.log_e),
            'proof': list(self._proof.log_e),
            'open': {robot_id: list(block) for robot_id, block in self._open.items()},
            'compared': list(self._compared),
            'difference': self._difference.dump(),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Take back what `dump` gave."""
        self._harm.log_e = list(data['harm'])
        self._proof.log_e = list(data['proof'])
        self._open = {robot_id: Block(*block) for robot_id, block in data['open'].items()}
        self._compared = Block(*data['compared'])
        self._difference = _Difference(*data['difference'])


class _Difference:
    """
    Difference in success rate within blocks, weighted as Mantel and Haenszel do.

    A difference of pooled rates would take a baseline that moves while the candidate's share grows
    for a difference between the versions.
    """

    def __init__(
        self,
        total: float = 0.0,
        weight: float = 0.0,
        candidate_variance: float = 0.0,
        control_variance: float = 0.0,
    ) -> None:
        self._total = total
        self._weight = weight
        self._candidate_variance = candidate_variance
        self._control_variance = control_variance

    def add(self, block: Block) -> None:
        control_share = block.control_tasks / (block.control_tasks + block.candidate_tasks)
        candidate_share = 1 - control_share
        self._total += block.candidate_successes * control_share
        self._total -= block.control_successes * candidate_share
        self._weight += block.candidate_tasks * control_share
        self._candidate_variance += block.candidate_tasks * control_share**2
        self._control_variance += block.control_tasks * candidate_share**2

    def interval(self, compared: Block) -> Interval:
        variance = self._candidate_variance * _variance(
            compared.candidate_successes, compared.candidate_tasks
        ) + self._control_variance * _variance(compared.control_successes, compared.control_tasks)
        return confidence_sequence(self._total, variance, self._weight)

    def words(self, compared: Block) -> str:
        low, high = self.interval(compared)
        return (
            f'like for like {_change(self._total / self._weight)} '
            f'(95% confidence sequence: {_span(low, high)})'
        )

    def dump(self) -> list[float]:
        return [self._total, self._weight, self._candidate_variance, self._control_variance]


def _variance(successes: int, tasks: int) -> float:
    # One success and one failure more: no failures among a few tasks does not mean no variance.
    rate = (successes + 1) / (tasks + 2)
    return rate * (1 - rate)


def _sum(one: Block, other: Block) -> Block:
    return Block(*map(sum, zip(one, other)))


def _rate(successes: int, tasks: int) -> float:
    return successes / tasks if tasks else math.nan


def _points(drop: float) -> str:
    return f'{100 * drop:.1f} points'


def _change(difference: float) -> str:
    points = round(100 * difference, 1)
    if points == 0:
        return 'equal'
    return f'{abs(points):.1f} points {"worse" if points < 0 else "better"}'


def _span(low: float, high: float) -> str:
    if low * high > 0:
        return f'{abs(100 * low):.1f} to {_change(high)}'
    return f'{_change(low)} to {_change(high)}'
