# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The plan's methods, controls and criteria beyond the defaults."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest, norm
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.proportion import confint_proportions_2indep, test_proportions_2indep

from hotswap_ros.gates import CheckResult, Gate, Verdict
from hotswap_ros.gates.stats.bounds import DropBounds, _projection
from hotswap_ros.gates.stats.drift import population_stability_index
from hotswap_ros.gates.stats.evidence import (
    HARM_DROPS,
    Block,
    BlockEvidence,
    RareEvidence,
    null_projection,
)
from hotswap_ros.gates.stats.intervals import newcombe_interval, score_test
from hotswap_ros.gates.stats.stratified import drop_interval, drop_test, stratified_drop
from hotswap_ros.models import TaskCounts, VersionCounters
from hotswap_ros.plan import SuccessCriteria

test_proportions_2indep.__test__ = False
MakeRobot = Callable[..., Any]
Check = Callable[..., CheckResult]


def _gate(stages: int = 1, **criteria: Any) -> Gate:
    return Gate(SuccessCriteria(**criteria), 'v24', stages=stages)


def _run(amr: Any, gate: Gate, number: int, *, candidate: int, control: int = 0) -> Any:
    """Run tasks of the candidate and, unless 0, of the control; so many in a hundred succeed."""
    for index in range(number):
        amr.run('v24', succeeded=int(index * 37 % 100 < candidate))
        if control:
            amr.run('v23', succeeded=int(index * 53 % 100 < control))
        amr.tell(gate)
    return amr


# -- methods --------------------------------------------------------------------------------------


def test_the_plain_threshold_looks_at_the_end_of_a_stage_and_at_its_data(
    robot: MakeRobot, check: Check
) -> None:
    gate = _gate(method='threshold', baseline_success_rate=0.92)
    amr = robot().tell(gate)
    gate.begin_stage()
    _run(amr, gate, 100, candidate=95)
    assert check(gate, 'success').verdict is Verdict.PENDING
    assert check(gate, 'success', complete=True).verdict is Verdict.PASS
    gate.begin_stage()
    _run(amr, gate, 100, candidate=89)
    found = check(gate, 'success', complete=True)
    assert (found.verdict, found.method, found.estimate) == (Verdict.FAIL, 'threshold', 0.89)
    assert found.drop == pytest.approx(0.03)
    for figure in ('v24 ', '89.0% of 100 tasks of this stage', '92.0%', '3.0 points worse'):
        assert figure in found.sentence
    assert 'allowed 2.0 points' in found.sentence


def test_a_test_at_the_end_of_a_stage_spends_its_part_of_alpha(
    robot: MakeRobot, check: Check
) -> None:
    gate = _gate(stages=4, method='fixed')
    amr = robot().tell(gate)
    gate.begin_stage()
    _run(amr, gate, 200, candidate=85, control=92)
    found = check(gate, 'success', complete=True)
    assert (found.verdict, found.alpha) == (Verdict.PASS, pytest.approx(0.01))
    assert 0.01 < found.p_value < 0.2
    _run(amr, gate, 200, candidate=80, control=92)
    assert check(gate, 'success').verdict is Verdict.PENDING
    found = check(gate, 'success', complete=True)
    assert found.verdict is Verdict.FAIL
    assert found.drop_low < found.drop < found.drop_high
    assert 'p below 0.01' in found.sentence


def test_a_larger_share_on_a_hard_day_does_not_look_like_a_worse_version(
    robot: MakeRobot, check: Check
) -> None:
    """Tasks get harder, and the share grows within the stage: pooled, 9 points are lost."""
    gate = _gate(method='fixed')
    amr, rng = robot().tell(gate, 0.1), random.Random(2)
    gate.begin_stage()
    for share, rate in ((0.1, 0.95), (0.7, 0.80)):
        amr.tell(gate, share)
        for _ in range(600):
            version = 'v24' if rng.random() < share else 'v23'
            amr.run(version, succeeded=int(rng.random() < rate)).tell(gate, share)
    found = check(gate, 'success', complete=True)
    assert found.control - found.estimate > 0.05
    assert found.verdict is Verdict.PASS
    assert found.drop < 0.03
    assert found.drop_low < 0 < found.drop_high


def test_a_drop_over_strata_is_tested_as_by_statsmodels() -> None:
    rng = random.Random(4)
    blocks = []
    for number in range(200):
        rate = 0.95 - 0.001 * number
        won = [sum(rng.random() < p for _ in range(10)) for p in (rate, rate - 0.02)]
        blocks.append(Block(10, won[0], 10, won[1]))
    tables = [np.array([[b[1], b[0] - b[1]], [b[3], b[2] - b[3]]]) for b in blocks]
    expected = StratifiedTable(tables).test_null_odds(correction=False)
    assert 2 * drop_test(blocks, 0.0) == pytest.approx(expected.pvalue, rel=0.1)
    low, high = drop_interval(blocks)
    assert low < stratified_drop(blocks) < high
    assert drop_test(blocks, low) == pytest.approx(0.025)


def test_against_a_number_the_test_is_the_binomial_one(robot: MakeRobot, check: Check) -> None:
    gate = _gate(method='fixed', baseline_success_rate=0.92)
    fleet = [robot(f'amr_{number}').tell(gate) for number in range(100)]
    gate.begin_stage()
    for number, amr in enumerate(fleet):
        amr.run('v24', succeeded=int(number < 80)).tell(gate)
    found = check(gate, 'success', complete=True)
    # One task for each robot: they are independent.
    expected = binomtest(80, 100, 0.92, alternative='less')
    assert (found.verdict, found.p_value) == (Verdict.FAIL, pytest.approx(expected.pvalue))


@pytest.mark.parametrize('method', ['threshold', 'fixed'])
def test_no_method_passes_on_few_tasks(method: str, robot: MakeRobot, check: Check) -> None:
    gate = _gate(method=method, max_latency_ms=50, max_error_rate=0.01)
    amr = robot().tell(gate)
    gate.begin_stage()
    assert {c.verdict for c in gate.checks(complete=True)} == {Verdict.INCONCLUSIVE}
    _run(amr, gate, 10, candidate=100, control=100)
    assert check(gate, 'success', complete=True).verdict is Verdict.INCONCLUSIVE


def test_the_plain_rule_judges_latency_and_errors_as_plainly(
    robot: MakeRobot, check: Check
) -> None:
    gate = _gate(method='threshold', max_latency_ms=50, max_error_rate=0.01)
    amr = robot().tell(gate)
    for _ in range(30):
        amr.run('v24', latency_ms={10.0: 90, 75.0: 10}, errors=2).run('v23').tell(gate)
    for name in ('latency', 'errors'):
        assert check(gate, name).verdict is Verdict.PENDING
        found = check(gate, name, complete=True)
        assert (found.verdict, found.method) == (Verdict.FAIL, 'threshold')
        assert found.estimate > found.threshold
        assert found.sentence.endswith(': roll back.')


# -- controls -------------------------------------------------------------------------------------


def test_a_worse_candidate_fails_against_a_number(robot: MakeRobot, check: Check) -> None:
    gate = _gate(baseline_success_rate=0.92)
    for number in range(20):
        _run(robot(f'amr_{number}').tell(gate), gate, 12, candidate=60)
    found = check(gate, 'success')
    assert found.verdict is Verdict.FAIL
    assert (found.control, found.n_control) == (0.92, 0)
    assert 'plan expects 92.0%' in found.sentence
    assert found.drop_low > 0


def test_history_is_what_the_control_did_before(robot: MakeRobot, check: Check) -> None:
    gate = _gate(control='history')
    for number in range(20):
        amr = robot(f'amr_{number}').run('v23', 100, succeeded=92).tell(gate)
        _run(amr, gate, 12, candidate=60)
    found = check(gate, 'success')
    assert found.verdict is Verdict.FAIL
    assert 'v23 in 92.0% of 2,000 before the rollout' in found.sentence
    assert 0.9 < found.control < 0.92


def test_no_history_is_inconclusive(robot: MakeRobot, check: Check) -> None:
    gate = _gate(control='history')
    _run(robot().tell(gate), gate, 100, candidate=90)
    found = check(gate, 'success', complete=True)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert 'history' in found.sentence


def test_other_robots_are_the_control_where_the_plan_says_so(
    robot: MakeRobot, check: Check
) -> None:
    gate = _gate(control='across_robots')
    fleet = [robot(f'amr_{n:02}').run('v23', 100, succeeded=92).tell(gate) for n in range(20)]
    for index in range(40):
        for number, amr in enumerate(fleet):
            won = (index * 37 + number * 11) % 100 < (60 if number < 5 else 92)
            amr.run('v24' if number < 5 else 'v23', succeeded=int(won)).tell(gate)
    found = check(gate, 'success')
    assert found.verdict is Verdict.FAIL
    assert 'on all robots' in found.sentence


# -- the interval ---------------------------------------------------------------------------------


def test_the_interval_leaves_the_null_at_the_block_at_which_the_check_fails() -> None:
    rng = random.Random(4)
    for null in (0.0, 0.02):
        bounds = DropBounds((0.04, 0.01), (0.0, 0.02))
        evidence = BlockEvidence([null + drop for drop in HARM_DROPS], null)
        for _ in range(80):
            won = [sum(rng.random() < rate for _ in range(5)) for rate in (0.92, 0.75)]
            block = Block(5, won[0], 5, won[1])
            evidence.add(block, 0.9)
            bounds.add(block, 0.9)
            assert (evidence.value >= 25) == (bounds.interval().low >= null - 1e-9)
        assert bounds.interval().low > null
        assert bounds.interval().high < 0.5


def test_the_interval_covers_the_drop_at_all_looks_at_once() -> None:
    rng = random.Random(5)
    missed = 0
    for _ in range(60):
        bounds = DropBounds((0.04, 0.01), (0.0,))
        covered = True
        for _ in range(40):
            won = [sum(rng.random() < rate for _ in range(5)) for rate in (0.92, 0.82)]
            bounds.add(Block(5, won[0], 5, won[1]), 0.92)
            low, high = bounds.interval()
            covered = covered and low <= 0.1 <= high
        missed += not covered
    assert missed <= 7  # a miscoverage of 5% exceeds this in 1% of cases


@given(
    st.floats(0.05, 0.95),
    st.floats(-0.2, 0.3),
    st.floats(-0.4, 0.4),
    st.integers(1, 300),
    st.integers(1, 300),
)
def test_many_projections_at_once_are_the_one(
    control: float, drop: float, further: float, n_control: int, n_candidate: int
) -> None:
    candidate = control - drop - further
    if not all(0.01 < rate < 0.99 for rate in (candidate, candidate + drop, control - drop)):
        return
    found = _projection(control, np.array([candidate]), n_control, n_candidate, np.array([drop]))
    expected = null_projection(control, candidate, n_control, n_candidate, drop)[0]
    assert found[0] == pytest.approx(expected, abs=1e-6)


# -- grave events, latency, categories ------------------------------------------------------------


def test_rare_events_have_the_evidence_of_the_formula() -> None:
    evidence = RareEvidence()
    evidence.add((90, 10), (0, 1))
    shares = [r * 0.1 / (r * 0.1 + 0.9) for r in (2, 4, 8, 20, 50)]
    assert evidence.value == pytest.approx(sum(share / 0.1 for share in shares) / 5)


@given(st.integers(1, 50), st.integers(1, 50))
def test_an_event_of_either_version_is_a_fair_bet(control: int, candidate: int) -> None:
    share = candidate / (control + candidate)
    values = []
    for events in ((0, 1), (1, 0)):
        evidence = RareEvidence()
        evidence.add((control, candidate), events)
        values.append(evidence.value)
    assert share * values[0] + (1 - share) * values[1] == pytest.approx(1)


@pytest.mark.parametrize(
    ('kind', 'words'), [('stuck', 'got stuck'), ('fallback', 'had a fallback')]
)
def test_grave_events_that_only_the_candidate_has_fail_it(
    kind: str, words: str, robot: MakeRobot, check: Check
) -> None:
    gate = _gate(grave_events=(kind,), max_stuck_per_robot=None)
    amr = robot().tell(gate)
    for index in range(120):
        bad = index % 5 == 0
        amr.run('v24', stuck=int(bad and kind == 'stuck'), errors=3 * (bad and kind != 'stuck'))
        amr.run('v23').tell(gate)
    found = check(gate, 'grave_events')
    assert found.verdict is Verdict.FAIL
    assert words in found.sentence
    assert found.control == 0
    assert found.estimate == pytest.approx(0.2, abs=0.03)


def test_a_candidate_that_is_slower_than_the_control_fails(robot: MakeRobot, check: Check) -> None:
    gate = _gate(max_latency_increase=0.2)
    amr = robot().run('v23', latency_ms={5.0: 960, 10.0: 40}).tell(gate)
    amr.run('v23').tell(gate)
    for _ in range(200):
        amr.run('v24', latency_ms={5.0: 60, 20.0: 40}).run('v23', latency_ms={5.0: 100}).tell(gate)
    found = check(gate, 'latency_increase')
    assert (found.verdict, found.threshold) == (Verdict.FAIL, 10.0)
    assert '10 ms' in found.sentence


def test_a_busy_hour_that_slows_both_is_no_harm(robot: MakeRobot, check: Check) -> None:
    gate = _gate(max_latency_increase=0.2)
    amr = robot().run('v23', latency_ms={5.0: 1000}).tell(gate)
    amr.run('v23').tell(gate)
    for _ in range(200):
        amr.run('v24', latency_ms={20.0: 100}).run('v23', latency_ms={20.0: 100}).tell(gate)
    assert check(gate, 'latency_increase', complete=True).verdict is Verdict.PASS


def _categories(gate: Gate, tasks: int, boxes: int, cups: int) -> None:
    """Run tasks in two categories; so many in ten of the candidate's succeed, nine of v23's."""
    for index in range(tasks + 1):
        counters = {
            version: VersionCounters(
                tasks=TaskCounts(2 * index, 2 * index, 2 * index),
                categories={
                    'boxes': TaskCounts(index, index, index * rates[0] // 10),
                    'cups': TaskCounts(index, index, index * rates[1] // 10),
                },
            )
            for version, rates in {'v23': (9, 9), 'v24': (boxes, cups)}.items()
        }
        gate.observe('amr_001', 'v23', 'boot', counters, 0.5)


def test_a_category_that_collapses_fails_though_the_others_gain(check: Check) -> None:
    gate = _gate(max_category_drop=0.5)
    _categories(gate, 150, boxes=10, cups=1)
    found = check(gate, 'categories')
    assert found.verdict is Verdict.FAIL
    assert 'category cups' in found.sentence
    assert found.estimate < 0.5 * found.control


def test_a_category_that_has_been_healthy_for_long_can_be_judged(check: Check) -> None:
    """After a million tasks, the evidence of harm is too small for a float."""
    criteria = SuccessCriteria(max_category_drop=0.5)
    gate = Gate(criteria, 'v24')
    _categories(gate, 150, boxes=9, cups=9)
    dumped = gate.dump()
    for category in dumped['checks']['categories']['categories']:
        category[1] = [-2000.0] * len(category[1])
    gate = Gate.load(criteria, 'v24', dumped)
    assert not gate.has_failed
    found = check(gate, 'categories', complete=True)
    assert (found.verdict, found.evidence) == (Verdict.PASS, 0)


def test_a_category_that_loses_less_than_allowed_passes(check: Check) -> None:
    gate = _gate(max_category_drop=0.5)
    _categories(gate, 150, boxes=9, cups=6)
    assert check(gate, 'categories', complete=True).verdict is Verdict.PASS


# -- shadow, drift, reach, split ------------------------------------------------------------------


def _inputs(bins: tuple[int, ...]) -> dict[str, VersionCounters]:
    return {'v24': VersionCounters(inputs={'observation[0]': bins})}


def test_inputs_far_from_the_training_data_fail(check: Check) -> None:
    gate = _gate(max_input_drift=0.2)
    gate.observe('amr_001', 'v23', 'boot', _inputs((0,) * 10))
    gate.observe('amr_001', 'v23', 'boot', _inputs((50,) * 10))
    assert check(gate, 'input_drift', complete=True).verdict is Verdict.PASS
    gate.observe('amr_001', 'v23', 'boot', _inputs((50,) * 9 + (1000,)))
    found = check(gate, 'input_drift')
    assert found.verdict is Verdict.FAIL
    assert found.sentence.startswith('observation[0] ')
    assert '1,450 observations' in found.sentence


def test_the_stability_index_is_that_of_the_formula() -> None:
    assert population_stability_index((100,) * 10) == pytest.approx(0)
    found = population_stability_index((10**6, 3 * 10**6), (0.5, 0.5))
    expected = (0.25 - 0.5) * math.log(0.25 / 0.5) + (0.75 - 0.5) * math.log(0.75 / 0.5)
    assert found == pytest.approx(expected, abs=1e-5)


def test_unreachable_robots_decide_nothing_either_way(check: Check) -> None:
    gate = _gate(max_unreachable_share=0.1)
    gate.reach(1, 10)
    assert check(gate, 'unreachable', complete=True).verdict is Verdict.PASS
    gate.reach(2, 10)
    assert check(gate, 'unreachable').verdict is Verdict.PENDING
    assert check(gate, 'unreachable', complete=True).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(('candidate', 'verdict'), [(1, Verdict.PASS), (3, Verdict.INCONCLUSIVE)])
def test_a_split_that_nobody_asked_for_decides_nothing(
    candidate: int, verdict: Verdict, robot: MakeRobot, check: Check
) -> None:
    gate = _gate(sample_ratio_alpha=0.001)
    amr = robot().tell(gate, 0.5)
    for _ in range(100):
        amr.run('v24', candidate).run('v23', 1).tell(gate, 0.5)
    assert check(gate, 'sample_ratio').verdict is Verdict.PENDING
    assert check(gate, 'sample_ratio', complete=True).verdict is verdict


@pytest.mark.parametrize(
    # The second: likelihood ratios of scipy.stats.binom. The last two must not overflow.
    ('candidate', 'control', 'p_value'),
    [(5200, 5000, 1), (5500, 5000, 0.00010340), (10**9, 10**9, 1), (10**9, 10**6, 0)],
)
def test_the_pinned_sample_ratio(
    candidate: int, control: int, p_value: float, check: Check
) -> None:
    gate = _gate(sample_ratio_alpha=0.001)
    for started in ((0, 0), (0, 1), (control, candidate + 1)):
        counters = {
            version: VersionCounters(tasks=TaskCounts(number, number, number))
            for version, number in zip(('v23', 'v24'), started)
        }
        gate.observe('amr_001', 'v23', 'boot', counters, 0.5)
    found = check(gate, 'sample_ratio', complete=True)
    assert (found.n, found.n_control) == (candidate, control)
    assert found.p_value == pytest.approx(p_value, rel=0.005)


# -- the test of a difference ---------------------------------------------------------------------


def test_the_pinned_score_test_and_interval() -> None:
    assert score_test(1748, 1900, 88, 100, 0) == pytest.approx(0.077710, abs=1e-6)
    low, high = newcombe_interval(9200, 10000, 9210, 10000)
    assert (-high, -low) == pytest.approx((-0.0065033, 0.0085041), abs=1e-7)


@given(st.integers(20, 400), st.integers(20, 400), st.data())
def test_the_difference_agrees_with_statsmodels(
    n_control: int, n: int, data: st.DataObject
) -> None:
    control = data.draw(st.integers(1, n_control - 1))
    won = data.draw(st.integers(1, n - 1))
    expected = test_proportions_2indep(
        won, n, control, n_control, compare='diff', method='score', alternative='smaller'
    )
    assert score_test(control, n_control, won, n, 0) == pytest.approx(expected.pvalue, abs=1e-6)
    assert newcombe_interval(control, n_control, won, n) == pytest.approx(
        confint_proportions_2indep(control, n_control, won, n, method='newcomb'), abs=1e-9
    )


@given(st.integers(20, 400), st.integers(20, 400), st.sampled_from([0.02, 0.1]), st.data())
def test_an_allowed_drop_is_tested_at_the_rates_of_greatest_likelihood(
    n_control: int, n: int, drop: float, data: st.DataObject
) -> None:
    """As Miettinen and Nurminen have it; the closed form of statsmodels 0.15 is not quite that."""
    control = data.draw(st.integers(1, n_control - 1))
    won = data.draw(st.integers(1, n - 1))

    def surprise(rate: float) -> float:
        arms = ((rate, control, n_control), (rate - drop, won, n))
        return -sum(s * math.log(p) + (m - s) * math.log(1 - p) for p, s, m in arms)

    rate = minimize_scalar(
        surprise, bounds=(drop + 1e-9, 1 - 1e-9), method='bounded', options={'xatol': 1e-10}
    ).x
    variance = rate * (1 - rate) / n_control + (rate - drop) * (1 - rate + drop) / n
    variance *= (n_control + n) / (n_control + n - 1)
    expected = norm.sf((control / n_control - won / n - drop) / math.sqrt(variance))
    assert score_test(control, n_control, won, n, drop) == pytest.approx(expected, abs=1e-6)
