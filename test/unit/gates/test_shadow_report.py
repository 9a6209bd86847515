# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reports on shadows whose truth is known."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from hotswap_ros.gates import wilson_interval
from hotswap_ros.gates.analysis import AnalysisError, ShadowAction, ShadowTask, analyze_shadow


def tasks(number: int, apart: int, steps: int = 10, **fields: float) -> list[ShadowTask]:
    """Return tasks of which some have one step apart."""
    return [
        ShadowTask(f't{n}', steps, steps - (n < apart), steps)._replace(**fields)
        for n in range(number)
    ]


def test_full_agreement_bounds_success_in_a_deterministic_world() -> None:
    report = analyze_shadow(tasks(1000, 0), 'v23', 'v24')
    assert report.action is ShadowAction.DEPLOY
    assert report.agreement == 1
    assert report.bound == pytest.approx(wilson_interval(0, 1000).high)
    assert 'Deploy v24' in report.sentence


def test_agreement_step_by_step_bounds_nothing() -> None:
    """One step in a hundred differs, but in every task: success may differ in every task."""
    report = analyze_shadow(tasks(500, 500, steps=100), 'v23', 'v24')
    assert report.agreement == pytest.approx(0.99)
    assert report.bound == 1
    assert report.action is ShadowAction.KEEP
    assert 'Keep v23' in report.sentence
    assert 'canary' in report.sentence
    assert 'does not bound success' in report.remarks[0]


def test_the_bound_holds_where_the_world_is_deterministic() -> None:
    """Tasks without disagreement go the same way; the others may go any way."""
    chance = random.Random(1)
    missed = 0
    for _ in range(200):
        drawn, gains = [], 0
        for n in range(100):
            apart, won = chance.random() < 0.1, chance.random() < 0.9
            shadow_won = (chance.random() < 0.5) if apart else won
            gains += shadow_won - won
            drawn.append(ShadowTask(str(n), 5, 5 - apart, 5))
        missed += abs(gains) / 100 > analyze_shadow(drawn).bound
    assert wilson_interval(missed, 200).low <= 0.05


def test_steps_of_one_task_are_alike() -> None:
    spread = analyze_shadow([ShadowTask(str(n), 50, 45, 50) for n in range(40)])
    lumped = analyze_shadow([ShadowTask(str(n), 50, 50 * (n >= 4), 50) for n in range(40)])
    assert spread.agreement == lumped.agreement == 0.9
    assert spread.design_effect == 1
    assert lumped.design_effect == pytest.approx(50, rel=0.05)
    width = lumped.interval.high - lumped.interval.low
    assert width > 5 * (spread.interval.high - spread.interval.low)


def test_what_was_not_compared_may_differ() -> None:
    dropped = [ShadowTask(str(n), 8, 8, 10) for n in range(100)]
    report = analyze_shadow(dropped)
    assert report.coverage == pytest.approx(0.8)
    assert report.tasks_apart == 100
    assert report.bound == 1
    little = analyze_shadow([ShadowTask(str(n), 4, 4, 10) for n in range(100)])
    assert little.action is ShadowAction.KEEP
    assert '40.0% of the observations' in little.sentence


def test_tasks_that_cannot_be_told_apart_count_as_so_many() -> None:
    """Of four together, one step without agreement is one task, ten are all of them."""
    together = [ShadowTask('', 40, 40 - apart, 40, tasks=4) for apart in (0, 1, 10) * 10]
    report = analyze_shadow(together)
    assert (report.tasks, report.tasks_apart) == (120, 10 + 40)
    assert '70 of 120 tasks' in report.sentence
    assert report.bound == pytest.approx(wilson_interval(50, 120).high)


def test_without_coverage_per_task_no_bound_is_claimed() -> None:
    unknown = [ShadowTask(str(n), 10, 10) for n in range(100)]
    report = analyze_shadow(unknown, offered=1100)
    assert report.coverage == pytest.approx(1000 / 1100)
    assert math.isnan(report.bound)
    assert report.action is ShadowAction.KEEP
    assert analyze_shadow(unknown, offered=1000).action is not ShadowAction.RETRAIN
    assert not math.isnan(analyze_shadow(unknown, offered=1000).bound)


def test_no_dropped_observation_is_claimed_where_their_number_is_unknown() -> None:
    compared = [ShadowTask(str(n), 10, 10) for n in range(100)]
    unknown, dropped = analyze_shadow(compared), analyze_shadow(compared, offered=1100)
    assert math.isnan(unknown.coverage)
    assert math.isnan(unknown.bound)
    assert any('offered' in remark for remark in unknown.remarks)
    assert len(unknown.remarks) == len(dropped.remarks)
    assert not set(unknown.remarks[1:]) & set(dropped.remarks)


def test_few_tasks_decide_nothing() -> None:
    report = analyze_shadow(tasks(19, 0))
    assert report.action is ShadowAction.KEEP
    assert '20 tasks are needed' in report.sentence
    with pytest.raises(AnalysisError, match='nothing was compared'):
        analyze_shadow([])


@pytest.mark.parametrize(
    ('v23', 'v24', 'action'),
    [
        (0.92, 0.92, ShadowAction.DEPLOY),
        (0.80, 0.92, ShadowAction.DEPLOY),
        (0.92, 0.80, ShadowAction.RETRAIN),
    ],
)
def test_an_outcome_model_decides(v23: float, v24: float, action: ShadowAction) -> None:
    chance = random.Random(3)
    drawn = []
    for task in tasks(3000, 1500):
        luck = chance.random()  # most of a task's difficulty is the same for both
        drawn.append(task._replace(success=float(luck < v23), shadow_success=float(luck < v24)))
    report = analyze_shadow(drawn, 'v23', 'v24')
    assert report.action is action
    assert report.estimate is not None
    assert any('no real outcome' in remark for remark in report.remarks)


def logged(number: int, seed: int, shadow: float, model: bool = False) -> list[ShadowTask]:
    """Draw tasks of a stochastic policy: going left (half the time) wins 90%, right 50%."""
    chance = random.Random(seed)
    drawn = []
    for n in range(number):
        left = chance.random() < 0.5
        drawn.append(
            ShadowTask(str(n), 1, 1, 1)._replace(
                success=float(chance.random() < (0.9 if left else 0.5)),
                propensity=0.5,
                shadow_propensity=shadow if left else 1 - shadow,
                model=(0.9 if left else 0.5) if model else math.nan,
                shadow_model=(0.9 * shadow + 0.5 * (1 - shadow)) if model else math.nan,
            )
        )
    return drawn


def test_off_policy_estimates_find_the_rate_of_a_policy_that_never_acted() -> None:
    truth = 0.9 * 0.8 + 0.5 * 0.2
    found = [analyze_shadow(logged(400, seed, 0.8, model=True)).off_policy for seed in range(100)]
    assert all(one is not None for one in found)
    for name in ('weighted', 'normalized', 'doubly_robust'):
        assert np.mean([getattr(one, name) for one in found]) == pytest.approx(truth, abs=0.01)
    inside = sum(one.interval.low <= truth <= one.interval.high for one in found if one)
    assert wilson_interval(100 - inside, 100).low <= 0.05
    spreads = [np.std([getattr(one, n) for one in found]) for n in ('weighted', 'doubly_robust')]
    assert spreads[1] < spreads[0]


def test_the_effective_sample_size_is_kongs() -> None:
    report = analyze_shadow(logged(1000, 1, 0.8)).off_policy
    assert report is not None
    # Weights 1.6 and 0.4, half of each: (Σw)²/Σw² = 1000/1.36.
    assert report.effective == pytest.approx(1000 / 1.36, rel=0.03)
    assert math.isnan(report.doubly_robust)


def test_an_off_policy_estimate_alone_never_deploys() -> None:
    drawn = [task._replace(agreed=0) for task in logged(5000, 2, 1.0)]
    report = analyze_shadow(drawn)
    assert report.off_policy is not None
    assert report.off_policy.weighted > 0.85
    assert report.action is ShadowAction.KEEP
    assert any('never a sufficient reason' in remark for remark in report.remarks)


def test_impossible_propensities_are_refused() -> None:
    wrong = [task._replace(propensity=0.0) for task in logged(50, 3, 0.8)]
    with pytest.raises(AnalysisError, match='propensities'):
        analyze_shadow(wrong)


def test_twenty_tasks_without_a_failure_leave_doubt() -> None:
    """Half of the steps agree, and a simulator saw no failure in twenty tasks."""
    few = [ShadowTask(str(n), 10, 5, 10, success=1.0, shadow_success=1.0) for n in range(20)]
    report = analyze_shadow(few, 'v23', 'v24')
    assert report.estimate is not None
    low, high = report.estimate.interval
    assert low < -0.05
    assert high > 0.05
    assert report.action is ShadowAction.KEEP
    many = analyze_shadow(few * 50, 'v23', 'v24')
    assert many.action is ShadowAction.DEPLOY


@pytest.mark.parametrize(
    ('n', 'worse', 'better'),
    [(20, 0.02, 0.02), (50, 0.05, 0.01), (200, 0.01, 0.03), (30, 0.3, 0.2)],
)
def test_the_interval_of_an_estimate_holds(n: int, worse: float, better: float) -> None:
    rng, repetitions, missed = np.random.default_rng(6), 400, 0
    for _ in range(repetitions):
        changes = rng.choice([-1, 0, 1], n, p=[worse, 1 - worse - better, better])
        drawn = [
            ShadowTask(str(i), 1, 1, 1, success=float(c < 1), shadow_success=float(c > -1))
            for i, c in enumerate(changes)
        ]
        found = analyze_shadow(drawn).estimate
        assert found is not None
        missed += not found.interval.low <= better - worse <= found.interval.high
    assert missed <= binom.isf(0.001, repetitions, 0.05)


def test_propensities_that_contradict_each_other_give_no_estimate() -> None:
    """The shadow's are of one step, the stable version's of the whole task."""
    drawn = [
        ShadowTask(str(n), 10, 9, 10, success=float(n % 10 > 0))._replace(
            propensity=0.005, shadow_propensity=0.9 if n % 2 else 0.8
        )
        for n in range(300)
    ]
    report = analyze_shadow(drawn)
    assert report.off_policy is not None
    assert not report.off_policy.is_consistent
    assert report.off_policy.weighted <= 1
    assert any('contradict' in remark and '170' in remark for remark in report.remarks)
    assert not any('effective tasks' in remark for remark in report.remarks)


def test_consistent_propensities_are_seldom_refused() -> None:
    found = [analyze_shadow(logged(200, seed, 0.9)).off_policy for seed in range(100)]
    assert sum(not one.is_consistent for one in found if one is not None) <= 2


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.floats(0.001, 1), st.floats(0, 1)), min_size=2, max_size=40
    )
)
def test_no_estimate_is_beyond_a_rate(rows: list[tuple[float, float, float]]) -> None:
    drawn = [
        ShadowTask(str(n), 1, 1, 1, success, success, logged, own, success, success)
        for n, (success, logged, own) in enumerate(rows)
    ]
    report = analyze_shadow(drawn)
    if report.off_policy is not None:
        found = report.off_policy
        rates = (found.weighted, found.normalized, found.doubly_robust, *found.interval)
        assert all(0 <= rate <= 1 + 1e-9 for rate in rates)
