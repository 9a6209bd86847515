# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Trials whose tasks report progress, duration and interventions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, ttest_ind

from hotswap_ros.gates.analysis import (
    Action,
    FigureDifference,
    Question,
    Record,
    Trial,
    analyze,
)

_REPETITIONS = 100


def trial_of(
    seed: int, tasks: int = 1200, robots: int = 12, **worse: float
) -> tuple[Trial, list[Record]]:
    """Return a trial within robots, with figures of v24 that are `worse` by so much."""
    rng = np.random.default_rng(seed)
    of_robots = rng.normal(0, 0.1, robots)
    records = []
    for number in range(tasks):
        is_own = rng.random() < 0.5
        harm = worse if is_own else {}
        robot = int(rng.integers(robots))
        won = rng.random() < 0.6
        part = rng.beta(2, 2) + of_robots[robot] - harm.get('progress', 0.0)
        records.append(
            Record(
                'v24' if is_own else 'v23',
                1,
                int(won),
                robot_id=f'r{robot}',
                time=float(number),
                progress=1.0 if won else float(np.clip(part, 0, 1)),
                duration_s=rng.gamma(4, 5 * (1 + harm.get('duration', 0.0))),
                interventions=float(rng.poisson(0.1 * (1 + harm.get('interventions', 0.0)))),
            )
        )
    return Trial.of(records), records


def by_name(trial: Trial, **question: float) -> dict[str, FigureDifference]:
    return {one.name: one for one in analyze(trial, question=Question(**question)).figures}


@pytest.mark.parametrize('name', ['progress', 'duration', 'interventions'])
def test_a_figure_that_is_worse_keeps_the_control(name: str) -> None:
    harm = {'progress': 0.5, 'duration': 0.5, 'interventions': 2.0}[name]
    trial, _ = trial_of(1, **{name: harm})
    report = analyze(trial, question=Question(share=0.5, duration_limit_s=60.0))
    found = {one.name: one for one in report.figures}
    assert [one for one in found if found[one].is_worse] == [name]
    assert report.action is Action.KEEP
    assert name in report.sentence
    # The gate's own check finds it too, before the end.
    assert found[name].evidence >= found[name].evidence_limit
    assert 0 < found[name].alarm < report.candidate.tasks
    # The interval excludes zero where the p value decides, and its sign says which is worse.
    low, high = found[name].interval
    assert (high < 0) if name == 'progress' else (low > 0)


def test_one_stratum_agrees_with_welch() -> None:
    rng = np.random.default_rng(2)
    own, other = rng.gamma(4, 5, 400), rng.gamma(4, 5.5, 300)
    records = [Record('v23', 1, 1, duration_s=float(x)) for x in own]
    records += [Record('v24', 1, 1, duration_s=float(x)) for x in other]
    found = by_name(Trial.of(records))['duration']
    assert found.difference == pytest.approx(other.mean() - own.mean())
    expected = ttest_ind(other, own, equal_var=False, alternative='greater').pvalue
    assert found.p_value == pytest.approx(expected, rel=0.05)


def test_equal_versions_are_seldom_called_worse_in_anything() -> None:
    wrong = gates = 0
    for seed in range(_REPETITIONS):
        trial, _ = trial_of(seed, tasks=400, robots=8)
        found = analyze(trial, question=Question(share=0.5)).figures
        wrong += any(one.is_worse for one in found)
        gates += any(one.alarm for one in found)
    # Alpha for all three together is 1%.
    assert wrong <= binom.isf(0.001, _REPETITIONS, 0.01)
    assert gates <= binom.isf(0.001, _REPETITIONS, 0.01)


def test_a_failed_task_takes_as_long_as_the_limit() -> None:
    records = [Record('v23', 1, 1, duration_s=10.0)] * 30
    records += [Record('v24', 1, 1, duration_s=10.0)] * 15
    records += [Record('v24', 1, 0, duration_s=1.0)] * 15
    found = by_name(Trial.of(records), duration_limit_s=20.0)['duration']
    assert (found.control, found.candidate) == (10.0, 15.0)


def test_without_reports_nothing_is_compared() -> None:
    trial = Trial.of([Record('v23', 100, 90), Record('v24', 100, 90)])
    report = analyze(trial)
    assert report.figures == ()
    assert report.limit == report.question.alpha


def test_an_unknown_progress_is_that_of_the_outcome() -> None:
    records = [Record(name, 1, 1) for name in ('v23', 'v24') for _ in range(30)]
    records += [Record('v23', 1, 0, progress=0.5), Record('v24', 1, 0)]
    found = by_name(Trial.of(records))['progress']
    assert found.control == pytest.approx(30.5 / 31)
    assert found.candidate == pytest.approx(30 / 31)
