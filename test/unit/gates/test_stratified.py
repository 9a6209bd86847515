# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The stratified test of success before and after: false alarms and power."""

import math
from itertools import product

import numpy as np
import pytest
from scipy.stats import fisher_exact, hypergeom
from statsmodels.stats.contingency_tables import StratifiedTable

from hotswap_ros.gates import Block, stratified_drop, stratified_test
from hotswap_ros.gates.stats.intervals import newcombe_interval

#: Tasks and successes before and after.
FEW = (Block(30, 28, 9, 7), Block(12, 6, 20, 9), Block(50, 50, 10, 9), Block(8, 8, 3, 3))


def test_one_stratum_is_fishers_exact_test():
    before, after = (28, 2), (7, 2)
    expected = fisher_exact([before, after], alternative='greater').pvalue
    assert stratified_test([FEW[0]]) == pytest.approx(expected, rel=1e-12)


def test_several_strata_are_as_likely_as_all_their_tables_together():
    failed = [int(b.candidate_tasks - b.candidate_successes) for b in FEW]
    together = [f + int(b.control_tasks - b.control_successes) for f, b in zip(failed, FEW)]
    expected = 0.0
    for found in product(*(range(n + 1) for n in together)):
        chances = [
            hypergeom.pmf(k, b.control_tasks + b.candidate_tasks, m, b.candidate_tasks)
            for k, m, b in zip(found, together, FEW)
        ]
        expected += math.prod(chances) if sum(found) >= sum(failed) else 0.0
    assert stratified_test(FEW) == pytest.approx(expected, rel=1e-10)


def test_many_tasks_are_cochran_mantel_and_haenszel():
    blocks = [Block(9000, 8100, 6000, 5370), Block(15000, 14400, 2700, 2550)]
    tables = [
        [
            [b.candidate_tasks - b.candidate_successes, b.candidate_successes],
            [b.control_tasks - b.control_successes, b.control_successes],
        ]
        for b in blocks
    ]
    expected = StratifiedTable([np.array(t, dtype=float) for t in tables]).test_null_odds(
        correction=True
    )
    assert stratified_test(blocks) == pytest.approx(expected.pvalue / 2, rel=1e-9)


@pytest.mark.parametrize('failed', range(27, 53, 5))
def test_very_many_tasks_come_close_to_the_exact_way(failed):
    # 20 robots, on each of which failures vary by a little more than 20.
    blocks = [Block(2000, 1800, 250, 225)] * 19 + [Block(2000, 1800, 250, 250 - failed)]
    exact = np.ones(1)
    for together in [225] * 19 + [200 + failed]:
        exact = np.convolve(exact, hypergeom.pmf(np.arange(together + 1), 2250, together, 250))
    expected = exact[19 * 25 + failed :].sum()
    assert expected > 0.005
    assert stratified_test(blocks) == pytest.approx(expected, rel=0.1)


def test_nothing_to_compare_is_no_evidence():
    nothing = [Block(10, 9, 0, 0), Block(0, 0, 10, 1), Block(10, 10, 5, 5), Block(5, 0, 5, 0)]
    assert stratified_test(nothing) == 1.0
    assert stratified_test([]) == 1.0
    assert math.isnan(stratified_drop(nothing[:2]))
    assert stratified_drop(nothing) == 0.0


def test_who_does_more_tasks_than_before_moves_no_drop():
    blocks = [Block(100, 95, 10, 9), Block(10, 5, 100, 50)]
    before, after = 100 / 110, 59 / 110
    assert before - after > 0.3
    assert stratified_drop(blocks) == pytest.approx((0.05 * 100 / 11) / (200 / 11))


def robots_that_differ(rng, robots, drop=0.0):
    """Return what robots of several rates did, of which some, often the better ones, are off."""
    rates = rng.beta(0.92 * 19, 0.08 * 19, robots)
    before = rng.integers(20, 200, robots)
    is_off = rng.random(robots) < np.where(rates > 0.92, 0.6, 0.2)
    after = np.where(is_off, 0, rng.integers(0, 20, robots))
    own = np.clip(rates - drop, 0, 1)
    return [
        Block(*map(int, block))
        for block in zip(before, rng.binomial(before, rates), after, rng.binomial(after, own))
    ]


def alarms(repetitions, drop=0.0):
    """Return how many looks found harm, robot by robot and with all robots pooled."""
    rng = np.random.default_rng(7)
    found = [0, 0]
    for _ in range(repetitions):
        blocks = robots_that_differ(rng, 30, drop)
        found[0] += stratified_test(blocks) < 0.01
        found[1] += newcombe_interval(*np.sum(blocks, axis=0)[[1, 0, 3, 2]]).low > 0
    return found


def test_what_is_as_before_is_seldom_called_worse():
    # In 20,000 repetitions of this 0.8% were called worse robot by robot, and 16% pooled.
    by_robot, pooled = alarms(1000)
    assert by_robot <= 18, 'at 1%, more are as likely as 1 in 100'
    assert pooled > 60


def test_what_is_worse_is_called_so():
    by_robot, _ = alarms(100, drop=0.15)
    assert by_robot >= 90
