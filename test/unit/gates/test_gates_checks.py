# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Verdicts and sentences of each check."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from hotswap_ros.gates import MIN_TASKS, CheckResult, Gate, Verdict
from hotswap_ros.plan import SuccessCriteria

MakeRobot = Callable[..., Any]
Check = Callable[..., CheckResult]


def _gate(**criteria: Any) -> Gate:
    return Gate(SuccessCriteria(**criteria), 'v24')


def _pairs(amr: Any, gate: Gate, number: int, *, candidate: int, control: int) -> Any:
    """Run `number` tasks of each version, spread evenly; so many in ten succeed."""
    for index in range(number):
        amr.run('v24', succeeded=int((index * 7) % 10 < candidate))
        amr.run('v23', succeeded=int((index * 3) % 10 < control)).tell(gate)
    return amr


# -- success --------------------------------------------------------------------------------------


def test_a_worse_candidate_fails_before_the_step_is_complete(
    robot: MakeRobot, check: Check
) -> None:
    gate = _gate()
    _pairs(robot().tell(gate), gate, 100, candidate=7, control=9)
    found = check(gate, 'success')
    assert found.verdict is Verdict.FAIL
    assert found.evidence >= found.evidence_limit == pytest.approx(25)
    assert (found.estimate, found.control) == (0.7, 0.9)
    assert found.threshold == pytest.approx(0.88)
    assert found.low < 0.7 < found.high < found.control_high
    assert (found.n, found.n_control) == (100, 100)
    for figure in ('v24 ', '70.0% of 100 tasks', 'v23 ', '90.0% of 100', 'the same robots'):
        assert figure in found.sentence
    assert f' points worse (95% confidence sequence {100 * found.drop_low:.1f} to ' in (
        found.sentence
    )
    assert found.sentence.endswith(': roll back.')
    assert 0 < found.drop_low < found.drop < found.drop_high


def test_an_equal_candidate_is_pending_then_passes(robot: MakeRobot, check: Check) -> None:
    gate = _gate()
    _pairs(robot().tell(gate), gate, 100, candidate=9, control=9)
    assert check(gate, 'success').verdict is Verdict.PENDING
    assert check(gate, 'success').evidence < 1
    found = check(gate, 'success', complete=True)
    assert found.verdict is Verdict.PASS
    assert 'not proven' in found.sentence
    assert '2.0 points worse' in found.sentence


def test_a_better_candidate_is_proven_to_be_no_worse(robot: MakeRobot, check: Check) -> None:
    gate = _gate()
    _pairs(robot().tell(gate), gate, 300, candidate=9, control=7)
    found = check(gate, 'success', complete=True)
    assert found.verdict is Verdict.PASS
    assert 'not proven' not in found.sentence
    assert 'proven to be at most 2.0 points worse' in found.sentence


def test_an_alarm_is_not_taken_back(robot: MakeRobot, check: Check) -> None:
    gate = _gate()
    amr = _pairs(robot().tell(gate), gate, 100, candidate=5, control=9)
    alarm = check(gate, 'success').evidence
    _pairs(amr, gate, 400, candidate=10, control=5)
    assert check(gate, 'success', complete=True).verdict is Verdict.FAIL
    assert check(gate, 'success').evidence == alarm


def test_silence_is_never_a_pass() -> None:
    gate = _gate(max_latency_ms=50, max_error_rate=0.01)
    assert {found.verdict for found in gate.checks(complete=False)} == {Verdict.PENDING}
    assert {found.verdict for found in gate.checks(complete=True)} == {Verdict.INCONCLUSIVE}
    assert all(found.sentence.endswith('.') for found in gate.checks(complete=True))


def test_too_few_tasks_are_inconclusive(robot: MakeRobot, check: Check) -> None:
    gate = _gate(max_latency_ms=50, max_error_rate=0.01)
    amr = _pairs(robot().tell(gate), gate, MIN_TASKS - 1, candidate=9, control=9)
    assert {f.verdict for f in gate.checks(complete=True)} == {Verdict.INCONCLUSIVE}
    sentence = check(gate, 'success', complete=True).sentence
    assert f'{MIN_TASKS} tasks of each version' in sentence
    assert f'{MIN_TASKS - 1} and {MIN_TASKS - 1} ' in sentence
    _pairs(amr, gate, 1, candidate=9, control=9)
    assert {f.verdict for f in gate.checks(complete=True)} == {Verdict.PASS}


def test_without_a_control_nothing_passes(robot: MakeRobot, check: Check) -> None:
    gate = _gate()
    robot().tell(gate).run('v24', 500).tell(gate)
    found = check(gate, 'success', complete=True)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert math.isnan(found.control)
    assert math.isnan(found.threshold)
    assert (found.n, found.n_control) == (500, 0)
    assert '500 and 0 ' in found.sentence


def test_a_control_on_other_robots_is_none(robot: MakeRobot, check: Check) -> None:
    gate = _gate()
    robot('amr_001').tell(gate).run('v24', 500).tell(gate)
    robot('amr_002').tell(gate).run('v23', 500).tell(gate)
    assert check(gate, 'success', complete=True).verdict is Verdict.INCONCLUSIVE


def test_skilled_and_unskilled_robots_are_not_mixed_up(robot: MakeRobot, check: Check) -> None:
    """Pooled, the candidate looks 24 points worse: it only ran more often where all is harder."""
    gate = _gate()
    good, poor = robot('amr_001').tell(gate, 0.2), robot('amr_002').tell(gate, 0.8)
    for index in range(200):
        good.run('v23', 4, succeeded=4).run('v24', succeeded=1).tell(gate, 0.2)
        poor.run('v23', succeeded=index % 2)
        poor.run('v24', 4, succeeded=2).tell(gate, 0.8)
    found = check(gate, 'success', complete=True)
    assert found.control - found.estimate == pytest.approx(0.3)
    assert found.verdict is Verdict.PASS
    assert round(found.drop, 3) == 0
    assert 'comparable tasks equal' in found.sentence


def test_a_loss_within_the_tolerance_may_be_allowed(robot: MakeRobot, check: Check) -> None:
    strict, lenient = (
        _gate(max_success_drop=0.25, harm_null=null)
        for null in ('not_worse', 'not_worse_than_tolerance')
    )
    for gate in (strict, lenient):
        _pairs(robot().tell(gate), gate, 100, candidate=7, control=9)
    assert check(strict, 'success').verdict is Verdict.FAIL
    assert check(lenient, 'success').verdict is Verdict.PENDING
    _pairs(robot().tell(lenient), lenient, 200, candidate=4, control=9)
    found = check(lenient, 'success')
    assert found.verdict is Verdict.FAIL
    assert 'allowed 25.0 points' in found.sentence


def test_robots_may_come_from_different_versions(robot: MakeRobot, check: Check) -> None:
    gate = _gate()
    for robot_id, control in (('amr_001', 'v22'), ('amr_002', 'v23')):
        amr = robot(robot_id, control).tell(gate)
        amr.run(control, 10).run('v24', 10).tell(gate)
    assert 'the previous version in 100.0% of 20 ' in check(gate, 'success').sentence


# -- latency --------------------------------------------------------------------------------------


def test_a_slow_candidate_fails(robot: MakeRobot, check: Check) -> None:
    gate = _gate(max_latency_ms=50)
    amr = robot().tell(gate)
    for _ in range(30):
        amr.run('v24', latency_ms={10.0: 80, 75.0: 20}).run('v23').tell(gate)
    found = check(gate, 'latency')
    assert found.verdict is Verdict.FAIL
    assert (found.estimate, found.threshold, found.control) == (75.0, 50.0, 10.0)
    assert (found.n, found.n_control) == (3000, 300)
    for figure in ('20.0% of 3,000 requests to v24', '50 ms', '5.0% allowed'):
        assert figure in found.sentence


def test_a_fast_candidate_passes(robot: MakeRobot, check: Check) -> None:
    gate = _gate(max_latency_ms=50)
    amr = robot().tell(gate)
    for _ in range(300):
        amr.run('v24', latency_ms={50.0: 96, 5000.0: 4}).tell(gate)
    found = check(gate, 'latency', complete=True)
    assert found.verdict is Verdict.PASS


def test_one_slow_spell_is_one_task_not_a_thousand_requests(
    robot: MakeRobot, check: Check
) -> None:
    gate = _gate(max_latency_ms=50)
    amr = robot().tell(gate)
    for index in range(40):
        amr.run('v24', latency_ms={5000.0: 1000} if index == 20 else {10.0: 1000}).tell(gate)
    assert check(gate, 'latency', complete=True).verdict is Verdict.PASS


def test_a_limit_between_edges_is_rounded_up_and_says_so(robot: MakeRobot, check: Check) -> None:
    gate = _gate(max_latency_ms=40)
    robot().tell(gate).run('v24', 50, latency_ms={50.0: 5000}).tell(gate)
    found = check(gate, 'latency', complete=True)
    assert (found.verdict, found.threshold) == (Verdict.PASS, 50.0)
    assert '50 ms (40 ms rounded up)' in found.sentence


def test_a_limit_that_no_bucket_can_tell_is_refused() -> None:
    _gate(max_latency_ms=5000)
    with pytest.raises(ValidationError, match='less than or equal to 5000'):
        _gate(max_latency_ms=5001)


# -- errors ---------------------------------------------------------------------------------------


def test_a_failing_candidate_fails(robot: MakeRobot, check: Check) -> None:
    gate = _gate(max_error_rate=0.001)
    amr = robot().tell(gate)
    for _ in range(30):
        amr.run('v24', requests=100, errors=2).run('v23', requests=100).tell(gate)
    found = check(gate, 'errors')
    assert found.verdict is Verdict.FAIL
    assert (found.estimate, found.control, found.threshold) == (0.02, 0.0, 0.001)
    assert '2.0% of 3,000 requests to v24 failed, 0.10% allowed' in found.sentence


def test_an_error_rate_above_the_limit_by_chance_passes_and_says_so(
    robot: MakeRobot, check: Check
) -> None:
    gate = _gate(max_error_rate=0.01)
    amr = robot().tell(gate)
    for index in range(60):
        amr.run('v24', requests=100, errors=100 if index == 30 else 0).tell(gate)
    found = check(gate, 'errors', complete=True)
    assert found.verdict is Verdict.PASS
    assert found.estimate > found.threshold
    assert 'above the limit, but not beyond chance' in found.sentence


@pytest.mark.parametrize('check_name', ['latency', 'errors'])
def test_a_limit_on_requests_is_about_requests_wherever_they_sit(
    robot: MakeRobot, check: Check, check_name: str
) -> None:
    """4.5% of the requests miss where 5% may, all of them in short tasks: that is allowed."""
    failed = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        limit = {'latency': {'max_latency_ms': 50}, 'errors': {'max_error_rate': 0.05}}[check_name]
        gate = _gate(**limit, grave_events=(), max_stuck_per_robot=None)
        amr = robot().tell(gate)
        for _ in range(600):
            is_short = rng.random() < 0.8
            requests = 10 if is_short else 100
            missed = int(rng.binomial(requests, 0.1575)) if is_short else 0
            latency = {10.0: requests - missed, 75.0: missed}
            amr.run('v24', latency_ms=latency, errors=missed).run('v23').tell(gate)
        failed += check(gate, check_name, complete=True).verdict is Verdict.FAIL
    assert failed <= 1


def test_slow_requests_in_long_tasks_are_found_though_most_tasks_are_fast(
    robot: MakeRobot, check: Check
) -> None:
    gate = _gate(max_latency_ms=50)
    amr = robot().tell(gate)
    for index in range(100):
        latency = {10.0: 10} if index % 5 else {10.0: 80, 75.0: 20}
        amr.run('v24', latency_ms=latency).run('v23').tell(gate)
    assert check(gate, 'latency').verdict is Verdict.FAIL


def test_a_stage_in_which_robots_report_many_tasks_at_once_is_judged_too(
    robot: MakeRobot, check: Check
) -> None:
    """The first units wait for others, and were not judged if the stage ended before."""
    gate = _gate(max_error_rate=0.01, max_latency_ms=50)
    amr = robot().tell(gate)
    for _ in range(10):
        amr.run('v24', 10, requests=100, errors=100, latency_ms={75.0: 100}).run('v23', 10)
        amr.tell(gate)
    names = ('errors', 'latency')
    assert {check(gate, name).verdict for name in names} == {Verdict.PENDING}
    assert {check(gate, name, complete=True).verdict for name in names} == {Verdict.FAIL}


@pytest.mark.parametrize('share', [0.1, 0.5, 0.9])
def test_tasks_of_an_outage_are_no_sign_of_anything(
    robot: MakeRobot, check: Check, share: float
) -> None:
    """Without a lease all tasks are the control's, whatever the share before and after it."""
    gate = _gate()
    amr = robot().tell(gate, share)
    for number in range(200):
        amr.run('v24' if number % 10 < 10 * share else 'v23').tell(gate, share)
    before = check(gate, 'success').evidence, check(gate, 'sample_ratio', complete=True).verdict
    gate.doubt_share('amr_001')
    amr.run('v23', 500).tell(gate, share)
    for number in range(100):
        amr.run('v24' if number % 10 < 10 * share else 'v23').tell(gate, share)
    after = check(gate, 'success').evidence, check(gate, 'sample_ratio', complete=True).verdict
    assert before[1] is after[1] is Verdict.PASS
    assert max(before[0], after[0]) < 3


# -- stuck ----------------------------------------------------------------------------------------


def test_a_robot_that_gets_stuck_too_often_fails_at_once(robot: MakeRobot, check: Check) -> None:
    gate = _gate()
    amr, other = robot('amr_001').tell(gate), robot('amr_002').tell(gate)
    amr.run('v23', 50, stuck=1).run('v24', 10, stuck=10).tell(gate)
    other.run('v24', 10, stuck=9).tell(gate)
    found = check(gate, 'stuck')
    assert (found.verdict, found.method, found.estimate) == (Verdict.PENDING, 'limit', 10)
    for figure in ('amr_001 got stuck 10 times', '20 tasks with v24', '10 in 100 tasks'):
        assert figure in found.sentence
    amr.run('v24', 1, stuck=1).tell(gate)
    found = check(gate, 'stuck')
    assert found.verdict is Verdict.FAIL
    assert found.sentence.startswith('amr_001 got stuck 11 times with v24; ')
    assert '10 in 100 tasks' in found.sentence
    assert math.isnan(found.evidence)
    amr.run('v24', 500).tell(gate)
    assert check(gate, 'stuck').verdict is Verdict.FAIL


@pytest.mark.parametrize('rate', [0.005, 0.03, 0.2, 0.6])
@pytest.mark.parametrize('share', [0.5, 0.9])
def test_robots_that_get_stuck_with_both_versions_are_no_fault_of_one(
    robot: MakeRobot, check: Check, rate: float, share: float
) -> None:
    """The limit had no denominator: sooner or later every long rollout reached it."""
    gate = _gate(grave_events=())
    rng = np.random.default_rng(7)
    robots = [robot(f'amr_{number}').tell(gate) for number in range(3)]
    for _ in range(300):
        for amr in robots:
            for version, tasks in (('v23', round(40 * (1 - share))), ('v24', round(40 * share))):
                stuck = int(rng.binomial(tasks, rate))
                amr.run(version, tasks, succeeded=tasks - stuck, stuck=stuck)
            amr.tell(gate)
    assert check(gate, 'stuck', complete=True).verdict is Verdict.PASS


def test_a_burst_is_found_after_a_long_good_time_and_in_a_gate_that_was_loaded(
    robot: MakeRobot, check: Check
) -> None:
    gate = _gate()
    amr = robot().tell(gate)
    for _ in range(100):
        amr.run('v23', 20).run('v24', 20).tell(gate)
    for burst in range(11):
        assert check(gate, 'stuck').verdict is Verdict.PENDING, burst
        gate = Gate.load(SuccessCriteria(), 'v24', json.loads(json.dumps(gate.dump())))
        amr.run('v23').run('v24', stuck=1).tell(gate)
    assert check(gate, 'stuck').verdict is Verdict.FAIL


def test_what_a_gate_keeps_of_a_robot_does_not_grow_with_the_tasks_of_the_control(
    robot: MakeRobot,
) -> None:
    gate = _gate()
    amr = robot().tell(gate)

    def size_after(tasks: int) -> int:
        for _ in range(tasks):
            amr.run('v23').tell(gate)
        dump = json.loads(json.dumps(gate.dump()))
        assert Gate.load(SuccessCriteria(), 'v24', dump).dump() == dump
        return len(json.dumps(dump['checks']['stuck']))

    assert size_after(1000) <= size_after(10) + 10


def test_a_reboot_does_not_wipe_out_stuck_tasks(robot: MakeRobot, check: Check) -> None:
    gate = _gate(max_stuck_per_robot=1)
    amr = robot().tell(gate).run('v24', 1, stuck=1).tell(gate)
    amr.reboot('boot-2').run('v24', 1, stuck=1).tell(gate)
    assert check(gate, 'stuck').verdict is Verdict.FAIL


def test_only_the_worst_robots_are_named(robot: MakeRobot, check: Check) -> None:
    gate = _gate(max_stuck_per_robot=0)
    for number in range(1, 6):
        robot(f'amr_{number}').tell(gate).run('v24', number, stuck=number).tell(gate)
    assert check(gate, 'stuck').sentence.startswith(
        'amr_5 got stuck 5 times, amr_4 got stuck 4 times, amr_3 got stuck 3 times '
        'and 2 more robots with v24; '
    )


# -- all together ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('criteria', 'limits'),
    [
        ({}, {'success': 25, 'stuck': None, 'grave_events': 200}),
        ({'grave_events': ()}, {'success': 25, 'stuck': None}),
        ({'max_stuck_per_robot': None}, {'success': 25, 'grave_events': 200}),
        (
            {'max_latency_ms': 50, 'max_error_rate': 0.1, 'alpha': 0.1, 'grave_events': ()},
            {'success': 12.5, 'latency': 100, 'errors': 100, 'stuck': None},
        ),
    ],
)
def test_success_may_spend_four_fifths_of_alpha_and_the_others_share_the_rest(
    criteria: dict[str, Any], limits: dict[str, float | None]
) -> None:
    gate = _gate(**criteria, sample_ratio_alpha=0)
    found = gate.checks(complete=False)
    assert {
        result.name: result.evidence_limit if result.method == 'e-process' else None
        for result in found
    } == pytest.approx(limits)
    assert sum(gate.alpha_split.values()) <= criteria.get('alpha', 0.05) + 1e-12


def test_a_result_can_be_written_as_json() -> None:
    found = _gate().checks(complete=False)[0].as_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found['verdict'], found['estimate'], found['evidence']) == ('pending', None, 1.0)
