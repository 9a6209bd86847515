# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The arithmetic of evidence and intervals: pins, and validity by enumeration of every outcome."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint  # type: ignore[import-untyped]

from hotswap_ros.gates import Block, wilson_interval
from hotswap_ros.gates.stats.evidence import (
    HARM_DROPS,
    PROOF_DROPS,
    BlockEvidence,
    RateEvidence,
    block_log_e,
    null_projection,
)
from hotswap_ros.gates.stats.intervals import confidence_sequence

RATES = st.floats(0.01, 0.99)
SIZES = st.integers(1, 5)


def test_the_projection_is_the_pinned_one() -> None:
    projection = null_projection(0.92, 0.80, 190, 10, 0.02)
    assert projection == pytest.approx((0.9158335670, 0.8958335670), abs=1e-10)


@given(RATES, RATES, st.integers(1, 300), st.integers(1, 300), st.floats(0.001, 0.3))
def test_the_projection_solves_the_equation(
    control: float, candidate: float, n_control: int, n_candidate: int, tolerance: float
) -> None:
    low = max(tolerance, min(control, candidate + tolerance)) + 1e-12
    high = min(1.0, max(control, candidate + tolerance)) - 1e-12

    def slope(x: float) -> float:
        y = x - tolerance
        own = n_control * (control - x) / (x * (1 - x))
        return own + n_candidate * (candidate - y) / (y * (1 - y))

    if low >= high or slope(low) * slope(high) >= 0:
        return
    found = null_projection(control, candidate, n_control, n_candidate, tolerance)
    assert found[0] == pytest.approx(brentq(slope, low, high, xtol=1e-14), abs=1e-9)
    assert found[0] - found[1] == pytest.approx(tolerance)


def test_one_block_has_the_pinned_evidence() -> None:
    evidence = BlockEvidence(HARM_DROPS, 0.0)
    evidence.add(Block(190, 175, 10, 6), baseline=0.92)
    assert evidence.value == pytest.approx(14.25685802, abs=1e-8)


def test_evidence_begins_at_one_and_a_one_sided_block_adds_nothing() -> None:
    evidence = BlockEvidence(HARM_DROPS, 0.0)
    assert evidence.value == 1
    evidence.add(Block(50, 45, 0, 0), baseline=0.9)
    assert evidence.value == pytest.approx(1)


@given(SIZES, SIZES, RATES, RATES, RATES, st.floats(0.0, 0.2), st.booleans())
def test_no_null_expects_more_than_one(
    n_control: int,
    n_candidate: int,
    baseline: float,
    true_control: float,
    true_candidate: float,
    tolerance: float,
    harm: bool,
) -> None:
    """The property that everything rests on, over all outcomes of a block."""
    boundary = true_control - tolerance
    true_candidate = max(true_candidate, boundary) if harm else min(true_candidate, boundary)
    if true_candidate <= 0:
        return
    drops = [tolerance + drop for drop in HARM_DROPS] if harm else PROOF_DROPS
    expectation = 0.0
    for s_control, s_candidate in itertools.product(range(n_control + 1), range(n_candidate + 1)):
        evidence = BlockEvidence(drops, tolerance)
        evidence.add(Block(n_control, s_control, n_candidate, s_candidate), baseline)
        expectation += (
            evidence.value
            * binom.pmf(s_control, n_control, true_control)
            * binom.pmf(s_candidate, n_candidate, true_candidate)
        )
    assert expectation <= 1 + 1e-9


def test_an_e_value_holds_for_tasks_that_are_not_alike() -> None:
    """Only the means in a block have to fulfil the null: easy and hard tasks may be mixed."""
    rates = {'control': (0.99, 0.60, 0.85), 'candidate': (0.75, 0.95, 0.74)}
    both = (*rates['control'], *rates['candidate'])
    expectation = 0.0
    for outcome in itertools.product((0, 1), repeat=6):
        chance = math.prod(r if won else 1 - r for r, won in zip(both, outcome))
        block = Block(3, sum(outcome[:3]), 3, sum(outcome[3:]))
        expectation += chance * math.exp(block_log_e(block, (0.9, 0.65), 0.0, (3, 3)))
    assert expectation <= 1


@pytest.mark.parametrize('baseline', [0.001, 0.02, 0.5, 0.999])
def test_evidence_stays_finite_at_the_ends_of_the_scale(baseline: float) -> None:
    for drops, tolerance in ((HARM_DROPS, 0.0), (PROOF_DROPS, 0.02), (PROOF_DROPS, 0.0)):
        for wins in (0, 5000):
            evidence = BlockEvidence(drops, tolerance)
            evidence.add(Block(5000, 5000 - wins, 5000, wins), baseline)
            assert math.isfinite(evidence.value)


@given(st.floats(0.001, 0.9), st.floats(0, 1), st.floats(0, 1))
def test_a_rate_at_its_limit_is_a_fair_bet(limit: float, low: float, high: float) -> None:
    """Whatever two shares have the limit as their mean, the expectation stays 1."""
    low, high = low * limit, limit + high * (1 - limit)
    chance = (limit - low) / (high - low) if high > low else 0.0
    values = []
    for share in (low, high):
        evidence = RateEvidence(limit)
        evidence.add(share)
        values.append(evidence.value)
    assert (1 - chance) * values[0] + chance * values[1] == pytest.approx(1)


def test_the_pinned_wilson_interval() -> None:
    assert wilson_interval(92, 100) == pytest.approx((0.850019, 0.958907), abs=1e-6)


@given(st.integers(1, 5000), st.floats(0, 1))
def test_wilson_agrees_with_statsmodels(n: int, share: float) -> None:
    wins = round(n * share)
    assert wilson_interval(wins, n) == pytest.approx(
        proportion_confint(wins, n, method='wilson'), abs=1e-9
    )


def test_no_data_has_no_interval() -> None:
    assert all(math.isnan(end) for end in wilson_interval(0, 0))
    assert all(math.isnan(end) for end in confidence_sequence(0.0, 0.0, 0.0))


def test_a_confidence_sequence_is_wider_than_an_interval_for_one_look() -> None:
    low, high = confidence_sequence(total=-8.0, variance=8.0, weight=100.0)
    assert low < -0.08 - 1.96 * math.sqrt(8) / 100
    assert high > -0.08 + 1.96 * math.sqrt(8) / 100
