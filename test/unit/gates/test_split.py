# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The check of the split keeps its error rate however often it looks, and finds wrong splits."""

from __future__ import annotations

import math
import random

import pytest

from hotswap_ros.gates.stats.split import split_log_evidence

LIMIT = math.log(1000)


def first_alarm(chance: random.Random, odds_ratio: float, tasks: int) -> int | None:
    """Return the number of tasks at which a look after every tenth task sees a wrong split."""
    splits = {0.5: (0, 0), 0.1: (0, 0)}
    for number in range(1, tasks + 1):
        share = chance.choice((0.5, 0.1))
        is_candidate = chance.random() < share * odds_ratio / (1 - share + share * odds_ratio)
        control, candidate = splits[share]
        splits[share] = (control + (not is_candidate), candidate + is_candidate)
        if number % 10 == 0 and split_log_evidence(splits) >= LIMIT:
            return number
    return None


def test_many_looks_at_a_planned_split_raise_no_alarm() -> None:
    chance = random.Random(1)
    alarms = [first_alarm(chance, 1.0, 2000) for _ in range(300)]
    # At 0.001 each, four or more of 300 have a probability below 0.0003.
    assert sum(alarm is not None for alarm in alarms) <= 3


@pytest.mark.parametrize(('odds_ratio', 'within'), [(0.5, 1000), (2.0, 1000), (4.0, 300)])
def test_a_wrong_split_is_found(odds_ratio: float, within: int) -> None:
    chance = random.Random(2)
    alarms = [first_alarm(chance, odds_ratio, within) for _ in range(20)]
    assert sum(alarm is not None for alarm in alarms) >= 19


def test_the_evidence_is_one_on_average_while_the_split_is_as_planned() -> None:
    tasks, share = 12, 0.3
    mean = sum(
        math.comb(tasks, candidate)
        * share**candidate
        * (1 - share) ** (tasks - candidate)
        * math.exp(split_log_evidence({share: (tasks - candidate, candidate)}))
        for candidate in range(tasks + 1)
    )
    assert mean == pytest.approx(1)
