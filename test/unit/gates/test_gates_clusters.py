# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What tasks tell where whole robots are compared."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hotswap_ros.gates import CheckResult, Gate, Verdict
from hotswap_ros.gates.pairing.clustering import (
    Clusters,
    largest_correlation,
    likely_largest_correlation,
)
from hotswap_ros.plan import SuccessCriteria

MakeRobot = Callable[..., Any]
Check = Callable[..., CheckResult]


def _clusters(correlation: float, robots: int) -> Clusters:
    """Return fifty earlier tasks for each robot."""
    found, rng = Clusters(), random.Random(1)
    for number in range(robots):
        rate = 0.9
        if correlation:
            spread = 1 / correlation - 1
            rate = rng.betavariate(0.9 * spread, 0.1 * spread)
        found.add_history(str(number), 50, sum(rng.random() < rate for _ in range(50)))
    return found


def test_tasks_of_robots_that_differ_tell_less() -> None:
    alike, different = _clusters(0.0, 200), _clusters(0.05, 200)
    assert alike.correlation < 0.01
    assert 0.05 < different.correlation < 0.08
    assert Clusters().against_robots == Clusters().against_number == 1
    different.add_candidate('a', 20, 18)
    different.add_candidate('b', 20, 18)
    assert different.against_number == pytest.approx(1 + 19 * different.correlation)
    different.add_control('c', 400, 360)
    # The control's robot is large, and its tasks count for a small part of the variance.
    expected = (400 * 20 + 40 * 400) / 440
    assert different.against_robots == pytest.approx(1 + (expected - 1) * different.correlation)
    loaded = Clusters()
    loaded.load(json.loads(json.dumps(different.dump())))
    assert loaded.against_robots == different.against_robots


def test_the_fewer_robots_the_less_is_known_of_them() -> None:
    found = [_clusters(0.05, robots).correlation for robots in (2, 5, 20, 200)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.5
    assert Clusters().correlation == 1


def test_the_interval_of_a_correlation_covers_it() -> None:
    """A one-sided interval of 90%: at most 69 of 500 are missed, with 99.9% probability."""
    rng, missed = np.random.default_rng(3), 0
    for _ in range(500):
        rates = rng.beta(0.9 * 9, 0.1 * 9, 12)
        robots = [(int(won), 60) for won in rng.binomial(60, rates)]
        missed += largest_correlation([robots]) < 0.1
    assert missed <= 100


def test_earlier_tasks_of_the_same_robots_tell_of_no_robots() -> None:
    found = _clusters(0.3, 3)
    for robot_id in ('0', '1', '2'):
        found.add_candidate(robot_id, 200, 180)
    assert found.against_history == 1
    found.add_candidate('0', 400, 360)
    assert found.against_history > 1


@pytest.mark.parametrize('method', ['sequential', 'fixed'])
def test_what_few_robots_do_is_no_pass(method: str, robot: MakeRobot, check: Check) -> None:
    gate = Gate(SuccessCriteria(method=method, control='across_robots'), 'v24')
    fleet = [robot(f'amr_{n}').tell(gate) for n in range(3)]
    gate.begin_stage()
    for index in range(100):
        for number, amr in enumerate(fleet):
            won = 4 - (index % (3 + number) == 0)
            amr.run('v23' if number else 'v24', 4, succeeded=won).tell(gate)
    found = check(gate, 'success', complete=True)
    assert found.verdict is Verdict.INCONCLUSIVE
    for part in ('400 tasks of few robots', "'control'", 'within_robots'):
        assert part in found.sentence


@pytest.mark.parametrize(('robots', 'tasks'), [(3, 200), (5, 130), (20, 50), (100, 400)])
@pytest.mark.parametrize('correlation', [0.0, 0.05, 0.2])
def test_what_is_forecast_of_robots_is_what_half_of_fleets_show(
    robots: int, tasks: int, correlation: float
) -> None:
    rng = np.random.default_rng(3)
    spread = 1 / correlation - 1 if correlation else math.inf
    rates = 0.85 if math.isinf(spread) else rng.beta(0.85 * spread, 0.15 * spread, (400, robots))
    won = rng.binomial(tasks, rates, (400, robots))
    found = [largest_correlation([[(int(n), tasks) for n in fleet]]) for fleet in won]
    expected = likely_largest_correlation(correlation, robots, tasks)
    below = sum(value < expected for value in found) / len(found)
    assert 0.38 <= below <= 0.62


def test_a_forecast_knows_nothing_of_one_robot_and_all_of_endless_tasks() -> None:
    assert likely_largest_correlation(0.0, 1, 1000) == 1.0
    assert likely_largest_correlation(0.0, 5, 1) == 1.0
    assert likely_largest_correlation(0.0, 5, math.inf) == 0.0
    assert likely_largest_correlation(0.1, 5, math.inf) > 0.1
