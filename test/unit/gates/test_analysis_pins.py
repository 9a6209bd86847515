# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The figures that reports rest on, against published and independently computed ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, chi2_contingency, multivariate_normal, norm

from hotswap_ros.gates import wilson_interval
from hotswap_ros.gates.analysis import Counts, Latency, Record, Trial, find_design
from hotswap_ros.gates.analysis.comparison import Comparison
from hotswap_ros.gates.analysis.fixed import (
    cohens_h,
    detectable_drop,
    event_test,
    power,
    quantile_interval,
    sample_ratio_test,
    tasks_per_arm,
    tasks_per_arm_not_inferior,
)
from hotswap_ros.gates.analysis.planned_looks import obrien_fleming_bounds
from hotswap_ros.gates.pairing.clustering import design_effect
from hotswap_ros.gates.stats.intervals import newcombe_interval, score_test

V23, V24 = Counts(9200, 10_000), Counts(9210, 10_000)


def compared(control: Counts, candidate: Counts) -> Comparison:
    records = [
        Record('v23', control.tasks, control.successes),
        Record('v24', candidate.tasks, candidate.successes),
    ]
    return Comparison.of(find_design(Trial.of(records), 'v23', 'v24'), 'v24')


def test_the_guides_example_has_no_significant_difference() -> None:
    found = compared(V23, V24)
    # Pearson's chi-square without Yates correction, but for the factor of Mantel and Haenszel.
    assert found.chi_square * 20_000 / 19_999 == pytest.approx(0.06832491228789385, abs=1e-12)
    assert found.difference(0.025).p_value == pytest.approx(0.7938, abs=5e-5)
    table = [[9200, 800], [9210, 790]]
    assert chi2_contingency(table, correction=False)[1] == pytest.approx(0.7938, abs=5e-5)
    # The statistic of Miettinen and Nurminen for "two points worse".
    assert norm.isf(found.p_better(-0.02)) == pytest.approx(5.4557, abs=5e-5)


def test_the_guides_example_in_interval_effect_and_power() -> None:
    # The score interval is Newcombe's to five digits here.
    newcombe = newcombe_interval(*V23, *V24)
    assert newcombe == pytest.approx((-0.0085041, 0.0065033), abs=5e-8)
    interval = compared(V23, V24).difference(0.025).interval
    assert interval == pytest.approx((-newcombe.high, -newcombe.low), abs=2e-6)
    assert cohens_h(0.920, 0.921) == pytest.approx(0.0036966351, abs=5e-11)
    assert power(0.920, 0.921, 10_000) == pytest.approx(0.058, abs=5e-4)


@pytest.mark.parametrize(
    ('other', 'tasks'), [(0.94, 2543), (0.90, 3205), (0.88, 875), (0.85, 319)]
)
def test_tasks_per_arm(other: float, tasks: int) -> None:
    assert tasks_per_arm(0.92, other) == tasks
    assert power(0.92, other, tasks) >= 0.8 > power(0.92, other, tasks - 1)


def test_tasks_per_arm_for_non_inferiority() -> None:
    assert tasks_per_arm_not_inferior(0.92, 0.02) == 2276


def test_the_detectable_drop_is_the_other_way_round() -> None:
    assert detectable_drop(0.92, 875) == pytest.approx(0.04, abs=2e-5)


def test_small_samples() -> None:
    assert binom.cdf(89, 100, 0.92) == pytest.approx(0.17566699553, abs=1e-11)
    assert wilson_interval(92, 100) == pytest.approx((0.850019, 0.958907), abs=5e-7)
    assert score_test(1748, 1900, 88, 100, 0.0) == pytest.approx(0.077710, abs=5e-7)
    assert compared(Counts(1748, 1900), Counts(88, 100)).p_worse() == pytest.approx(
        0.07771, abs=5e-6
    )


def test_stuck_tasks_and_sample_ratio() -> None:
    assert event_test((3, 1), (100, 1900)).p_value == pytest.approx(0.00048125, abs=5e-9)
    assert event_test((3, 1), (100, 1900)).statistic == pytest.approx(57)
    assert event_test((0, 0), (100, 1900)).p_value == 1
    assert event_test((3, 0), (100, 1900)).statistic == math.inf
    assert sample_ratio_test(5000, 5200).p_value == pytest.approx(0.0476704, abs=5e-8)
    assert sample_ratio_test(1000, 3000, share=0.75).p_value == pytest.approx(1)


def test_lan_demets_bounds() -> None:
    bounds = obrien_fleming_bounds([0.2, 0.4, 0.6, 0.8, 1.0])
    assert bounds == pytest.approx((4.8769, 3.3570, 2.6803, 2.2898, 2.0310), abs=5e-5)
    assert obrien_fleming_bounds([1.0]) == pytest.approx((norm.isf(0.025),))


def test_lan_demets_bounds_spend_alpha_and_no_more() -> None:
    """By the joint distribution of z at three uneven looks, not by the recursion."""
    times = np.array([0.3, 0.5, 1.0])
    bounds = obrien_fleming_bounds(times)
    covariance = np.sqrt(np.minimum.outer(times, times) / np.maximum.outer(times, times))
    stays_below = multivariate_normal(cov=covariance).cdf(bounds)
    assert 1 - stays_below == pytest.approx(0.025, abs=1e-4)


@pytest.mark.parametrize('fractions', [(), (0.5, 0.5), (0.5, 1.1), (0.0, 1.0)])
def test_looks_that_cannot_be(fractions: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match='looks must rise'):
        obrien_fleming_bounds(fractions)


def test_a_p95_has_the_interval_of_its_order_statistics() -> None:
    found, interval = quantile_interval(Latency(np.arange(1, 201.0), np.ones(200, np.int64)))
    assert found == 190
    assert interval == (184, 197)
    # Coverage by the binomial: the k-th of 200 is below the quantile when at least k values are.
    covered = binom.cdf(196, 200, 0.95) - binom.cdf(183, 200, 0.95)
    assert covered >= 0.95


def test_a_histogram_is_its_samples() -> None:
    histogram = Latency(np.array([10.0, 20.0, 50.0]), np.array([500, 440, 60]), 'requests')
    found, interval = quantile_interval(histogram)
    assert (found, interval.high) == (50, 50)


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_tests_answer_for_every_outcome(n: int, m: int, data: st.DataObject) -> None:
    control = Counts(data.draw(st.integers(0, n)), n)
    candidate = Counts(data.draw(st.integers(0, m)), m)
    found = compared(control, candidate)
    whole = found.difference(0.025)
    better, worse = found.p_better(), found.p_worse()
    assert better + worse == pytest.approx(1, abs=1e-9)
    assert whole.p_value == pytest.approx(min(1.0, 2 * min(better, worse)), abs=1e-9)
    low, high = whole.interval
    assert low - 1e-9 <= candidate.rate - control.rate <= high + 1e-9
    # One method: the interval excludes what its own test rejects.
    for difference in (-0.3, -0.02, 0.0, 0.1):
        assert (found.p_better(difference) < 0.025) == (low > difference)
        assert (found.p_worse(difference) < 0.025) == (high < difference)


def test_a_design_effect_is_that_of_kish() -> None:
    assert design_effect([50] * 4, 0.05) == pytest.approx(1 + 49 * 0.05)
    assert design_effect([50] * 4, -0.1) == 1
    assert design_effect([], 0.5) == 1
