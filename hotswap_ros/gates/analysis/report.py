# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The A/B report: all figures about two versions, and a conclusion."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from hotswap_ros.gates.analysis import fixed
from hotswap_ros.gates.analysis.by_robot import by_hour, by_robot
from hotswap_ros.gates.analysis.conclusion import conclude, warnings
from hotswap_ros.gates.analysis.planned_looks import obrien_fleming_bounds
from hotswap_ros.gates.analysis.replay import replay
from hotswap_ros.gates.analysis.result import Analysis, Arm, Look, Question, RatioCheck, Size
from hotswap_ros.gates.analysis.trial import (
    ACROSS,
    WITHIN,
    Design,
    Trial,
    choose_versions,
    find_design,
)
from hotswap_ros.gates.diagnosis import AnalysisError, Counts
from hotswap_ros.gates.result import MIN_TASKS
from hotswap_ros.gates.stats.intervals import Interval, wilson_interval
from hotswap_ros.text import count


def analyze(
    trial: Trial, control: str = '', candidate: str = '', question: Question | None = None
) -> Analysis:
    """Compare two versions of a trial. Raises AnalysisError if they cannot be compared."""
    figures = _Analyst(trial, control, candidate, question or Question()).figures()
    action, sentence = conclude(figures)
    return replace(figures, action=action, sentence=sentence, warnings=tuple(warnings(figures)))


class _Analyst:
    def __init__(self, trial: Trial, control: str, candidate: str, question: Question) -> None:
        self.trial = trial
        self.names = choose_versions(trial, control, candidate)
        self.question = question
        self.design: Design = find_design(trial, *self.names)
        self.control, self.candidate = (self._counts(name) for name in self.names)
        for name, arm in zip(self.names, (self.control, self.candidate)):
            if arm.tasks < MIN_TASKS:
                raise AnalysisError(
                    f'{name} has {arm.tasks:,} comparable tasks, and each version needs at '
                    f'least {MIN_TASKS}: record more tasks'
                )
        self.robots = by_robot(self.design, *self.names)
        self.hours = by_hour(self.design, self.names[1])
        self.effect = self.robots.design_effect if self.robots else 1.0

    def figures(self) -> Analysis:
        question, sizes = self.question, (self.control.tasks, self.candidate.tasks)
        arms = self._arm(0), self._arm(1)
        stuck = fixed.event_test((arms[1].stuck, arms[0].stuck), (sizes[1], sizes[0]))
        replayed = replay(
            self.design, *self.names, tolerance=question.tolerance, alpha=question.alpha
        )
        return Analysis(
            question=question,
            control=arms[0],
            candidate=arms[1],
            design=self.design.kind,
            difference=self.difference,
            interval=self._interval(),
            chi_square=fixed.chi_square(self.control, self.candidate).statistic,
            p_values=self._p_values(),
            effect_size=fixed.cohens_h(self.control.rate, self.candidate.rate),
            not_inferior_p=self._not_inferior(),
            size=self._size(),
            robots=self.robots,
            hours=self.hours,
            stuck_ratio=stuck.statistic,
            stuck_p=stuck.p_value,
            ratio=self._ratio(),
            replay=replayed,
            looks=self._looks(),
            left_out=self.design.left_out,
            apart=self.design.apart,
            data_warnings=(*self.trial.warnings, *self.design.warnings),
            notes=(*self.trial.notes, *self._notes()),
        )

    @property
    def difference(self) -> float:
        return self.candidate.rate - self.control.rate

    def _counts(self, version: str) -> Counts:
        return self.design.trial.records.of_version(version).counts

    def _arm(self, index: int) -> Arm:
        name, own = self.names[index], (self.control, self.candidate)[index]
        records = self.design.trial.records.of_version(name)
        latency = self.trial.latency.get(name)
        p95, interval = fixed.quantile_interval(latency) if latency else (math.nan, Interval())
        return Arm(
            version=name,
            tasks=own.tasks,
            successes=own.successes,
            rate=own.rate,
            interval=wilson_interval(*own),
            robots=len({*records.robot_id.seen()} - {''}),
            stuck=int(records.stuck.sum()),
            latency_p95_ms=p95,
            latency_interval=interval,
            latency_n=latency.n if latency else 0,
            latency_unit=latency.unit if latency else '',
        )

    def _size(self) -> Size:
        question, rate = self.question, self.control.rate
        aim = min(1.0, rate + question.matters)
        n, ratio = self.control.tasks / self.effect, self.candidate.tasks / self.control.tasks
        needed = not_inferior = 0
        if aim > rate:
            alone = fixed.tasks_per_arm(rate, aim, question.alpha, one_sided=question.one_sided)
            needed = math.ceil(self.effect * alone)
        if question.tolerance and 0 < rate < 1:
            alone = fixed.tasks_per_arm_not_inferior(rate, question.tolerance, question.alpha)
            not_inferior = math.ceil(self.effect * alone)
        return Size(
            fixed.power(rate, aim, n, ratio, question.alpha, one_sided=question.one_sided),
            needed,
            not_inferior,
            fixed.detectable_drop(rate, n, ratio, question.alpha),
        )

    def _interval(self) -> Interval:
        """Return Newcombe's interval for the effective numbers of tasks."""
        return fixed.newcombe_interval(*self._effective())

    def _effective(self) -> tuple[Counts, Counts]:
        if self.effect == 1:
            return self.control, self.candidate
        control, candidate = (
            Counts(*(number / self.effect for number in arm))  # type: ignore[arg-type]
            for arm in (self.control, self.candidate)
        )
        return control, candidate

    def _p_values(self) -> dict[str, float]:
        """Return the p value by tasks, robots and hours, as far as known; one-sided if asked."""
        p_value = fixed.chi_square(self.control, self.candidate).p_value
        found = {'tasks': (p_value, self.difference)}
        if self.robots is not None and not math.isnan(self.robots.p_value):
            found['robots'] = (self.robots.p_value, self.robots.difference)
        if self.hours is not None:
            found['hours'] = (self.hours.p_value, self.hours.difference)
        if not self.question.one_sided:
            return {name: p_value for name, (p_value, _) in found.items()}
        return {
            name: p_value / 2 if difference > 0 else 1 - p_value / 2
            for name, (p_value, difference) in found.items()
        }

    def _not_inferior(self) -> float:
        return fixed.score_test(*self._effective(), self.question.tolerance, worse=False).p_value

    def _ratio(self) -> RatioCheck | None:
        share = self.question.share
        if share is None and self.design.kind == WITHIN:
            return None
        share = 0.5 if share is None else share
        if self.design.kind == ACROSS and self.robots is not None:
            unit, sizes = 'robots', (self.robots.control_robots, self.robots.candidate_robots)
        else:
            unit, sizes = 'tasks', (self.control.tasks, self.candidate.tasks)
            if self.design.kind == WITHIN and self.design.trial.is_ordered:
                # The records of each robot begin and end with a candidate task.
                robots = len(self.design.trial.records.robot_id.seen())
                sizes = (sizes[0], max(0, sizes[1] - 2 * robots))
        return RatioCheck(unit, *sizes, share, fixed.sample_ratio_test(*sizes, share).p_value)

    def _looks(self) -> tuple[Look, ...]:
        """Return the planned looks that the trial has reached."""
        question = self.question
        if not question.planned:
            return ()
        # The precision is that of two arms with the harmonic mean of both sizes.
        now = 2 / (1 / self.control.tasks + 1 / self.candidate.tasks) / question.planned
        fractions = [n / question.looks for n in range(1, question.looks + 1)]
        reached = [fraction for fraction in fractions if fraction <= now]
        if not reached:
            return ()
        if now > 1:
            reached[-1] = 1.0
        bounds = obrien_fleming_bounds(reached, question.alpha / 2)
        return tuple(
            Look(fraction, self._z_at(fraction, now), bound)
            for fraction, bound in zip(reached, bounds)
            if self.design.trial.is_ordered or fraction == reached[-1]
        )

    def _z_at(self, fraction: float, now: float) -> float:
        control, candidate = self.control, self.candidate
        records = self.design.trial.records
        if self.design.trial.is_ordered and fraction < now:
            first = records[: round(len(records) * fraction / now)]
            control, candidate = (first.of_version(name).counts for name in self.names)
        if not control.tasks or not candidate.tasks:
            return 0.0
        return fixed.better_test(control, candidate).statistic / math.sqrt(self.effect)

    def _notes(self) -> Iterator[str]:
        control, candidate = self.names
        if self.design.left_out:
            left_out = count(self.design.left_out, 'task')
            yield (
                f'Left out: {left_out} of {control}, or of robots with one version: not done at '
                f'the same time as tasks of {candidate}.'
            )
        if self.question.share is None and self.design.kind == WITHIN:
            yield (
                'The sample ratio was not checked, because the planned share is not in the data. '
                'If it did not change, set it with --share.'
            )
        units = {one.unit for one in self.trial.latency.values()}
        if 'requests' in units:
            yield (
                'Latencies are of single requests, at the edges of histogram buckets. Requests of '
                'one task are similar, so their intervals are too narrow.'
            )
