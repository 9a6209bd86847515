# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Evidence task by task, where the share with which versions are drawn is known."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotswap_ros.gates import Block, CheckResult, Gate, Verdict
from hotswap_ros.gates.stats.drawn import DrawnEvidence, log_factors
from hotswap_ros.gates.stats.evidence import HARM_DROPS, PROOF_DROPS, BlockEvidence
from hotswap_ros.models import TaskCounts, VersionCounters
from hotswap_ros.plan import SuccessCriteria

MakeRobot = Callable[..., Any]
Check = Callable[..., CheckResult]
RATES = st.floats(0.01, 0.99)
SHARES = st.floats(0.02, 0.98)
ONE = {
    (False, False): Block(1, 0),
    (False, True): Block(1, 1),
    (True, False): Block(0, 0, 1, 0),
    (True, True): Block(0, 0, 1, 1),
}


def _expectation(
    rates: Sequence[tuple[float, float]], share: float, baseline: float, limit: float
) -> float:
    """Return the mean of the evidence over all draws and outcomes of tasks; stops at the limit."""
    expectation = 0.0
    kinds = list(itertools.product((False, True), repeat=2))
    for path in itertools.product(kinds, repeat=len(rates)):
        chance, evidence = 1.0, DrawnEvidence(limit)
        for (own, won), (control, candidate) in zip(path, rates):
            rate = candidate if own else control
            chance *= (share if own else 1 - share) * (rate if won else 1 - rate)
            if evidence.value < limit:
                evidence.add_tasks(ONE[own, won], share, baseline)
            assert evidence.value <= limit * (1 + 1e-9)
        expectation += chance * evidence.value
    return expectation


@settings(max_examples=30)
@given(st.lists(RATES, min_size=1, max_size=4), SHARES, RATES, st.sampled_from([1.5, 3.0, 25.0]))
def test_equal_versions_have_no_evidence_on_average(
    rates: list[float], share: float, baseline: float, limit: float
) -> None:
    """Whatever single tasks are like, whatever the gate takes the baseline for, with any limit."""
    expectation = _expectation([(rate, rate) for rate in rates], share, baseline, limit)
    assert expectation == pytest.approx(1)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(RATES, RATES), min_size=1, max_size=4),
    SHARES,
    RATES,
    st.sampled_from([1.5, 3.0, 25.0]),
)
def test_a_better_candidate_has_less(
    rates: list[tuple[float, float]], share: float, baseline: float, limit: float
) -> None:
    better = [(min(both), max(both)) for both in rates]
    assert _expectation(better, share, baseline, limit) <= 1 + 1e-9


def test_a_limit_saves_tasks_and_not_validity() -> None:
    """What lies beyond the limit is given to the other outcomes, so that more of them reach it."""
    rng = random.Random(3)
    taken = [0, 0]
    for _ in range(200):
        found = [DrawnEvidence(25), DrawnEvidence()]
        for number, evidence in enumerate(found):
            while evidence.value < 25 - 1e-9:
                own = rng.random() < 0.1
                won = rng.random() < (0.7 if own else 0.92)
                evidence.add_tasks(ONE[own, won], 0.1, 0.92)
                taken[number] += own
    assert taken[0] < 0.97 * taken[1]


@given(SHARES, RATES, st.permutations([*ONE, *ONE]))
def test_the_order_within_a_message_tells_nothing(
    share: float, baseline: float, order: list[tuple[bool, bool]]
) -> None:
    one_by_one, together = DrawnEvidence(), DrawnEvidence()
    for kind in order:
        one_by_one.add_tasks(ONE[kind], share, baseline)
    together.add_tasks(Block(4, 2, 4, 2), share, baseline)
    assert one_by_one.value == pytest.approx(together.value)


@given(SHARES, RATES, RATES, RATES, st.floats(0.0, 0.2), st.booleans())
def test_no_null_with_a_tolerance_expects_more_than_one(
    share: float, baseline: float, control: float, candidate: float, allowed: float, harm: bool
) -> None:
    """For one task: harm beyond the tolerance, and proof that the drop is smaller."""
    boundary = control - allowed
    candidate = max(candidate, boundary) if harm else min(candidate, boundary)
    if candidate <= 0:
        return
    expectation = 0.0
    for (own, won), block in ONE.items():
        evidence = BlockEvidence(
            [allowed + d for d in HARM_DROPS] if harm else PROOF_DROPS, allowed
        )
        evidence.add(block, baseline, share)
        rate = candidate if own else control
        chance = (share if own else 1 - share) * (rate if won else 1 - rate)
        expectation += chance * evidence.value
    assert expectation <= 1 + 1e-9


def test_what_is_drawn_tells_as_much_as_the_means() -> None:
    """Against "not worse", the two kinds of evidence of one alternative are the same."""
    odds = 2.0
    worse = odds * 0.08 / (1 + (odds - 1) * 0.08)
    means = BlockEvidence([worse - 0.08], 0.0)
    for kind in ONE.values():
        means.add(kind, 0.92, 0.3)
    counts = (1, 1, 1, 1)
    drawn = sum(n * logs[2] for n, logs in zip(counts, log_factors(0.3, 0.92)))
    assert means.log_e[0] == pytest.approx(drawn)


def _tell(gate: Gate, counts: dict[str, list[int]], share: float | None = 0.5) -> None:
    counters = {v: VersionCounters(tasks=TaskCounts(*c)) for v, c in counts.items()}
    gate.observe('amr_0', 'v23', 'boot', counters, share)


def _success(gate: Gate) -> CheckResult:
    return gate.checks(complete=False)[0]


def test_a_task_counts_as_soon_as_all_that_began_before_have_ended() -> None:
    gate = Gate(SuccessCriteria(), 'v24')
    counts = {'v23': [0, 0, 0], 'v24': [0, 0, 0]}
    _tell(gate, counts)
    counts['v23'][0] = 1
    _tell(gate, counts)
    counts['v24'] = [1, 1, 0]
    _tell(gate, counts)
    assert _success(gate).evidence == 1
    counts['v23'][1:] = [1, 1]
    _tell(gate, counts)
    assert _success(gate).evidence > 1.2


def test_shares_that_are_no_probabilities_only_tell_which_robots_are_alike() -> None:
    """As in an import, where a share is what was observed: then tasks are compared in blocks."""
    found = {}
    for drawn in (True, False):
        gate = Gate(SuccessCriteria(), 'v24', drawn=drawn)
        counts = {'v23': [0, 0, 0], 'v24': [0, 0, 0]}
        _tell(gate, counts)
        for _ in range(9):
            for version, won in (('v23', 1), ('v24', 0)):
                counts[version] = [a + b for a, b in zip(counts[version], (1, 1, won))]
                _tell(gate, counts)
        found[drawn] = _success(gate).evidence
    assert found[True] > 10
    assert found[False] == 1


def test_a_worse_version_with_a_small_share_is_found_after_few_of_its_tasks(
    check: Check, robot: MakeRobot
) -> None:
    gate = Gate(SuccessCriteria(), 'v24')
    amr = robot().tell(gate, 0.1)
    rng = random.Random(8)
    tasks = 0
    while check(gate, 'success').verdict is not Verdict.FAIL:
        own = rng.random() < 0.1
        tasks += own
        won = rng.random() < (0.5 if own else 0.92)
        amr.run('v24' if own else 'v23', succeeded=int(won)).tell(gate, 0.1)
    assert tasks < 25
    found = check(gate, 'success')
    assert found.evidence == pytest.approx(found.evidence_limit)
    assert math.isclose(found.estimate, 0.5, abs_tol=0.35)


def _work(gate: Gate, tasks: int, rates: dict[str, tuple[float, float]], seed: int) -> int:
    """Let a robot do tasks of some categories; return the candidate's until the gate fails."""
    rng = random.Random(seed)
    counts = {v: {name: [0, 0, 0] for name in rates} for v in ('v23', 'v24')}

    def tell() -> None:
        counters = {}
        for version, categories in counts.items():
            found = {name: TaskCounts(*three) for name, three in categories.items()}
            total = TaskCounts(*map(sum, zip(*categories.values())))
            counters[version] = VersionCounters(tasks=total, categories=found)
        gate.observe('amr_0', 'v23', 'boot', counters, 0.5)

    tell()
    for _ in range(tasks):
        own, name = rng.random() < 0.5, rng.choice(sorted(rates))
        three = counts['v24' if own else 'v23'][name]
        three[0] += 1
        tell()
        three[1] += 1
        three[2] += rng.random() < rates[name][own]
        tell()
        if gate.has_failed:
            break
    return gate.candidate_tasks


def test_a_category_that_collapses_is_found_among_healthy_ones() -> None:
    """Of four categories, one falls to 20%: what most tasks hide is found by its own evidence."""
    rates = dict.fromkeys(('boxes', 'cups', 'cans'), (0.92, 0.92)) | {'bags': (0.92, 0.20)}
    criteria = SuccessCriteria(sample_ratio_alpha=0)
    taken = [_work(Gate(criteria, 'v24', explain=False), 2000, rates, n) for n in range(9)]
    assert sorted(taken)[4] < 120


def test_categories_of_different_difficulty_are_no_harm() -> None:
    rates = {'boxes': (0.98, 0.98), 'cups': (0.4, 0.4), 'bags': (0.7, 0.7)}
    criteria = SuccessCriteria(sample_ratio_alpha=0)
    gates = [Gate(criteria, 'v24', explain=False) for _ in range(6)]
    for number, gate in enumerate(gates):
        _work(gate, 400, rates, 100 + number)
    assert sum(gate.has_failed for gate in gates) <= 1
    assert all(_success(gate).n > 150 for gate in gates)


@settings(max_examples=20)
@given(
    st.lists(st.tuples(RATES, st.sampled_from('ab')), min_size=1, max_size=4),
    SHARES,
    RATES,
    st.sampled_from([1.5, 25.0]),
)
def test_equal_versions_have_none_on_average_in_any_categories(
    tasks: list[tuple[float, str]], share: float, baseline: float, limit: float
) -> None:
    expectation = 0.0
    for path in itertools.product(itertools.product((False, True), repeat=2), repeat=len(tasks)):
        chance, evidence = 1.0, DrawnEvidence(limit)
        for (own, won), (rate, category) in zip(path, tasks):
            chance *= (share if own else 1 - share) * (rate if won else 1 - rate)
            if evidence.value < limit:
                evidence.add_tasks(ONE[own, won], share, baseline, category)
        expectation += chance * evidence.value
    assert expectation == pytest.approx(1)
