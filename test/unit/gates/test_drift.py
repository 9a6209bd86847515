# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Drift of input features: two measures, and how much of them is chance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp, norm

from hotswap_ros.gates.analysis import (
    AnalysisError,
    Drift,
    Level,
    TrainingFeature,
    decile_drift,
    feature_drift,
)


def of_normal(shift: float, n: int = 40_000, seed: int = 1) -> Drift:
    rng = np.random.default_rng(seed)
    training = TrainingFeature.of_samples('goal', rng.normal(size=100_000))
    return feature_drift(training, rng.normal(shift, size=n))


@pytest.mark.parametrize(
    ('shift', 'level'), [(0.0, Level.NONE), (0.4, Level.SOME), (1.0, Level.STRONG)]
)
def test_a_shift_has_the_index_and_distance_of_theory(shift: float, level: Level) -> None:
    """Between deciles of a normal distribution both can be computed."""
    edges = norm.ppf(np.arange(1, 10) / 10)
    shares = np.diff(norm.cdf(edges - shift), prepend=0.0, append=1.0)
    found = of_normal(shift)
    assert found.psi == pytest.approx(np.sum((shares - 0.1) * np.log(shares / 0.1)), abs=0.03)
    assert found.ks == pytest.approx(2 * norm.cdf(shift / 2) - 1, abs=0.03)
    assert found.level is level


def test_bins_alone_give_a_lower_bound_of_the_distance() -> None:
    rng = np.random.default_rng(2)
    training, seen = rng.normal(size=5000), rng.normal(0.5, size=3000)
    edges = tuple(np.quantile(training, np.arange(1, 10) / 10))
    found = feature_drift(TrainingFeature('x', edges, (0.1,) * 10), seen)
    exact = ks_2samp(training, seen).statistic
    assert 0.8 * exact < found.ks <= exact + 1e-9
    assert found.training_median == pytest.approx(np.median(training), abs=0.15)


@given(st.lists(st.integers(0, 500), min_size=10, max_size=10).filter(any))
def test_counts_between_deciles_are_as_good_as_values(counts: list[int]) -> None:
    deciles = tuple(float(n) for n in range(1, 10))
    values = np.repeat(np.arange(0.5, 10), counts)
    found = decile_drift('x', counts, deciles)
    expected = feature_drift(TrainingFeature('x', deciles, (0.1,) * 10), values)
    assert (found.psi, found.ks, found.n) == pytest.approx((expected.psi, expected.ks, expected.n))
    assert found.level is expected.level
    assert found.training_median == pytest.approx(5)
    assert found.median == pytest.approx(np.clip(expected.median, 1, 9), abs=1)
    assert math.isnan(decile_drift('x', counts).median)


def test_few_observations_are_no_drift() -> None:
    """Ten observations of three tasks may fall into any bins."""
    found = of_normal(0.0, n=10, seed=3)
    assert found.psi > 0.1
    assert found.level is Level.NONE


def test_observations_of_one_task_are_one() -> None:
    training = TrainingFeature('x', (1.0, 2.0, 3.0), (0.25,) * 4)
    values = np.repeat([0.5, 1.5, 2.5, 3.5], [400, 240, 160, 200])
    assert feature_drift(training, values).level is Level.SOME
    assert feature_drift(training, values, independent=12).level is Level.NONE


def test_a_feature_that_never_changes() -> None:
    training = TrainingFeature.of_samples('gripper', np.zeros(500))
    assert feature_drift(training, np.zeros(500)).psi == pytest.approx(0, abs=1e-3)
    assert feature_drift(training, -np.ones(500)).level is Level.STRONG


@pytest.mark.parametrize(
    ('edges', 'shares', 'words'),
    [
        ((), (1.0,), "'x': .* one edge"),
        ((2.0, 1.0), (0.3, 0.3, 0.4), "'x': .* rising"),
        ((1.0, 2.0), (0.5, 0.5), '2 edges and 2 shares: give one share more'),
        ((1.0,), (0.5, 0.9), 'add up to 1.4'),
    ],
)
def test_impossible_statistics(
    edges: tuple[float, ...], shares: tuple[float, ...], words: str
) -> None:
    with pytest.raises(AnalysisError, match=words):
        TrainingFeature('x', edges, shares)


def test_no_values() -> None:
    with pytest.raises(AnalysisError, match="'x' has no counts"):
        decile_drift('x', [0] * 10)
    with pytest.raises(AnalysisError, match="'x' has no values"):
        feature_drift(TrainingFeature('x', (1.0,), (0.5, 0.5)), np.array([]))
