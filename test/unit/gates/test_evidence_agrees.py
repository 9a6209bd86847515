# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The evidence of gates against a library of e-processes (`ville`), on the same data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ville import BettingTest
from ville.evalues import combine

from hotswap_ros.gates import Block
from hotswap_ros.gates.stats.betting import BETS, ScoreEvidence
from hotswap_ros.gates.stats.betting import WEIGHTS as BET_WEIGHTS
from hotswap_ros.gates.stats.drawn import ODDS_RATIOS, WEIGHTS, DrawnEvidence
from hotswap_ros.gates.stats.evidence import (
    HARM_DROPS,
    STAKES,
    BlockEvidence,
    GainEvidence,
    RateEvidence,
)

#: The library's bets are the smaller one of a fixed stake and one that shrinks with the data; at
#: this alpha the fixed one is smaller for all data here.
FIXED_STAKE = 1e-300
CONTROL = 0.92


def _library(
    data: np.ndarray, mean: float, stake: float, *, is_below: bool = False, lowest: float = 0.0
) -> float:
    """Return the library's log e-value for "the mean is at most `mean`" (or: at least)."""
    if not len(data):
        return 0.0
    alternative = 'less' if is_below else 'greater'
    bounds = lowest, 1.0
    test = BettingTest(mean, bounds, alternative, alpha=FIXED_STAKE, c=stake)
    return float(test.fit(data.astype(float)).log_e_values_[-1])


def _tasks(own_rate: float, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return which of 400 tasks are the candidate's, and which ones failed."""
    chance = np.random.default_rng(11)
    own = chance.random(400) < share
    failed = chance.random(400) < np.where(own, 1 - own_rate, 1 - CONTROL)
    return own, failed


def _of_drawn(own: np.ndarray, failed: np.ndarray, share: float, candidate: float) -> float:
    """
    Return the library's log e-value of tasks whose versions were drawn, for one alternative.

    It bets that more of the failed tasks are the candidate's than its share, and fewer of the
    others. `candidate` is the alternative's success rate.
    """
    both = (1 - share) * CONTROL + share * candidate
    of_failed = share * (1 - candidate) / (1 - both)
    of_others = share * candidate / both
    # Parts of the largest bets, after which a wrong draw leaves nothing.
    high, low = (of_failed - share) / (1 - share), (share - of_others) / share
    return _library(own[failed], share, high) + _library(own[~failed], share, low, is_below=True)


@pytest.mark.parametrize('rate', [0.1, 0.5])
def test_evidence_of_a_rate_above_its_limit(rate: float) -> None:
    seen = np.random.default_rng(3).binomial(1, rate, 80)
    ours = RateEvidence(0.25)
    for value in seen:
        ours.add(float(value))
    theirs = [_library(seen, 0.25, stake) for stake in STAKES]
    assert ours.log_e == pytest.approx(theirs)
    assert ours.value == pytest.approx(float(combine(np.exp(theirs))))


def test_evidence_of_gains() -> None:
    gains = np.random.default_rng(4).uniform(-0.8, 1.0, 250)
    ours = GainEvidence()
    for gain in gains:
        ours.add(float(gain))
    assert ours.log_e == pytest.approx([_library(gains, 0.0, s, lowest=-1.0) for s in STAKES])


@pytest.mark.parametrize('share', [0.1, 0.5])
@pytest.mark.parametrize('own_rate', [0.80, 0.92, 0.97])
def test_evidence_of_single_tasks_in_blocks(share: float, own_rate: float) -> None:
    own, failed = _tasks(own_rate, share)
    ours = BlockEvidence(HARM_DROPS, 0.0)
    for is_own, has_failed in zip(own, failed):
        ours.add(_block(is_own, has_failed), CONTROL, share)
    theirs = [_of_drawn(own, failed, share, CONTROL - drop) for drop in HARM_DROPS]
    assert ours.log_e == pytest.approx(theirs)


@pytest.mark.parametrize('share', [0.1, 0.5])
@pytest.mark.parametrize('own_rate', [0.80, 0.92, 0.97])
def test_evidence_of_drawn_tasks(share: float, own_rate: float) -> None:
    own, failed = _tasks(own_rate, share)
    ours = DrawnEvidence()
    for is_own, has_failed in zip(own, failed):
        ours.add_tasks(_block(is_own, has_failed), share, CONTROL)
    theirs = [_of_drawn(own, failed, share, _by_odds(odds)) for odds in ODDS_RATIOS]
    mean = float(combine(np.exp(theirs), weights=WEIGHTS))
    assert ours.log_value == pytest.approx(math.log(mean))


@pytest.mark.parametrize('share', [0.3, 0.5])
@pytest.mark.parametrize('drop', [0.0, 0.15])
def test_evidence_of_scores(share: float, drop: float) -> None:
    """The library bets on the mean of what the tasks gain, which is bounded by the scores."""
    chance, centre = np.random.default_rng(8), 0.7
    own = chance.random(300) < share
    scores = np.clip(chance.beta(7, 3, 300) - drop * own, 0, 1)
    gains = np.where(own, (centre - scores) / share, (scores - centre) / (1 - share))
    least = -max((1 - centre) / share, centre / (1 - share))
    most = max(centre / share, (1 - centre) / (1 - share))
    ours = ScoreEvidence()
    for score, is_own in zip(scores, own):
        ours.add(float(score), 1, bool(is_own), share, centre)
    # The library's gains end at 1, and its stakes are parts of the largest bet.
    theirs = [_library(gains / most, 0.0, 0.999 * s, lowest=least / most) for s in BETS]
    assert ours.log_e == pytest.approx(theirs)
    assert ours.value == pytest.approx(float(combine(np.exp(theirs), weights=BET_WEIGHTS)))


def _by_odds(odds: float) -> float:
    """Return the success rate whose odds of failure are so many times those of the control."""
    lost = odds * (1 - CONTROL)
    return CONTROL / (CONTROL + lost)


def _block(is_own: bool, has_failed: bool) -> Block:
    won = int(not has_failed)
    return Block(0, 0, 1, won) if is_own else Block(1, won)
