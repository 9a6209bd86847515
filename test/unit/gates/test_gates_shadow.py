# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The agreement check of a shadow: the unit is a task, not a step."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest

from hotswap_ros.gates import CheckResult, Gate, Verdict, wilson_interval
from hotswap_ros.models import ShadowCounts, TaskCounts, VersionCounters
from hotswap_ros.plan import SuccessCriteria

Check = Callable[..., CheckResult]
STEPS = 20


class Shadowed:
    """A robot whose stable version, v23, does tasks while v24 decides beside it."""

    def __init__(self, gate: Gate, robot_id: str = 'amr_001') -> None:
        self._gate, self._robot_id, self._boot = gate, robot_id, 'boot-1'
        self._tasks = self._compared = self._agreed = 0
        self.tell()

    def run(self, agreed: int, compared: int = STEPS, tasks: int = 1) -> None:
        self._tasks += tasks
        self._compared += compared
        self._agreed += agreed
        self.tell()

    def reboot(self) -> None:
        self._boot += 'x'
        self._tasks = self._compared = self._agreed = 0

    def tell(self) -> None:
        shadow = ShadowCounts(self._compared, 0, self._compared, self._agreed)
        counters = {
            'v23': VersionCounters(tasks=TaskCounts(self._tasks, self._tasks, self._tasks)),
            'v24': VersionCounters(shadow=shadow),
        }
        self._gate.observe(self._robot_id, 'v23', self._boot, counters)


@pytest.fixture
def gate() -> Gate:
    return Gate(SuccessCriteria(min_shadow_agreement=0.95), 'v24')


def test_a_shadow_that_agrees_passes_when_the_step_is_complete(gate: Gate, check: Check) -> None:
    amr = Shadowed(gate)
    for task in range(60):
        amr.run(STEPS - (task % 5 == 0))
    assert check(gate, 'shadow').verdict is Verdict.PENDING
    found = check(gate, 'shadow', complete=True)
    assert found.verdict is Verdict.PASS
    assert (found.estimate, found.threshold, found.n) == (0.99, 0.95, 1200)
    assert (found.low, found.high) == pytest.approx(wilson_interval(1188, 1200))
    assert '99.0% of 1,200 comparisons, 95.0% required' in found.sentence


def test_a_shadow_that_decides_otherwise_fails_before_the_step_is_complete(
    gate: Gate, check: Check
) -> None:
    amr = Shadowed(gate)
    for _ in range(60):
        amr.run(16)
    assert gate.has_failed
    found = check(gate, 'shadow')
    assert found.verdict is Verdict.FAIL
    assert found.evidence >= found.evidence_limit
    assert found.sentence.endswith('roll back.')
    for _ in range(200):  # what comes later takes nothing back
        amr.run(STEPS)
    assert check(gate, 'shadow', complete=True).verdict is Verdict.FAIL


def test_few_tasks_cannot_pass_however_many_steps_they_have(gate: Gate, check: Check) -> None:
    amr = Shadowed(gate)
    for _ in range(19):
        amr.run(10_000, 10_000)
    assert check(gate, 'shadow', complete=True).verdict is Verdict.INCONCLUSIVE
    amr.run(10_000, 10_000)
    assert check(gate, 'shadow', complete=True).verdict is Verdict.PASS


def test_tasks_count_however_many_end_between_two_messages(gate: Gate, check: Check) -> None:
    amr = Shadowed(gate)
    amr.run(STEPS * 10, STEPS * 10, tasks=10)
    assert check(gate, 'shadow', complete=True).verdict is Verdict.INCONCLUSIVE
    amr.run(STEPS * 10, STEPS * 10, tasks=10)
    assert check(gate, 'shadow', complete=True).verdict is Verdict.PASS


def test_without_comparisons_nothing_is_decided(gate: Gate, check: Check) -> None:
    amr = Shadowed(gate)
    for _ in range(100):
        amr.run(0, 0)
    found = check(gate, 'shadow', complete=True)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert 'none of 0 comparisons' in found.sentence


def test_one_task_that_goes_another_way_is_one_task(gate: Gate, check: Check) -> None:
    """A thousand steps apart in a row are one bet lost, not a thousand."""
    amr = Shadowed(gate)
    for _ in range(50):
        amr.run(STEPS)
    amr.run(0, 1000)
    found = check(gate, 'shadow', complete=True)
    assert found.estimate == 0.5
    assert found.verdict is Verdict.PASS
    assert found.evidence < found.evidence_limit


def test_a_reboot_loses_nothing_that_was_told(gate: Gate, check: Check) -> None:
    amr = Shadowed(gate)
    for _ in range(30):
        amr.run(STEPS)
    amr.reboot()
    for _ in range(30):
        amr.run(STEPS)
    assert check(gate, 'shadow', complete=True).n == 60 * STEPS


def test_a_loaded_gate_goes_on_in_the_middle_of_a_task(gate: Gate, check: Check) -> None:
    amr = Shadowed(gate)
    for _ in range(20):
        amr.run(17)
    amr.run(3, 10, tasks=0)
    state = json.loads(json.dumps(gate.dump()))
    criteria = SuccessCriteria(min_shadow_agreement=0.95)
    loaded = Gate.load(criteria, 'v24', state)
    amr.run(5, 10)
    other = Shadowed.__new__(Shadowed)
    other.__dict__ = {**amr.__dict__, '_gate': loaded}
    other.tell()
    assert check(loaded, 'shadow') == check(gate, 'shadow')


def test_agreement_at_the_limit_is_seldom_called_less() -> None:
    """Tasks in which nothing agrees among tasks in which all does: as unlike as can be."""
    alarms, chance = 0, random.Random(3)
    for _ in range(150):
        gate = Gate(SuccessCriteria(min_shadow_agreement=0.9), 'v24', explain=False)
        amr = Shadowed(gate)
        for _ in range(200):
            amr.run(STEPS if chance.random() < 0.9 else 0)
        alarms += gate.has_failed
    assert wilson_interval(alarms, 150).low <= 0.05
