# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The formulas of trial reports give the figures of statsmodels, which robots do not have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_effectsize
from statsmodels.stats.rates import test_poisson_2indep as poisson_test

from hotswap_ros.gates.analysis.fixed import (
    POWER,
    cohens_h,
    detectable_drop,
    event_test,
    power,
    tasks_per_arm,
)

RATES = st.floats(0.01, 0.99)
ALPHAS = st.floats(0.001, 0.2)


@given(RATES, RATES)
def test_effect_size(control: float, candidate: float) -> None:
    expected = proportion_effectsize(candidate, control)
    assert cohens_h(control, candidate) == pytest.approx(expected, abs=1e-12)


@given(RATES, RATES, st.integers(2, 100_000), st.floats(0.1, 10), ALPHAS, st.booleans())
def test_power(
    control: float, candidate: float, tasks: int, ratio: float, alpha: float, one_sided: bool
) -> None:
    effect = abs(proportion_effectsize(candidate, control))
    expected = NormalIndPower().power(
        effect, tasks, alpha, ratio, 'larger' if one_sided else 'two-sided'
    )
    found = power(control, candidate, tasks, ratio, alpha, one_sided=one_sided)
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize('one_sided', [True, False])
@pytest.mark.parametrize('alpha', [0.01, 0.05, 0.1])
@pytest.mark.parametrize(('control', 'candidate'), [(0.92, 0.9), (0.5, 0.7), (0.99, 0.995)])
def test_number_of_tasks(control: float, candidate: float, alpha: float, one_sided: bool) -> None:
    effect = abs(proportion_effectsize(candidate, control))
    side = 'larger' if one_sided else 'two-sided'
    expected = NormalIndPower().solve_power(effect, None, alpha, POWER, 1.0, side)
    found = tasks_per_arm(control, candidate, alpha, one_sided=one_sided)
    assert found == pytest.approx(expected, abs=1.0)


@pytest.mark.parametrize('ratio', [0.5, 1.0, 9.0])
@pytest.mark.parametrize('tasks', [50, 1000, 100_000])
def test_smallest_drop(tasks: int, ratio: float) -> None:
    # The power at that drop: the solver for the drop itself is right to some 2 in 10,000.
    effect = proportion_effectsize(0.92, 0.92 - detectable_drop(0.92, tasks, ratio))
    found = NormalIndPower().power(effect, tasks, 0.05, ratio)
    assert found == pytest.approx(POWER, abs=5e-6)


@given(
    st.tuples(st.integers(0, 30), st.integers(0, 30)).filter(any),
    st.tuples(st.integers(30, 5000), st.integers(30, 5000)),
)
def test_rare_events(events: tuple[int, int], tasks: tuple[int, int]) -> None:
    with np.errstate(divide='ignore'):
        found = poisson_test(events[0], tasks[0], events[1], tasks[1], method='exact-cond')
    assert event_test(events, tasks).p_value == pytest.approx(min(1.0, found.pvalue), rel=1e-9)
