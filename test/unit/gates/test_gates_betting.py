# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Evidence from scores and counts of tasks whose versions were drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotswap_ros.gates.stats.betting import CountEvidence, ScoreEvidence

SHARES = st.floats(0.02, 0.98)
SCORES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=5)
LIMIT = 25.0


def _mean_factor(
    scores: tuple[Sequence[float], Sequence[float]],
    share: float,
    centre: float,
    evidence: tuple[float, bool] = (0.0, False),
) -> float:
    """Return the mean of the evidence of one task, with equally likely scores of each version."""
    mean = 0.0
    for own, values in enumerate(scores):
        for score in values:
            found = ScoreEvidence(evidence[0], is_proof=evidence[1])
            found.add(score, 1, bool(own), share, centre)
            mean += found.value * (share if own else 1 - share) / len(values)
    return mean


@settings(max_examples=60)
@given(SCORES, SHARES, st.floats(0.0, 1.0))
def test_scores_alike_have_no_evidence_on_average(
    scores: list[float], share: float, centre: float
) -> None:
    """Whatever the scores are like, whatever the gate takes for their mean."""
    assert _mean_factor((scores, scores), share, centre) == pytest.approx(1)


@settings(max_examples=60)
@given(SCORES, SCORES, SHARES, st.floats(0.0, 1.0), st.floats(0.0, 0.3))
def test_the_mean_score_alone_decides(
    control: list[float], own: list[float], share: float, centre: float, tolerance: float
) -> None:
    """The evidence grows on average exactly where the null is wrong, also that of a proof."""
    drop = float(np.mean(control) - np.mean(own))
    harm = _mean_factor((control, own), share, centre, (tolerance, False))
    proof = _mean_factor((control, own), share, centre, (tolerance, True))
    if abs(drop - tolerance) > 1e-3:
        assert (harm > 1) == (drop > tolerance)
        assert (proof > 1) == (drop < tolerance)


@settings(max_examples=60)
@given(SCORES, st.booleans(), SHARES, st.floats(0.0, 1.0))
def test_a_sum_of_scores_says_no_more_than_the_scores(
    scores: list[float], own: bool, share: float, centre: float
) -> None:
    """Where a message tells of several tasks, their evidence is never larger."""
    one_by_one, together = ScoreEvidence(), ScoreEvidence()
    for score in scores:
        one_by_one.add(score, 1, own, share, centre)
    together.add(sum(scores), len(scores), own, share, centre)
    assert together.value <= one_by_one.value * (1 + 1e-9)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=5), SHARES, st.floats(0.0, 5.0))
def test_counts_alike_have_no_evidence_on_average(
    counts: list[int], share: float, rate: float
) -> None:
    """Whatever the counts are like, whatever rate the gate expects."""
    mean = 0.0
    for own in (False, True):
        for count in counts:
            evidence = CountEvidence()
            evidence.add(count, 1, own, share, rate)
            mean += evidence.value * (share if own else 1 - share) / len(counts)
    assert mean == pytest.approx(1)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.booleans(), SHARES)
def test_a_sum_of_counts_says_no_more_than_the_counts(
    counts: list[int], own: bool, share: float
) -> None:
    """As for scores."""
    one_by_one, together = CountEvidence(), CountEvidence()
    for count in counts:
        one_by_one.add(count, 1, own, share, 0.1)
    together.add(sum(counts), len(counts), own, share, 0.1)
    assert together.value <= one_by_one.value * (1 + 1e-9)


def test_one_bet_is_as_worked_out_by_hand() -> None:
    """Share 1/2, centre 0.8: the largest bet is 1 / 1.6; bets of 1/8, 1/4, 1/2 and 1 of it.

    Their weights are 1, 1, 2 and 4.
    """
    evidence = ScoreEvidence()
    evidence.add(0.3, 1, True, 0.5, 0.8)
    largest = 0.999 / 1.6
    gain = (0.8 - 0.3) / 0.5
    parts = [1 + part * largest * gain for part in (1 / 8, 1 / 4, 1 / 2, 1)]
    mean = (parts[0] + parts[1] + 2 * parts[2] + 4 * parts[3]) / 8
    assert evidence.value == pytest.approx(mean)


def test_one_count_is_as_worked_out_by_hand() -> None:
    """Two events where one in ten tasks has one: P/share of the two Poisson distributions."""
    evidence = CountEvidence()
    evidence.add(2, 1, True, 0.5, 0.1)

    def likelihood(rate: float) -> float:
        return rate**2 * math.exp(-rate) / 2

    parts = [
        2 * likelihood(0.1 * r) / (likelihood(0.1 * r) + likelihood(0.1)) for r in (1.5, 2, 4, 10)
    ]
    assert evidence.value == pytest.approx(sum(parts) / 4)


def test_nothing_is_learnt_without_a_draw() -> None:
    """A share of all or none of the tasks compares nothing, and no tasks say nothing."""
    scores, counts = ScoreEvidence(), CountEvidence()
    for share in (0.0, 1.0):
        scores.add(0.0, 1, True, share, 0.9)
        counts.add(5, 1, True, share, 0.1)
    scores.add(0.0, 0, True, 0.5, 0.9)
    assert scores.value == counts.value == 1


def test_evidence_continues_from_its_dump() -> None:
    """A coordinator that starts again goes on with the same evidence."""
    first, again = ScoreEvidence(), ScoreEvidence()
    first.add(0.1, 1, True, 0.5, 0.8)
    again.load(first.dump())
    assert again.value == first.value


def _fooled(draw_scores: np.ndarray, draw_counts: np.ndarray, seed: int) -> tuple[int, int]:
    """Return in how many rows, of an equal version each, both kinds of evidence are fooled."""
    rng = np.random.default_rng(seed)
    by_score = by_count = 0
    for scores, counts in zip(draw_scores, draw_counts):
        score, count = ScoreEvidence(), CountEvidence()
        fooled = [False, False]
        mean, rate, n = 0.8, 0.1, 10
        for value, events in zip(scores.tolist(), counts.tolist()):
            own = bool(rng.random() < 0.5)
            score.add(value, 1, own, 0.5, mean)
            count.add(events, 1, own, 0.5, rate)
            fooled = [a or e.value >= LIMIT for a, e in zip(fooled, (score, count))]
            if not own:
                mean, rate = mean + (value - mean) / n, rate + (events - rate) / n
                n += 1
        by_score += fooled[0]
        by_count += fooled[1]
    return by_score, by_count


def test_equal_versions_are_seldom_shown_to_be_worse() -> None:
    """Skewed scores, robots that differ, a day that gets harder: at most 1 in 25 at this limit."""
    rollouts, tasks = 300, 300
    rng = np.random.default_rng(11)
    robots = rng.beta(6, 2, (rollouts, 10))[:, rng.integers(0, 10, tasks)]
    hard = np.linspace(0, 0.3, tasks)
    scores = np.clip(robots - hard, 0.02, 0.98)
    scores = np.where(rng.random(scores.shape) < scores, 1.0, rng.beta(0.5, 3, scores.shape))
    counts = rng.poisson(rng.gamma(0.3, 1.0, scores.shape) * (0.2 + hard))
    by_score, by_count = _fooled(scores, counts, 5)
    # Beyond 21 of 300, a rate of 4% is less likely than 1 in 100.
    assert by_score <= 21
    assert by_count <= 21
