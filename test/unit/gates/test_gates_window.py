# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Counts of a gate when messages are lost, doubled, late or from before a reboot."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotswap_ros.gates import Gate
from hotswap_ros.models import TaskCounts, VersionCounters
from hotswap_ros.plan import SuccessCriteria

MakeRobot = Callable[..., Any]


@pytest.fixture
def gate() -> Gate:
    return Gate(SuccessCriteria(), 'v24')


def test_tasks_from_before_the_cohort_do_not_count(gate: Gate, robot: MakeRobot) -> None:
    amr = robot().run('v23', 500).run('v24', 3).tell(gate)
    assert (gate.candidate_tasks, gate.control_tasks) == (0, 0)
    amr.run('v23', 2).run('v24', 1).tell(gate)
    assert (gate.candidate_tasks, gate.control_tasks) == (1, 2)


def test_a_candidate_that_appears_later_counts_from_zero(gate: Gate, robot: MakeRobot) -> None:
    robot().run('v23', 500).tell(gate).run('v24', 4).tell(gate)
    assert (gate.candidate_tasks, gate.control_tasks) == (4, 0)


def test_other_versions_do_not_count(gate: Gate, robot: MakeRobot) -> None:
    robot().tell(gate).run('v22', 7).tell(gate)
    assert (gate.candidate_tasks, gate.control_tasks) == (0, 0)


def test_a_lost_message_loses_nothing(gate: Gate, robot: MakeRobot) -> None:
    robot().tell(gate).run('v24', 5).run('v24', 5).run('v23', 8).tell(gate)
    assert (gate.candidate_tasks, gate.control_tasks) == (10, 8)


def test_a_duplicate_counts_once(gate: Gate, robot: MakeRobot) -> None:
    robot().tell(gate).run('v24', 5).tell(gate).tell(gate)
    assert gate.candidate_tasks == 5


def test_a_late_message_counts_nothing(gate: Gate, robot: MakeRobot) -> None:
    amr = robot().tell(gate).run('v24', 2)
    late = dict(amr.counters)
    amr.run('v24', 2).run('v23', 1).tell(gate)
    gate.observe(amr.robot_id, amr.control, amr.boot_id, late)
    amr.run('v24', 1).tell(gate)
    assert (gate.candidate_tasks, gate.control_tasks) == (5, 1)


def test_after_a_reboot_counters_begin_at_zero(gate: Gate, robot: MakeRobot) -> None:
    amr = robot().run('v23', 90).tell(gate).run('v24', 3).tell(gate)
    amr.reboot('boot-2').run('v24', 2).run('v23', 1).tell(gate)
    assert (gate.candidate_tasks, gate.control_tasks) == (5, 1)


def test_a_message_from_before_the_reboot_may_come_late(gate: Gate, robot: MakeRobot) -> None:
    amr = robot().tell(gate).run('v24', 3).tell(gate)
    early, late = dict(amr.counters), dict(amr.run('v24', 4).counters)
    amr.reboot('boot-2').run('v24', 2).tell(gate)
    gate.observe(amr.robot_id, amr.control, 'boot-1', late)
    gate.observe(amr.robot_id, amr.control, 'boot-1', early)
    amr.run('v24', 1).tell(gate)
    assert gate.candidate_tasks == 10


def test_a_late_message_of_an_earlier_boot_does_not_end_tasks_in_flight(
    gate: Gate, robot: MakeRobot
) -> None:
    amr = robot().tell(gate).run('v24', 3).tell(gate)
    late = dict(amr.run('v24', 1).counters)
    amr.reboot('boot-2').counters['v24'] = VersionCounters(tasks=TaskCounts(5, 2, 2))
    amr.tell(gate)
    assert gate.candidate_tasks == 5
    gate.observe(amr.robot_id, amr.control, 'boot-1', late)
    assert gate.candidate_tasks == 6


def test_tasks_in_flight_are_lost_with_a_boot_until_a_late_message_says_how_they_ended(
    gate: Gate, robot: MakeRobot
) -> None:
    amr = robot().tell(gate)
    before = {'v24': VersionCounters(tasks=TaskCounts(5, 2, 2))}
    gate.observe(amr.robot_id, amr.control, 'boot-1', before)
    amr.reboot('boot-2').tell(gate)
    assert gate.candidate_tasks == 5
    late = {'v24': VersionCounters(tasks=TaskCounts(6, 4, 4))}
    gate.observe(amr.robot_id, amr.control, 'boot-1', late)
    assert gate.candidate_tasks == 6


def test_a_torn_message_is_left_out_and_made_up_for(gate: Gate, robot: MakeRobot) -> None:
    amr = robot().tell(gate)
    torn = {'v24': VersionCounters(tasks=TaskCounts(1, 1, 2))}
    gate.observe(amr.robot_id, amr.control, amr.boot_id, torn)
    assert gate.candidate_tasks == 0
    amr.run('v24', 3).tell(gate)
    assert gate.candidate_tasks == 3


def test_a_version_that_is_gone_is_no_news(gate: Gate, robot: MakeRobot) -> None:
    amr = robot().tell(gate).run('v24', 3).run('v23', 3).tell(gate)
    gate.observe(amr.robot_id, amr.control, amr.boot_id, {})
    amr.run('v23', 1).tell(gate)
    assert (gate.candidate_tasks, gate.control_tasks) == (3, 4)


def test_another_control_version_begins_with_a_reference(gate: Gate, robot: MakeRobot) -> None:
    amr = robot().tell(gate).run('v23', 3).run('v22', 100).tell(gate)
    amr.control = 'v22'
    amr.tell(gate).run('v22', 2).tell(gate)
    assert gate.control_tasks == 5


def test_a_robot_that_reboots_for_ever_does_not_fill_the_memory(
    gate: Gate, robot: MakeRobot
) -> None:
    amr = robot().tell(gate)
    sizes = []
    for number in range(100):
        amr.reboot(f'boot {number:04d}').run('v24', 1).tell(gate).run('v24', 1).tell(gate)
        sizes.append(len(json.dumps(gate.dump()['window']['robots'])))
    assert gate.candidate_tasks == 200
    assert len(set(sizes[20:])) == 1


def test_robots_are_kept_apart(gate: Gate, robot: MakeRobot) -> None:
    one, two = robot('amr_001').tell(gate), robot('amr_002').tell(gate)
    one.run('v24', 5).tell(gate)
    two.run('v24', 2).tell(gate)
    assert gate.candidate_tasks == 7


@dataclass(frozen=True)
class _Message:
    boot: int
    candidate: TaskCounts
    control: TaskCounts


@st.composite
def _lives(draw: st.DrawFn) -> list[_Message]:
    """Return what a robot sends, in order: cumulative counts over one to three boots."""
    sent = []
    for boot in range(draw(st.integers(1, 3))):
        counts = [TaskCounts(), TaskCounts()]
        for _ in range(draw(st.integers(1, 6))):
            for arm in (0, 1):
                tasks = draw(st.integers(0, 4))
                won = draw(st.integers(0, tasks))
                counts[arm] += TaskCounts(tasks, tasks, won, tasks - won)
            sent.append(_Message(boot, *counts))
    return sent


@given(_lives(), st.data())
def test_only_what_a_reboot_hides_is_lost(sent: list[_Message], data: st.DataObject) -> None:
    """Lost, doubled and shuffled: of each boot the latest message that arrived is what counts."""
    first, rest = sent[0], sent[1:]
    arrived = data.draw(st.permutations(rest + rest)) if rest else []
    arrived = arrived[: data.draw(st.integers(0, len(arrived)))]

    gate = Gate(SuccessCriteria(), 'v24')
    for message in [first, *arrived]:
        counters = {
            'v24': VersionCounters(tasks=message.candidate),
            'v23': VersionCounters(tasks=message.control),
        }
        gate.observe('amr_001', 'v23', f'boot-{message.boot}', counters)

    latest = {first.boot: first}
    for message in arrived:
        latest[message.boot] = max(
            latest.get(message.boot, message), message, key=lambda m: sent.index(m)
        )
    seen = latest.values()
    candidate = sum(message.candidate.finished for message in seen)
    control = sum(message.control.finished for message in seen)
    assert gate.candidate_tasks == candidate - first.candidate.finished
    assert gate.control_tasks == control - first.control.finished


def test_a_late_message_of_an_earlier_boot_counts_in_categories() -> None:
    gate = Gate(SuccessCriteria(max_category_drop=0.5), 'v24')

    def tell(boot: str, tasks: int) -> None:
        done = TaskCounts(tasks, tasks, tasks)
        gate.observe('r1', 'v23', boot, {'v24': VersionCounters(categories={'boxes': done})})

    for boot, tasks in (('a', 0), ('a', 4), ('b', 2), ('a', 7), ('b', 3), ('a', 6)):
        tell(boot, tasks)
    (found,) = (c for c in gate.checks(complete=False) if c.name == 'categories')
    assert found.n == 10
