# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Operating characteristics of gates: wrong verdicts, and tasks until a right one.

Robots run one task at a time and send cumulative counters every ten seconds, each at a time of its
own and with its task under way. Seeds are fixed. A rate is held against alpha with its Wilson
interval: a test says what so many repetitions show.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest

from hotswap_ros.gates import Gate, wilson_interval
from hotswap_ros.gates.stats.evidence import RareEvidence
from hotswap_ros.gates.stats.intervals import confidence_sequence
from hotswap_ros.models import TaskCounts, VersionCounters
from hotswap_ros.plan import SuccessCriteria

ALPHA = 0.05
TELEMETRY_S = 10.0


@dataclass(frozen=True)
class World:
    """
    A fleet and its day, in phases of equal length.

    `baseline` is the control's success rate in each phase and `share` the candidate's share of
    tasks; `drop` is how much worse the candidate is. With `correlation`, robots differ in skill. A
    success of the candidate takes `slow` times as long.
    """

    drop: float = 0.0
    baseline: tuple[float, ...] = (0.92,)
    share: tuple[float, ...] = (0.5,)
    correlation: float = 0.0
    robots: int = 5
    tasks_per_robot: int = 60
    success_s: float = 10.0
    failure_s: float = 10.0
    slow: float = 1.0
    lost: float = 0.0


class Message(NamedTuple):
    """Cumulative tasks of both versions of a robot: begun, ended, ended with success."""

    robot_id: str
    candidate: tuple[int, int, int]
    control: tuple[int, int, int]

    @property
    def counters(self) -> dict[str, VersionCounters]:
        counts = {'v24': self.candidate, 'v23': self.control}
        return {
            version: VersionCounters(tasks=TaskCounts(*tasks)) for version, tasks in counts.items()
        }


def _telemetry(world: World, rng: np.random.Generator) -> Iterator[Message]:
    """Yield what the robots send, in the order of time; a message without news is left out."""
    sent = []
    for number in range(world.robots):
        phase = np.arange(world.tasks_per_robot) * len(world.baseline) // world.tasks_per_robot
        rate = np.array(world.baseline)[phase] + _skill(world, rng)
        is_candidate = rng.random(world.tasks_per_robot) < np.array(world.share)[phase]
        won = rng.random(world.tasks_per_robot) < np.clip(rate - world.drop * is_candidate, 0, 1)
        pace = np.where(is_candidate, world.slow, 1.0) * world.success_s
        ends = np.cumsum(np.where(won, pace, world.failure_s)) + rng.uniform(0, 10)
        ticks = np.unique(np.ceil(ends / TELEMETRY_S)) * TELEMETRY_S
        ticks = ticks[rng.random(len(ticks)) >= world.lost]
        done = np.searchsorted(ends, ticks, side='right')
        begun = np.minimum(done + 1, world.tasks_per_robot)
        counts = [
            np.concatenate(([0], np.cumsum(mask)))[seen].tolist()
            for arm in (is_candidate, ~is_candidate)
            for mask, seen in ((arm, begun), (arm, done), (arm & won, done))
        ]
        phase_s = rng.uniform(0, TELEMETRY_S)
        for time, *tasks in zip(ticks.tolist(), *counts):
            message = Message(f'amr_{number:03d}', tuple(tasks[:3]), tuple(tasks[3:]))
            sent.append((time + phase_s, message))
    return iter(message for _, message in sorted(sent))


def _skill(world: World, rng: np.random.Generator) -> float:
    if not world.correlation:
        return 0.0
    rate, spread = world.baseline[0], 1 / world.correlation - 1
    return float(rng.beta(rate * spread, (1 - rate) * spread)) - rate


def _new_gate(world: World) -> Gate:
    gate = Gate(SuccessCriteria(max_stuck_per_robot=None, alpha=ALPHA), 'v24', explain=False)
    for number in range(world.robots):
        gate.observe(f'amr_{number:03d}', 'v23', 'boot', {})
    return gate


def _is_failed(gate: Gate) -> bool:
    return gate.has_failed


def _is_rolled_back(world: World, rng: np.random.Generator) -> bool:
    """Run a rollout to its end. An alarm stands, so one look at the end finds it."""
    gate = _new_gate(world)
    for message in _telemetry(world, rng):
        gate.observe(message.robot_id, 'v23', 'boot', message.counters)
    return _is_failed(gate)


def _candidate_tasks_until_rollback(world: World, rng: np.random.Generator) -> float:
    """Run a rollout until the gate fails it; infinite if it never does."""
    gate = _new_gate(world)
    for message in _telemetry(world, rng):
        gate.observe(message.robot_id, 'v23', 'boot', message.counters)
        if _is_failed(gate):
            return gate.candidate_tasks
    return math.inf


def _false_rollbacks(world: World, rollouts: int, seed: int) -> int:
    rng = np.random.default_rng(seed)
    return sum(_is_rolled_back(world, rng) for _ in range(rollouts))


EQUAL = {
    'robots alike': World(),
    'tasks of a robot alike': World(correlation=0.05),
    'failures end late': World(correlation=0.05, success_s=1, failure_s=60),
    'the candidate wins slowly': World(correlation=0.05, slow=4),
    'most messages lost': World(correlation=0.05, lost=0.8),
    'day and share both move': World(baseline=(0.88, 0.92, 0.95), share=(0.1, 0.5, 0.9)),
}
ROLLOUTS = 100


@pytest.fixture(scope='module')
def false_rollbacks() -> dict[str, int]:
    """Return how many of ROLLOUTS equal candidates were rolled back in each world."""
    return {
        name: _false_rollbacks(world, ROLLOUTS, seed)
        for seed, (name, world) in enumerate(EQUAL.items())
    }


@pytest.mark.parametrize('world', EQUAL)
def test_no_world_shows_more_false_rollbacks_than_alpha(
    world: str, false_rollbacks: dict[str, int]
) -> None:
    assert wilson_interval(false_rollbacks[world], ROLLOUTS).low <= ALPHA


def test_over_all_worlds_false_rollbacks_are_below_alpha(false_rollbacks: dict[str, int]) -> None:
    assert wilson_interval(sum(false_rollbacks.values()), len(EQUAL) * ROLLOUTS).high <= ALPHA


def test_the_simulation_would_show_a_gate_that_must_not_be_looked_at() -> None:
    """A one-sided z test after every message: right at one look, wrong at many."""
    rng = np.random.default_rng(1)
    wrong = sum(_fixed_sample_test_rejects(World(), rng) for _ in range(ROLLOUTS))
    assert wilson_interval(wrong, ROLLOUTS).low > ALPHA


def _fixed_sample_test_rejects(world: World, rng: np.random.Generator) -> bool:
    latest: dict[str, tuple[int, ...]] = {}
    for message in _telemetry(world, rng):
        latest[message.robot_id] = (*message.candidate, *message.control)
        _, n, won, _, n_control, won_control = np.sum(list(latest.values()), axis=0)
        if min(n, n_control) < 20:
            continue
        rate = (won + won_control) / (n + n_control)
        error = math.sqrt(rate * (1 - rate) * (1 / n + 1 / n_control))
        if won / n - won_control / n_control < -1.645 * error:
            return True
    return False


@pytest.mark.parametrize(
    ('drop', 'with_nineteen_controls', 'rollouts'), [(0.22, 28, 200), (0.12, 67, 60)]
)
def test_harm_is_found_as_soon_as_one_control_per_candidate_allows(
    drop: float, with_nineteen_controls: int, rollouts: int
) -> None:
    """
    Against the delays in statistics.md, which have nineteen control tasks to one of the candidate.

    One to one, a candidate task tells 0.5/0.95 as much, and blocks of ten keep 9/10 of that; the
    check may spend four fifths of alpha only.
    """
    expected = with_nineteen_controls * 0.95 / 0.5 / 0.9 * math.log(25) / math.log(20)
    rng = np.random.default_rng(2)
    world = World(drop=drop, correlation=0.05, tasks_per_robot=400)
    found = [_candidate_tasks_until_rollback(world, rng) for _ in range(rollouts)]
    assert np.mean(found) - 2 * np.std(found) / math.sqrt(rollouts) <= expected
    assert max(found) < math.inf


@pytest.mark.parametrize(('drop', 'at_most'), [(0.22, 30), (0.12, 70)])
def test_harm_costs_few_tasks_when_nine_in_ten_are_control(drop: float, at_most: float) -> None:
    """The median of the candidate's tasks until the rollback; what is found later is not run."""
    rng = np.random.default_rng(4)
    tasks = round(at_most * 10 / 5 * 1.3)
    world = World(drop=drop, correlation=0.05, share=(0.1,), tasks_per_robot=tasks)
    found = [_candidate_tasks_until_rollback(world, rng) for _ in range(200)]
    assert sum(tasks <= at_most for tasks in found) >= 100


def test_ten_times_as_many_grave_events_are_found_and_equal_ones_are_not() -> None:
    """As in statistics.md: one in five hundred, of one candidate task to nine of the control."""
    rng = np.random.default_rng(6)
    found, wrong = [], 0
    for _ in range(200):
        found.append(_tasks_until_grave_alarm(rng, 10 / 500, 2000))
        wrong += _tasks_until_grave_alarm(rng, 1 / 500, 500) < math.inf
    assert max(found) < math.inf
    assert np.mean(found) < 260
    assert wilson_interval(wrong, 200).low <= ALPHA


def _tasks_until_grave_alarm(rng: np.random.Generator, rate: float, tasks: int) -> float:
    evidence = RareEvidence()
    for task in range(1, tasks + 1):
        evidence.add((9, 1), (int(rng.binomial(9, 1 / 500)), int(rng.random() < rate)))
        if evidence.value >= 1 / ALPHA:
            return task
    return math.inf


def test_a_confidence_sequence_holds_at_all_looks_at_once() -> None:
    rng = np.random.default_rng(3)
    rollouts, pairs, rates = 300, 600, np.array([0.87, 0.92])
    won = rng.random((rollouts, pairs, 2)) < rates
    missed = sum(_leaves_out(-0.05, np.cumsum(one, axis=0)) for one in won)
    assert wilson_interval(missed, rollouts).low <= ALPHA


def _leaves_out(truth: float, won: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> bool:
    for pairs, wins in enumerate(won.tolist(), start=1):
        if pairs < 20:
            continue
        rates = [(successes + 1) / (pairs + 2) for successes in wins]
        variance = pairs / 4 * sum(rate * (1 - rate) for rate in rates)
        low, high = confidence_sequence((wins[0] - wins[1]) / 2, variance, pairs / 2)
        if not low <= truth <= high:
            return True
    return False
