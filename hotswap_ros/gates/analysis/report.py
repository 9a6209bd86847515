# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The A/B report: all figures about two versions, and a conclusion."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from hotswap_ros.gates.analysis import fixed
from hotswap_ros.gates.analysis.by_category import by_category, split_alpha
from hotswap_ros.gates.analysis.by_robot import by_robot
from hotswap_ros.gates.analysis.comparison import Comparison
from hotswap_ros.gates.analysis.conclusion import conclude
from hotswap_ros.gates.analysis.figures import compare_figures, figures_of
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
from hotswap_ros.gates.analysis.warnings import warnings
from hotswap_ros.gates.diagnosis import AnalysisError, Counts
from hotswap_ros.gates.result import MIN_TASKS
from hotswap_ros.gates.stats.alpha import SUCCESS_SHARE
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
        self.effect = self.robots.design_effect if self.robots else 1.0
        self.figures_found = figures_of(self.design, *self.names, question.duration_limit_s)
        self.limit, self.part = split_alpha(question.alpha, self.design, len(self.figures_found))
        self.tail = self.limit if question.one_sided else self.limit / 2
        self.comparison = Comparison.of(self.design, self.names[1])
        if math.isnan(self.comparison.value):
            raise AnalysisError(_nothing_compared(self.design, *self.names))

    def figures(self) -> Analysis:
        question, sizes = self.question, (self.control.tasks, self.candidate.tasks)
        arms, comparison = (self._arm(0), self._arm(1)), self.comparison
        stuck = fixed.event_test((arms[1].stuck, arms[0].stuck), (sizes[1], sizes[0]))
        found = comparison.difference(self.tail, one_sided=question.one_sided)
        ratio, even_p = self._ratio()
        looks = self._looks()
        is_running = bool(question.planned) and not (looks and looks[-1].fraction >= 1)
        return Analysis(
            question=question,
            control=arms[0],
            candidate=arms[1],
            design=self.design.kind,
            pooled=self.candidate.rate - self.control.rate,
            difference=found.value,
            interval=found.interval,
            p_value=found.p_value,
            limit=self.limit,
            tail=self.tail,
            chi_square=comparison.chi_square,
            unit=comparison.unit,
            strata=comparison.strata,
            compared=comparison.tasks,
            effect_size=fixed.cohens_h(self.control.rate, self.candidate.rate),
            not_inferior_p=comparison.p_better(-question.tolerance),
            size=self._size(),
            robots=self.robots,
            categories=by_category(self.design, *self.names, self.part),
            figures=compare_figures(
                self.figures_found, self.design, self.names[1], self.part, question.share
            ),
            stuck_ratio=stuck.statistic,
            stuck_p=stuck.p_value,
            ratio=ratio,
            even_p=even_p,
            replay=replay(
                self.design,
                *self.names,
                tolerance=question.tolerance,
                # A running trial spends half of alpha on harm, and half on benefit.
                alpha=question.alpha / 2 / SUCCESS_SHARE if is_running else question.alpha,
            ),
            looks=looks,
            left_out=self.design.left_out,
            apart=self.design.apart,
            data_warnings=(*self.trial.warnings, *self.design.warnings),
            notes=(*self.trial.notes, *self._notes()),
        )

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
            alone = fixed.tasks_per_arm_not_inferior(rate, question.tolerance, self.tail)
            not_inferior = math.ceil(self.effect * alone)
        return Size(
            fixed.power(rate, aim, n, ratio, question.alpha, one_sided=question.one_sided),
            needed,
            not_inferior,
            fixed.detectable_drop(rate, n, ratio, question.alpha),
        )

    def _ratio(self) -> tuple[RatioCheck | None, float]:
        """Return the check of the planned share, and the p value of one half if it is unknown."""
        if self.design.kind == ACROSS and self.robots is not None:
            unit, sizes = 'robots', (self.robots.control_robots, self.robots.candidate_robots)
        else:
            unit, sizes = 'tasks', (self.control.tasks, self.candidate.tasks)
            if self.design.kind == WITHIN and self.design.trial.is_ordered:
                # The records of each robot begin and end with a candidate task.
                robots = len(self.design.trial.records.robot_id.seen())
                sizes = (sizes[0], max(0, sizes[1] - 2 * robots))
        share = self.question.share
        p_value = fixed.sample_ratio_test(*sizes, 0.5 if share is None else share).p_value
        if share is None:
            return None, p_value
        return RatioCheck(unit, *sizes, share, p_value), math.nan

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
        bounds = obrien_fleming_bounds(reached, self.limit / 2)
        return tuple(
            Look(fraction, self._z_at(fraction, now), bound)
            for fraction, bound in zip(reached, bounds)
            if self.design.trial.is_ordered or fraction == reached[-1]
        )

    def _z_at(self, fraction: float, now: float) -> float:
        records = self.design.trial.records
        if not self.design.trial.is_ordered or fraction >= now:
            return self.comparison.z
        first = records[: round(len(records) * fraction / now)]
        return Comparison.of(self.design, self.names[1], first).z

    def _notes(self) -> Iterator[str]:
        control, candidate = self.names
        if self.design.left_out:
            left_out = count(self.design.left_out, 'task')
            yield (
                f'Left out: {left_out} of {control}, or of robots with one version: not done at '
                f'the same time as tasks of {candidate}.'
            )
        if self.question.share is None:
            yield (
                'The sample ratio was not checked, because the planned share is not in the data. '
                'If it did not change, set it with --share.'
            )
        if self.design.kind == ACROSS and self.design.trial.is_ordered:
            yield (
                'Evidence over time is not shown: each robot served one version, and evidence '
                'after every task needs both versions on the same robot.'
            )
        units = {one.unit for one in self.trial.latency.values()}
        if 'requests' in units:
            yield (
                'Latencies are of single requests, at the edges of histogram buckets. Requests of '
                'one task are similar, so their intervals are too narrow.'
            )


def _nothing_compared(design: Design, control: str, candidate: str) -> str:
    when = ' at the same time' if design.trial.is_ordered else ''
    return (
        f'{control} and {candidate} did no tasks of the same category{when}, so nothing can be '
        'compared: give tasks of every category to both versions while the trial runs'
    )
