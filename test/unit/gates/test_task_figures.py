# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Gates compare progress, duration and interventions of tasks whose versions were drawn."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator

import pytest
from _counting_robot import CountingRobot

from hotswap_ros.gates import CheckResult, Gate, Verdict
from hotswap_ros.gates.pairing.in_flight import RobotTasks
from hotswap_ros.gates.pairing.tasks import Arm, DrawnTasks
from hotswap_ros.gates.stats.betting import ScoreEvidence
from hotswap_ros.gates.tally import CategoryTasks
from hotswap_ros.plan import SuccessCriteria

Find = Callable[..., CheckResult]
NOTHING_ELSE = {'max_stuck_per_robot': None, 'grave_events': (), 'sample_ratio_alpha': 0}
PROGRESS = SuccessCriteria(**NOTHING_ELSE, max_progress_drop=0.05)
DURATION = SuccessCriteria(**NOTHING_ELSE, max_duration_increase=0.2, duration_limit_s=60)
HELP = SuccessCriteria(**NOTHING_ELSE, no_more_interventions=True)
SHARE = 0.5


def drawn(number: int, seed: int = 1) -> Iterator[str]:
    """Yield the versions of tasks."""
    chance = random.Random(seed)
    for _ in range(number):
        yield 'v24' if chance.random() < SHARE else 'v23'


def rollout(
    criteria: SuccessCriteria, tasks: int, run: Callable[[CountingRobot, str], object]
) -> Gate:
    """Return the gate of a robot that reports each of its tasks, which `run` counts."""
    gate, robot = Gate(criteria, 'v24'), CountingRobot('amr_1', 'v23')
    robot.tell(gate, SHARE)
    for version in drawn(tasks):
        run(robot, version)
        robot.tell(gate, SHARE)
    return gate


def test_less_progress_is_found_though_success_is_equal(check: Find) -> None:
    def run(robot: CountingRobot, version: str) -> None:
        robot.run(version, progress=0.6 if version == 'v24' else 0.9)

    gate = rollout(PROGRESS, 200, run)
    found = check(gate, 'progress')
    assert found.verdict is Verdict.FAIL
    assert (found.control, found.estimate) == (pytest.approx(0.9), pytest.approx(0.6))
    assert check(gate, 'success').verdict is Verdict.PENDING


def test_equal_progress_is_proven(check: Find) -> None:
    def run(robot: CountingRobot, version: str) -> None:
        robot.run(version, progress=0.85 + robot.counters['v23'].tasks.finished % 3 / 20)

    gate = rollout(PROGRESS, 400, run)
    found = check(gate, 'progress', complete=True)
    assert found.verdict is Verdict.PASS
    assert found.is_proven
    assert found.proof >= found.proof_limit == 20
    # Of the success, the same tasks prove less.
    assert found.proof > check(gate, 'success', complete=True).proof


def test_progress_that_nobody_reports_is_not_a_pass(check: Find) -> None:
    gate = rollout(PROGRESS, 200, lambda robot, version: robot.run(version))
    assert check(gate, 'progress', complete=True).verdict is Verdict.INCONCLUSIVE


def test_tasks_that_were_not_drawn_are_not_a_pass(check: Find) -> None:
    gate, robot = Gate(PROGRESS, 'v24'), CountingRobot('amr_1', 'v23')
    robot.tell(gate)
    for version in drawn(200):
        robot.run(version, progress=0.9).tell(gate)
    found = check(gate, 'progress', complete=True)
    assert (found.verdict, found.n) == (Verdict.INCONCLUSIVE, 0)


@pytest.mark.parametrize(
    ('seconds', 'verdict'), [(30, Verdict.PASS), (33, Verdict.PASS), (54, Verdict.FAIL)]
)
def test_tasks_may_take_as_much_longer_as_is_allowed(
    seconds: float, verdict: Verdict, check: Find
) -> None:
    def run(robot: CountingRobot, version: str) -> None:
        robot.run(version, seconds=seconds if version == 'v24' else 30)

    found = check(rollout(DURATION, 300, run), 'duration', complete=True)
    assert found.verdict is verdict
    assert (found.control, found.estimate) == (pytest.approx(30), pytest.approx(seconds))
    assert found.threshold == pytest.approx(36)


def test_a_version_that_gives_up_what_takes_long_is_not_fast(check: Find) -> None:
    """It succeeds in 10 s or not at all, where the other one takes 10 or 40 s."""

    def run(robot: CountingRobot, version: str) -> None:
        is_hard = sum(c.tasks.finished for c in robot.counters.values()) % 2
        if version == 'v24':
            robot.run(version, succeeded=1 - is_hard, seconds=0 if is_hard else 10)
        else:
            robot.run(version, seconds=40 if is_hard else 10)

    strict = DURATION.model_copy(update={'max_duration_increase': 0.0})
    found = check(rollout(strict, 500, run), 'duration')
    assert found.verdict is Verdict.FAIL
    assert found.estimate == pytest.approx(35, abs=3)


def test_more_interventions_are_found(check: Find) -> None:
    def run(robot: CountingRobot, version: str) -> None:
        number = sum(c.tasks.finished for c in robot.counters.values())
        is_helped = number % (4 if version == 'v24' else 20) == 0
        robot.run(version, interventions=int(is_helped))

    found = check(rollout(HELP, 600, run), 'interventions')
    assert found.verdict is Verdict.FAIL
    assert found.estimate > 3 * found.control > 0


def test_as_many_interventions_are_no_harm(check: Find) -> None:
    def run(robot: CountingRobot, version: str) -> None:
        number = sum(c.tasks.finished for c in robot.counters.values())
        robot.run(version, interventions=3 * (number % 7 == 0))

    found = check(rollout(HELP, 600, run), 'interventions', complete=True)
    assert found.verdict is Verdict.PASS


@pytest.mark.parametrize('criteria', [PROGRESS, DURATION, HELP])
def test_messages_of_several_tasks_say_less(criteria: SuccessCriteria) -> None:
    """Their sums allow for tasks that differ, which tells less than the tasks one by one."""

    def worse(robot: CountingRobot, version: str, tasks: int = 1) -> None:
        own = version == 'v24'
        robot.run(
            version,
            tasks,
            progress=tasks * (0.7 if own else 0.9),
            seconds=tasks * (55 if own else 30),
            interventions=tasks * (2 if own else 1),
        )

    def evidence(together: int) -> float:
        gate, robot = Gate(criteria, 'v24'), CountingRobot('amr_1', 'v23')
        robot.tell(gate, SHARE)
        versions = list(drawn(24))
        for first in range(0, len(versions), together):
            for version in ('v23', 'v24'):
                worse(robot, version, versions[first : first + together].count(version))
            robot.tell(gate, SHARE)
        return gate.checks(complete=False)[-1].evidence

    assert evidence(1) > 1
    assert evidence(4) < evidence(2) < evidence(1)


def test_a_gate_goes_on_from_its_dump() -> None:
    criteria = SuccessCriteria(
        max_progress_drop=0.05,
        max_duration_increase=0.2,
        duration_limit_s=60,
        no_more_interventions=True,
        success_metric='progress',
    )
    straight, robot = Gate(criteria, 'v24'), CountingRobot('amr_1', 'v23')
    robot.run('v23', 30, progress=25, seconds=600, interventions=4).tell(straight, SHARE)
    other = straight
    for number, version in enumerate(drawn(120)):
        if number == 60:
            other = Gate.load(criteria, 'v24', json.loads(json.dumps(straight.dump())))
        robot.run(version, progress=0.4 + number % 5 / 10, seconds=20, interventions=number % 2)
        robot.tell(straight, SHARE)
        if other is not straight:
            robot.tell(other, SHARE)
    assert str(other.checks(complete=True)) == str(straight.checks(complete=True))


def test_all_checks_together_spend_alpha() -> None:
    for metric in ('success', 'progress'):
        criteria = SuccessCriteria(
            max_progress_drop=0.05,
            max_duration_increase=0.2,
            duration_limit_s=60,
            no_more_interventions=True,
            success_metric=metric,
        )
        split = Gate(criteria, 'v24').alpha_split
        assert {'success', 'progress', 'duration', 'interventions'} < split.keys()
        assert math.fsum(split.values()) == pytest.approx(criteria.alpha)
        assert max(split, key=split.__getitem__) == metric


def test_a_sum_is_divided_among_the_blocks_of_its_tasks() -> None:
    """Two tasks of one block and two of another end together, with seven interventions."""
    tasks = RobotTasks()
    tasks.begin(1, '', 1, 2)
    tasks.begin(1, '', 2, 2)
    new = CategoryTasks(0, 4, 3, 0, progress=3400, duration_ms=90_000, interventions=7)
    parts = dict(tasks.end(1, '', new))
    assert [part.tasks for part in parts.values()] == [2, 2]
    assert [part.shared for part in parts.values()] == [2, 2]
    assert sum(part.interventions for part in parts.values()) == 7
    assert all(part.interventions >= 3 for part in parts.values())
    assert [part.progress for part in parts.values()] == [1700, 1700]
    for part in parts.values():
        assert part.duration_ms == 30_000 * part.succeeded


def test_parts_of_a_sum_say_no_more_than_the_sum() -> None:
    """Two tasks scored 1 and 0; of each block only half of the sum is known."""
    parts, tasks = ScoreEvidence(), ScoreEvidence()
    for score in (1.0, 0.0):
        parts.add(0.5, 1, True, 0.5, 0.8, is_part=True)
        tasks.add(score, 1, True, 0.5, 0.8)
    assert parts.log_e == pytest.approx(tasks.log_e)


def test_a_broken_report_ends_no_gate() -> None:
    """More progress than tasks, from a robot that counts wrongly, is bounded."""
    gate = Gate(PROGRESS, 'v24')
    check = next(c for c in gate._checks if c.name == 'progress')
    tasks = DrawnTasks({'': (Arm(), Arm(1, 1, progress=10**9))}, SHARE)
    check.draw(tasks)  # type: ignore[attr-defined]
    assert not gate.has_failed
