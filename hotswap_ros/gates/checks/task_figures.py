# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Checks of what tasks report beside their success: progress, duration and interventions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hotswap_ros.gates.checks.figure_check import FigureCheck
from hotswap_ros.gates.pairing.tasks import Arm
from hotswap_ros.gates.result import CheckResult, Verdict
from hotswap_ros.gates.stats.betting import CountEvidence, ScoreEvidence
from hotswap_ros.gates.window import Window
from hotswap_ros.models import PROGRESS_UNIT
from hotswap_ros.plan import SuccessCriteria
from hotswap_ros.text import count, evidence_words, percent, points


class ProgressCheck(FigureCheck[ScoreEvidence]):
    """
    Check that the mean progress of tasks is not lower with the candidate, and prove it.

    The null is "not lower", or "not lower by more than the tolerance", as that of success. A proof
    is against "lower by at least the tolerance"; once it is given, it stays.
    """

    name = 'progress'
    _prior = 0.9
    _harm_words = 'lower'

    def __init__(self, criteria: SuccessCriteria, alpha: float) -> None:
        self._tolerance = criteria.max_progress_drop or 0.0
        is_tolerant = criteria.harm_null == 'not_worse_than_tolerance'
        super().__init__(alpha, ScoreEvidence(self._tolerance if is_tolerant else 0.0))
        self._proof = ScoreEvidence(self._tolerance, is_proof=True)
        self._proof_limit = 1 / criteria.alpha
        self._proven = False

    def _total(self, arm: Arm) -> float:
        return min(arm.progress / PROGRESS_UNIT, arm.tasks)

    def _judge(self, arm: Arm, own: bool, share: float, mean: float) -> None:
        total, is_part = self._total(arm), arm.shared > 0
        for evidence in (self._harm, self._proof):
            evidence.add(total, arm.tasks, own, share, mean, is_part=is_part)
        self._proven = self._proven or self._proof.value >= self._proof_limit

    def _is_reported(self, window: Window) -> bool:
        return min(window.candidate.progress_reports, window.control.progress_reports) > 0

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the present verdict, with the proof."""
        found = super().result(window, complete=complete)
        return replace(
            found,
            threshold=found.control - self._tolerance,
            drop=found.control - found.estimate,
            proof=self._proof.value,
            proof_limit=self._proof_limit,
            is_proven=self._proven,
        )

    def _figures(self, window: Window, control: float, own: float) -> str:
        return (
            f'{window.candidate_name} reaches a mean progress of {percent(own)} in '
            f'{count(self._tasks[1], "task")}, {window.control_name} {percent(control)} in '
            f'{self._tasks[0]:,}'
        )

    def _end(self, verdict: Verdict) -> str:
        text = super()._end(verdict)
        if verdict is not Verdict.PASS:
            return text
        bound = 'not lower'
        if self._tolerance:
            bound = f'at most {points(self._tolerance)} lower'
        shown = 'and' if self._proven else 'but not'
        words = evidence_words(self._proof.value, self._proof_limit)
        return f'{text}, {shown} proven to be {bound} ({words})'

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {**super().dump(), 'proof': self._proof.dump(), 'proven': self._proven}

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        super().load(data)
        self._proof.load(data['proof'])
        self._proven = data['proven']


class DurationCheck(FigureCheck[ScoreEvidence]):
    """
    Check that tasks do not take longer on average with the candidate, by more than is allowed.

    A task that fails, or takes longer, counts as the limit: who gives up what takes long is not
    fast. So the figure is a mean restricted to the limit, here as a part of it. The
    candidate's is divided by 1 + `max_duration_increase`, and the scores that are compared are 1
    less the figures.

    Of several tasks, only the sum of durations is known, and not what a limit leaves of each.
    What counts is what tells least against the candidate.
    """

    name = 'duration'
    _prior = 0.5
    _harm_words = 'longer than allowed'

    def __init__(self, criteria: SuccessCriteria, alpha: float) -> None:
        self._limit_s = criteria.duration_limit_s or 0.0
        self._allowed = criteria.max_duration_increase or 0.0
        super().__init__(alpha, ScoreEvidence())

    def _total(self, arm: Arm) -> float:
        return self._parts(arm, arm.succeeded)

    def _parts(self, arm: Arm, most: int) -> float:
        """Return the time in limits, where those that succeeded took at most so many limits."""
        took = min(arm.duration_ms / (1000 * self._limit_s), most)
        return arm.tasks - arm.succeeded + took

    def _judge(self, arm: Arm, own: bool, share: float, mean: float) -> None:
        time = self._total(arm)
        if own:
            # All of a sum may have been one task's; of a part of it, none.
            time = self._parts(arm, 0 if arm.shared else min(1, arm.succeeded))
            time /= 1 + self._allowed
        is_part = arm.shared > 0
        self._harm.add(arm.tasks - time, arm.tasks, own, share, 1 - mean, is_part=is_part)

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the present verdict, with durations in seconds."""
        found = super().result(window, complete=complete)
        control = self._limit_s * found.control
        return replace(
            found,
            estimate=self._limit_s * found.estimate,
            control=control,
            threshold=(1 + self._allowed) * control,
        )

    def _figures(self, window: Window, control: float, own: float) -> str:
        return (
            f'Tasks take {self._limit_s * own:.3g} s on average with {window.candidate_name} '
            f'({self._tasks[1]:,}) and {self._limit_s * control:.3g} s with '
            f'{window.control_name} ({self._tasks[0]:,}), where a failed one counts as '
            f'{self._limit_s:.3g} s and {percent(self._allowed)} more are allowed'
        )


class InterventionCheck(FigureCheck[CountEvidence]):
    """Check that people do not help more often with the candidate, by CountEvidence."""

    name = 'interventions'
    _prior = 0.05
    _harm_words = 'more often'

    def __init__(self, alpha: float) -> None:
        super().__init__(alpha, CountEvidence())

    def _total(self, arm: Arm) -> float:
        return float(arm.interventions)

    def _judge(self, arm: Arm, own: bool, share: float, mean: float) -> None:
        self._harm.add(arm.interventions, arm.tasks, own, share, mean)

    def _figures(self, window: Window, control: float, own: float) -> str:
        control_total, total = (round(found) for found in self._totals)
        return (
            f'People helped {count(total, "time")} in {count(self._tasks[1], "task")} with '
            f'{window.candidate_name} and {count(control_total, "time")} in '
            f'{self._tasks[0]:,} with {window.control_name}'
        )
