# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Verdicts on trials whose truth is known: one method, its error rates, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, ttest_1samp, ttest_ind
from statsmodels.stats.contingency_tables import StratifiedTable

from hotswap_ros.gates.analysis import (
    Action,
    AnalysisError,
    Question,
    Record,
    Trial,
    analyze,
    find_design,
)
from hotswap_ros.gates.analysis.by_category import by_category as categories_of
from hotswap_ros.gates.analysis.by_category import split_alpha
from hotswap_ros.gates.analysis.comparison import Comparison, restricted_rates
from hotswap_ros.gates.stats.evidence import null_projection

#: The bound of a rate that is at most 5%: more would be found in 1 of 1,000 runs of the test.
REPETITIONS = 100
MOST = int(binom.isf(0.001, REPETITIONS, 0.05))


def counts_in(**arms: tuple[int, int, int, int]) -> Trial:
    """Return counts by category: tasks and successes of v23, and of v24."""
    records = []
    for name, (n, won, own_n, own) in arms.items():
        records += [Record('v23', n, won, category=name), Record('v24', own_n, own, category=name)]
    return Trial.of(records)


def compared(trial: Trial) -> Comparison:
    return Comparison.of(find_design(trial, 'v23', 'v24'), 'v24')


def on_robots(
    rng: np.random.Generator,
    robots: int,
    of_candidate: int = 0,
    tasks: int = 1200,
    correlation: float = 0.1,
    speeds: float = 0.0,
    rate: float = 0.9,
    gain: float = 0.0,
    categories: int = 1,
    parts: int = 1,
    drift: float = 0.0,
) -> Trial:
    """
    Draw counts on robots of different success rates, each with both versions or with one.

    With `of_candidate`, so many robots have the candidate only. `speeds` is the spread of the
    logarithm of the robots' speeds. Over the `parts` of the trial the success rate rises by
    `drift`, and if robots serve both, the candidate's share from 0.1 to 0.9 with it.
    """
    spread = 1 / correlation - 1
    skill = rng.beta(rate * spread, (1 - rate) * spread, robots)
    speed = np.exp(rng.normal(0, speeds, robots))
    has_it = rng.permutation(robots) < of_candidate
    records = []
    for part in range(parts):
        done = part / max(1, parts - 1)
        when = float(part) if parts > 1 else math.nan
        share = 0.1 + 0.8 * done if drift else 0.5
        for number in range(categories):
            n = rng.poisson(tasks / parts / categories * speed / speed.sum())
            own = n * has_it if of_candidate else rng.binomial(n, share)
            arms = [('v24', own, gain), ('v23', n - own, 0.0)]
            # On each robot the trial begins and ends with the candidate.
            for version, did, more in arms if done < 0.5 else arms[::-1]:
                rates = np.clip(skill - 0.1 * number + drift * done + more, 0, 1)
                won = rng.binomial(did, rates)
                records += [
                    Record(version, int(d), int(w), 0, f'r{r}', f'c{number}', when)
                    for r, (d, w) in enumerate(zip(did, won))
                    if d
                ]
    return Trial.of(records)


# -- one method ----------------------------------------------------------------------------------


def test_in_strata_it_is_cochran_mantel_and_haenszel() -> None:
    trial = counts_in(near=(400, 380, 300, 270), far=(50, 20, 200, 100), heavy=(80, 60, 70, 60))
    tables = [[[270, 30], [380, 20]], [[100, 100], [20, 30]], [[60, 10], [60, 20]]]
    expected = StratifiedTable([np.array(t, float) for t in tables]).test_null_odds()
    found = compared(trial)
    assert found.difference(0.025).p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.chi_square == pytest.approx(expected.statistic, rel=1e-9)


def test_over_equal_robots_it_is_the_t_test() -> None:
    rng = np.random.default_rng(3)
    own, other = rng.binomial(100, rng.beta(8, 2, 10)), rng.binomial(100, rng.beta(8, 2, 10))
    across = [Record('v24', 100, int(s), robot_id=f'a{n}') for n, s in enumerate(own)]
    across += [Record('v23', 100, int(s), robot_id=f'b{n}') for n, s in enumerate(other)]
    expected = ttest_ind(own / 100, other / 100, equal_var=False)
    found = compared(Trial.of(across)).difference(0.025)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval(0.95)), rel=1e-9)
    within = [r._replace(robot_id=f'r{n % 10}') for n, r in enumerate(across)]
    gains = (own - other) / 100
    paired = ttest_1samp(gains, 0.0)
    assert compared(Trial.of(within)).difference(0.025).p_value == pytest.approx(paired.pvalue)


@given(
    st.floats(0.01, 0.99),
    st.floats(0.01, 0.99),
    st.integers(5, 500),
    st.integers(5, 500),
    st.floats(0.005, 0.3),
)
def test_restricted_rates_are_the_projection(
    control: float, candidate: float, n_control: int, n: int, drop: float
) -> None:
    """By the closed solution, against the bracketing of the gate."""
    arrays = [np.array([float(x)]) for x in (control, candidate, n_control, n)]
    found = [float(rate[0]) for rate in restricted_rates(*arrays, -drop)]
    expected = null_projection(control, candidate, n_control, n, drop)
    assert found == pytest.approx(expected, abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.booleans(), st.integers(1, 12), st.floats(-0.2, 0.2))
def test_interval_and_p_value_never_disagree(
    seed: int, across: bool, robots: int, gain: float
) -> None:
    rng = np.random.default_rng(seed)
    trial = on_robots(rng, 2 * robots, robots if across else 0, 600, gain=gain, categories=3)
    found = compared(trial)
    whole = found.difference(0.02)
    low, high = whole.interval
    if not found.is_possible:
        assert math.isnan(low)
        assert math.isnan(whole.p_value)
        return
    assert low <= whole.value <= high
    assert (whole.p_value < 0.04) == (low > 0 or high < 0)
    assert (found.p_better(-0.02) < 0.02) == (low > -0.02)


def test_a_drop_is_not_called_small_because_the_day_got_easier() -> None:
    """Pooled, v24 is as good; in each part of the trial it is 4 points worse."""
    rng = np.random.default_rng(5)
    trial = on_robots(rng, 20, tasks=40_000, rate=0.85, gain=-0.04, parts=10, drift=0.1)
    report = analyze(trial)
    assert report.pooled > report.difference + 0.01
    assert report.interval.low < -0.04 < report.interval.high
    assert report.not_inferior_p > 0.5
    assert report.action is Action.KEEP


# -- categories ----------------------------------------------------------------------------------


def test_worse_in_each_category_is_not_promoted_for_its_mix() -> None:
    trial = counts_in(near=(8000, 7600, 8000, 7168), far=(2000, 1000, 200, 91))
    pooled = Trial.of(record._replace(category='') for record in trial.records)
    assert analyze(pooled).action is Action.PROMOTE
    report = analyze(trial)
    assert report.action is Action.KEEP
    assert report.difference < -0.05
    assert report.categories is not None
    assert report.categories.is_unbalanced
    assert any('different task categories' in warning for warning in report.warnings)


def test_better_in_each_category_is_not_kept_for_its_mix() -> None:
    trial = counts_in(near=(8000, 7200, 2000, 1900), far=(200, 90, 2000, 1000))
    pooled = Trial.of(record._replace(category='') for record in trial.records)
    assert analyze(pooled).p_value < 0.001
    assert analyze(pooled).difference < 0
    report = analyze(trial)
    assert report.action is Action.PROMOTE
    assert report.difference > 0.04


def test_better_in_each_category_is_promoted_where_shares_differ_over_time_too() -> None:
    """v24 gets the hard tasks, and the evidence over time pools them."""
    chance = np.random.default_rng(1)
    records = []
    for number in range(8000):
        hard = chance.random() < 0.5
        is_candidate = chance.random() < (0.8 if hard else 0.2)
        rate = (0.5 if hard else 0.9) + 0.05 * is_candidate
        records.append(
            Record(
                'v24' if is_candidate else 'v23',
                successes=int(chance.random() < rate),
                robot_id=f'r{number % 10}',
                category='hard' if hard else 'easy',
                time=float(number),
            )
        )
    assert analyze(Trial.of(records)).action is Action.PROMOTE


def test_one_broken_category_is_the_headline() -> None:
    report = analyze(counts_in(near=(8000, 7600, 8000, 7680), heavy=(100, 97, 100, 30)))
    assert report.action is Action.KEEP
    assert "'heavy'" in report.sentence
    assert '67.0 points worse' in report.sentence
    assert 'enough' not in report.sentence
    assert report.categories is not None
    worst = report.categories.compared[0]
    assert worst.name == 'heavy'
    assert worst.is_worse


def test_a_category_that_cannot_be_compared_is_named() -> None:
    report = analyze(counts_in(near=(500, 450, 500, 450), heavy=(500, 400, 5, 0)))
    assert any("'heavy'" in warning for warning in report.warnings)


def test_versions_with_different_categories_are_not_compared() -> None:
    trial = counts_in(near=(500, 450, 0, 0), far=(0, 0, 500, 400))
    with pytest.raises(AnalysisError, match='same category'):
        analyze(trial)


def test_categories_of_a_fair_assignment_are_balanced() -> None:
    rng = np.random.default_rng(8)
    found = [
        categories_of(
            find_design(on_robots(rng, 8, categories=3), 'v23', 'v24'), 'v23', 'v24', 0.01
        )
        for _ in range(REPETITIONS)
    ]
    low = sum(one.balance_p < 0.05 for one in found if one is not None)
    assert 0 < low <= MOST


# -- assignment ----------------------------------------------------------------------------------


def test_an_unknown_plan_is_not_taken_for_one_half() -> None:
    """95 to 5, of which nobody said what was planned: a drop of 4 points is found."""
    trial = Trial.of([Record('v23', 9500, 8740), Record('v24', 500, 440)])
    report = analyze(trial)
    assert report.action is Action.KEEP
    assert 'worse beyond chance' in report.sentence
    assert not any('assignment' in warning for warning in report.warnings)
    planned = analyze(trial, question=Question(share=0.05))
    assert planned.ratio is not None
    assert not planned.ratio.is_alarm
    broken = analyze(trial, question=Question(share=0.5))
    assert broken.action is Action.REPEAT
    assert '4.0 points worse' in broken.sentence


# -- few robots ----------------------------------------------------------------------------------


@pytest.mark.parametrize('of_each', [1, 2, 3])
def test_few_robots_with_one_version_each_show_nothing(of_each: int) -> None:
    rng = np.random.default_rng(2)
    report = analyze(on_robots(rng, 2 * of_each, of_each, gain=-0.3))
    assert report.action is Action.KEEP
    assert not report.is_decidable
    assert 'At least 4 robots' in report.sentence
    assert 'enough if' not in report.sentence


def test_evidence_over_time_needs_both_versions_on_a_robot() -> None:
    rng = np.random.default_rng(2)
    assert analyze(on_robots(rng, 12, 6, parts=10)).replay is None
    assert analyze(on_robots(rng, 12, parts=10)).replay is not None


WORLDS = {
    'robots unknown': {'robots': 1},
    'one robot': {'robots': 1},
    'three robots with both': {'robots': 3, 'correlation': 0.3},
    'six robots with both': {'robots': 6, 'correlation': 0.3},
    'twenty robots of different speeds with both': {'robots': 20, 'speeds': 1.5},
    'four and four robots': {'robots': 8, 'of_candidate': 4, 'correlation': 0.3},
    'six and six robots of different speeds': {'robots': 12, 'of_candidate': 6, 'speeds': 1.5},
    'five of fifty robots': {'robots': 50, 'of_candidate': 5, 'correlation': 0.02},
    'five of fifty robots that differ much': {
        'robots': 50,
        'of_candidate': 5,
        'correlation': 0.3,
    },
    'a day that gets easier': {'robots': 8, 'parts': 10, 'drift': 0.1, 'rate': 0.8},
    'few failures': {'robots': 8, 'rate': 0.97, 'correlation': 0.02},
}


@pytest.mark.parametrize('world', WORLDS)
def test_equal_versions_are_seldom_called_different(world: str) -> None:
    """What a report may say of three categories: better, worse, or worse in a category."""
    rng = np.random.default_rng(11)
    wrong = 0
    for _ in range(REPETITIONS):
        trial = on_robots(rng, **{'categories': 3, **WORLDS[world]})
        if world == 'robots unknown':
            trial = Trial.of(record._replace(robot_id='') for record in trial.records)
        design = find_design(trial, 'v23', 'v24')
        limit, of_categories = split_alpha(0.05, design)
        found = categories_of(design, 'v23', 'v24', of_categories)
        assert found is not None
        is_worse = any(one.is_worse for one in found.compared)
        wrong += is_worse or compared(trial).difference(limit / 2).p_value < limit
    assert wrong <= MOST


@pytest.mark.parametrize(
    ('robots', 'of_candidate'),
    [(3, 0), (8, 0), (16, 8)],
    ids=['three', 'eight', 'eight and eight'],
)
def test_what_is_at_the_tolerance_is_seldom_called_within_it(
    robots: int, of_candidate: int
) -> None:
    rng = np.random.default_rng(12)
    wrong = 0
    for _ in range(REPETITIONS):
        trial = on_robots(rng, robots, of_candidate, 3000, correlation=0.02, gain=-0.02)
        wrong += compared(trial).p_better(-0.02) < 0.05
    assert wrong <= MOST


def test_a_drop_is_found_on_few_and_on_many_robots() -> None:
    rng = np.random.default_rng(13)
    for robots, of_candidate in ((3, 0), (8, 0), (40, 0), (40, 20)):
        trial = on_robots(rng, robots, of_candidate, 3000, correlation=0.02, gain=-0.1)
        assert analyze(trial).p_value < 0.05
