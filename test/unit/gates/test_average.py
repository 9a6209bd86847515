# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Evidence that a candidate is worse on average over the tasks so far."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import binom

from hotswap_ros.gates.stats.average import MULTIPLIERS, AverageEvidence, average_factors
from hotswap_ros.gates.stats.drawn import log_factors
from hotswap_ros.gates.stats.evidence import Block
from hotswap_ros.plan import SuccessCriteria

_REPETITIONS, _TASKS = 200, 2000


def ends(factors, weights, drops: np.ndarray, seed: int = 1) -> float:
    """Return the part of rollouts that evidence ends; `drops` are by task, control at 90%."""
    rng = np.random.default_rng(seed)
    own = rng.random((_REPETITIONS, _TASKS)) < 0.5
    won = rng.random((_REPETITIONS, _TASKS)) < 0.9 - own * drops
    logs = np.cumsum(np.array(factors(0.5, 0.9))[2 * own + won], axis=1)
    evidence = np.average(np.exp(logs), axis=-1, weights=weights)
    return float((evidence >= 25).any(axis=1).mean())


@given(st.floats(0.02, 0.98), st.floats(0.001, 0.999), st.floats(0, 1), st.floats(-1, 1))
def test_the_mean_factor_is_at_most_that_of_the_difference(share, centre, control, drop) -> None:
    candidate = min(1.0, max(0.0, control - drop))
    chances = (
        (1 - share) * (1 - control),
        (1 - share) * control,
        share * (1 - candidate),
        share * candidate,
    )
    for number, logs in zip(MULTIPLIERS, zip(*average_factors(share, centre))):
        mean = sum(p * math.exp(log) for p, log in zip(chances, logs))
        assert mean <= math.exp(number * (control - candidate)) * (1 + 1e-9)


def test_worse_by_turns_is_found_less_often_than_by_the_other_null() -> None:
    turns = np.where(np.arange(_TASKS) // 200 % 2 == 0, 0.05, -0.05)
    plain = ends(log_factors, (1, 1, 1, 1, 1, 2), turns)
    average = ends(average_factors, None, turns)
    assert average <= binom.isf(0.001, _REPETITIONS, 0.04) / _REPETITIONS
    assert plain > average


def test_worse_throughout_is_found() -> None:
    assert ends(average_factors, None, np.full(_TASKS, 0.1)) > 0.95


def test_tasks_of_one_message_count_like_single_ones() -> None:
    together, single = AverageEvidence(), AverageEvidence()
    together.add_tasks(Block(5, 4, 3, 1), 0.3, 0.9)
    for kind, number in ((Block(1, 0), 1), (Block(1, 1), 4)):
        for _ in range(number):
            single.add_tasks(kind, 0.3, 0.9)
    for kind, number in ((Block(0, 0, 1, 0), 2), (Block(0, 0, 1, 1), 1)):
        for _ in range(number):
            single.add_tasks(kind, 0.3, 0.9)
    assert together.log_e == pytest.approx(single.log_e)
    again = AverageEvidence()
    again.load(together.dump())
    assert again.value == together.value > 0


def test_blocks_without_a_share_find_harm_too() -> None:
    evidence = AverageEvidence()
    for _ in range(100):
        evidence.add_block(Block(10, 9, 10, 4))
    assert evidence.value > 25


@pytest.mark.parametrize(
    'fields', [{'control': 'across_robots'}, {'method': 'fixed'}, {'control': 'history'}]
)
def test_it_needs_drawn_versions(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match='not_worse_on_average'):
        SuccessCriteria(harm_null='not_worse_on_average', **fields)
