# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reports on trials whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from hotswap_ros.gates import wilson_interval
from hotswap_ros.gates.analysis import (
    Action,
    AnalysisError,
    Question,
    Record,
    Trial,
    analyze,
    as_json,
)
from hotswap_ros.gates.analysis.trial import ACROSS, UNKNOWN, WITHIN


def counts(control: tuple[int, int], candidate: tuple[int, int]) -> Trial:
    return Trial.of(
        [
            Record('v23', control[1], control[0]),
            Record('v24', candidate[1], candidate[0]),
        ]
    )


def drawn(
    seed: int,
    tasks: int = 2000,
    robots: int = 20,
    v23: float = 0.92,
    v24: float = 0.92,
    correlation: float = 0.0,
    across: bool = False,
    share: Callable[[float], float] = lambda passed: 0.5,
    day: Callable[[float], float] = lambda passed: 0.0,
) -> Trial:
    """Draw a trial; `share` and `day` are functions of the part of it that has passed."""
    rng = np.random.default_rng(seed)
    spread = 1 / correlation - 1 if correlation else 0.0
    skill = rng.beta(v23 * spread, (1 - v23) * spread, robots) - v23 if spread else [0.0] * robots
    records = []
    for number in range(tasks):
        passed, robot = number / tasks, int(rng.integers(robots))
        candidate = robot % 2 == 1 if across else rng.random() < share(passed)
        rate = (v24 if candidate else v23) + skill[robot] + day(passed)
        records.append(
            Record(
                'v24' if candidate else 'v23',
                successes=int(rng.random() < rate),
                robot_id=f'r{robot}',
                time=float(number),
            )
        )
    return Trial.of(records)


def test_the_guides_example_keeps_v23() -> None:
    report = analyze(counts((9200, 10_000), (9210, 10_000)))
    assert report.action is Action.KEEP
    assert report.p_value == pytest.approx(0.7938, abs=5e-5)
    for figure in (
        'v24 succeeds in 92.1% of 10,000 tasks, v23 in 92.0% of 10,000',
        '0.1 points better (95% interval: 0.9 points better to 0.7 points worse; p = 0.7938',
        'Keep v23. v24 is shown to be at most 2.0 points worse (p < 0.0001)',
    ):
        assert figure in report.sentence
    assert report.size.tasks_needed == 2543
    assert report.size.tasks_needed_not_inferior == 2889
    assert report.design == UNKNOWN


def test_a_gain_beyond_chance_is_promoted_and_a_loss_is_not() -> None:
    better = analyze(counts((9200, 10_000), (9400, 10_000)))
    assert better.action is Action.PROMOTE
    assert better.sentence.endswith('Promote v24.')
    worse = analyze(counts((9400, 10_000), (9200, 10_000)))
    assert worse.action is Action.KEEP
    assert worse.sentence.endswith('Keep v23.')


def test_a_small_gain_that_is_certain_is_called_small() -> None:
    report = analyze(counts((92_000, 100_000), (92_500, 100_000)))
    assert report.action is Action.PROMOTE
    assert report.sentence.endswith(' 2.0 points.')


def test_one_sided_asks_for_better_alone() -> None:
    trial = counts((920, 1000), (941, 1000))
    two_sided, one_sided = analyze(trial), analyze(trial, question=Question(one_sided=True))
    assert one_sided.p_value == pytest.approx(two_sided.p_value / 2)
    assert two_sided.action is Action.KEEP
    assert one_sided.action is Action.PROMOTE
    assert ', one-sided)' in one_sided.sentence
    worse = analyze(counts((941, 1000), (920, 1000)), question=Question(one_sided=True))
    assert worse.p_value > 0.5


def test_a_broken_assignment_is_found_before_anything_is_believed() -> None:
    trial = counts((9200, 10_000), (10_340, 11_000))
    report = analyze(trial, question=Question(share=0.5))
    assert report.action is Action.REPEAT
    assert report.ratio.is_alarm
    for figure in ('v24 got 11,000', 'v23 got 10,000', '50.0% and 50.0%', '2.0 points better'):
        assert figure in report.sentence
    unplanned = analyze(trial)
    assert unplanned.action is Action.PROMOTE
    assert '--share' in unplanned.warnings[0]
    planned = analyze(counts((9200, 10_000), (10_340, 11_000)), question=Question(share=11 / 21))
    assert planned.action is Action.PROMOTE


def test_versions_are_found_and_the_older_is_the_control() -> None:
    trial = Trial.of([Record('v10', 50, 45), Record('v9', 50, 45)])
    report = analyze(trial)
    assert (report.control.version, report.candidate.version) == ('v9', 'v10')
    swapped = analyze(trial, control='v10')
    assert (swapped.control.version, swapped.candidate.version) == ('v10', 'v9')


@pytest.mark.parametrize(
    ('records', 'options', 'words'),
    [
        ([Record('v1', 50, 45)], {}, 'needs two versions, but the data have v1:'),
        (
            [Record(v, 50, 45) for v in ('a', 'b', 'c')],
            {},
            r'3 versions \(a, b, c\): .* --control and',
        ),
        ([Record(v, 50, 45) for v in 'ab'], {'control': 'x'}, "no task of version 'x'"),
        ([Record(v, 5, 4) for v in 'ab'], {}, 'a has 5 comparable tasks, .* 20:'),
        ([], {}, 'the data have none'),
    ],
)
def test_what_cannot_be_compared_is_said(
    records: list[Record], options: dict[str, str], words: str
) -> None:
    with pytest.raises(AnalysisError, match=words):
        analyze(Trial.of(records), **options)


def test_robots_that_serve_one_version_each_are_clusters() -> None:
    report = analyze(drawn(1, 4000, correlation=0.05, across=True))
    assert report.design == ACROSS
    assert report.robots is not None
    assert report.robots.design_effect > 3
    assert report.unit == 'robots'
    assert f'design effect {report.robots.design_effect:.1f}' in report.warnings[0]
    assert report.interval.high - report.interval.low > 0.05


def test_lucky_robots_are_not_promoted() -> None:
    """Equal versions on whole robots: by tasks alone far more than 5% would be significant."""
    by_tasks = decided = 0
    for seed in range(40):
        trial = drawn(seed, 600, correlation=0.05, across=True)
        decided += analyze(trial).p_value < 0.05
        alike = Trial.of(record._replace(robot_id='') for record in trial.records)
        by_tasks += analyze(alike).p_value < 0.05
    assert wilson_interval(by_tasks, 40).low > 0.05
    assert wilson_interval(decided, 40).low <= 0.05


def test_robots_that_serve_both_are_compared_with_themselves() -> None:
    report = analyze(drawn(2, 3000, v24=0.85, correlation=0.1))
    assert report.design == WITHIN
    assert report.robots is not None
    assert report.robots.design_effect == 1
    assert report.action is Action.KEEP
    assert report.replay is not None
    assert report.replay.alarm is not None
    assert f'after {report.replay.alarm.candidate.tasks:,} tasks' in report.sentence
    assert 'the same robots' in report.replay.sentence


def test_tasks_before_and_after_the_candidate_are_left_out() -> None:
    before = [Record('v23', 1, 0, robot_id='r1', time=float(t)) for t in range(50)]
    beside = [Record(f'v2{3 + t % 2}', 1, 1, robot_id='r1', time=100.0 + t) for t in range(60)]
    other = [Record('v23', 1, 0, robot_id='r2', time=float(t)) for t in range(50)]
    report = analyze(Trial.of([*before, *beside, *other]))
    assert report.control.rate == 1
    assert report.left_out == 101


def test_a_moving_baseline_is_no_gain() -> None:
    """The day gets easier while the candidate's share grows: pooled, an equal one looks better."""
    trial = drawn(
        3,
        9000,
        v23=0.88,
        v24=0.88,
        share=lambda passed: (0.1, 0.5, 0.9)[int(3 * passed)],
        day=lambda passed: (0.0, 0.04, 0.07)[int(3 * passed)],
    )
    report = analyze(trial)
    assert report.pooled > 0.015
    assert abs(report.difference) < 0.012
    assert report.action is Action.KEEP
    pooled = [record._replace(time=math.nan) for record in trial.records]
    assert analyze(Trial.of(pooled)).p_value < 0.05
    assert any('did not get the same' in warning for warning in report.warnings)


def test_a_running_trial_goes_on_until_a_bound_is_crossed() -> None:
    question = Question(planned=5000, looks=5)
    early = analyze(drawn(4, 4000, v24=0.95), question=question)
    assert [round(look.bound, 4) for look in early.looks] == [4.8769]
    assert early.action is Action.GO_ON
    late = analyze(drawn(4, 8200, v24=0.96), question=question)
    assert len(late.looks) == 4
    assert late.action is Action.PROMOTE
    assert late.is_running
    (bound,) = {look.bound for look in late.looks if f'{look.bound:.2f}' in late.sentence}
    assert any(look.z >= look.bound == bound for look in late.looks)
    ended = analyze(drawn(4, 11_000, v24=0.96), question=question)
    assert not ended.is_running


def test_counts_without_robots_and_times_are_warned_of() -> None:
    report = analyze(counts((92, 100), (91, 100)))
    assert len(report.warnings) == 2
    assert report.replay is None
    assert 'record more tasks' in report.sentence


def test_a_single_robot_is_warned_of() -> None:
    for robots, text in ((1, 'of one robot'), (2, 'of 2 robots'), (5, 'of 5 robots')):
        assert any(text in warning for warning in analyze(drawn(1, robots=robots)).warnings)
    assert not any('All tasks are of' in one for one in analyze(drawn(1, robots=6)).warnings)


def test_a_report_is_json() -> None:
    found = as_json(analyze(counts((100, 100), (100, 100))))
    assert found['stuck_ratio'] is None
    assert found['action'] == 'keep'
    assert found['control']['interval'][1] == 1.0
