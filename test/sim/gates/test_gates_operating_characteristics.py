# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
How often a gate is wrong and how soon it is right, over many rollouts of a simulated fleet.

Robots run one task at a time and send cumulative counters every ten seconds; the gate is asked
after every message. Seeds are fixed. A rate is held against alpha with its Wilson interval, so that
the tests say what so many repetitions can show.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest

from hotswap_ros.gates import Gate, Verdict, confidence_sequence, wilson_interval
from hotswap_ros.models import TaskCounts, VersionCounters
from hotswap_ros.plan import SuccessCriteria

ALPHA = 0.05
TELEMETRY_S = 10.0


@dataclass(frozen=True)
class World:
    """
    A fleet and its day, in phases of equal length.

    `baseline` is the control's success rate in each phase and `share` the candidate's share of
    tasks; `drop` is how much worse the candidate is. With `correlation`, robots differ in skill.
    """

    drop: float = 0.0
    baseline: tuple[float, ...] = (0.92,)
    share: tuple[float, ...] = (0.5,)
    correlation: float = 0.0
    robots: int = 5
    tasks_per_robot: int = 80
    success_s: float = 10.0
    failure_s: float = 10.0
    lost: float = 0.0


class Message(NamedTuple):
    """Cumulative tasks and successes of both versions of a robot."""

    robot_id: str
    candidate: tuple[int, int]
    control: tuple[int, int]

    @property
    def counters(self) -> dict[str, VersionCounters]:
        counts = {'v24': self.candidate, 'v23': self.control}
        return {
            version: VersionCounters(tasks=TaskCounts(tasks, tasks, successes))
            for version, (tasks, successes) in counts.items()
        }


def _telemetry(world: World, rng: np.random.Generator) -> Iterator[Message]:
    """Yield what the robots send, in the order of time; a message without news is left out."""
    sent = []
    for number in range(world.robots):
        phase = np.arange(world.tasks_per_robot) * len(world.baseline) // world.tasks_per_robot
        rate = np.array(world.baseline)[phase] + _skill(world, rng)
        is_candidate = rng.random(world.tasks_per_robot) < np.array(world.share)[phase]
        won = rng.random(world.tasks_per_robot) < np.clip(rate - world.drop * is_candidate, 0, 1)
        ends = np.cumsum(np.where(won, world.success_s, world.failure_s)) + rng.uniform(0, 10)
        ticks = np.unique(np.ceil(ends / TELEMETRY_S)) * TELEMETRY_S
        ticks = ticks[rng.random(len(ticks)) >= world.lost]
        done = np.searchsorted(ends, ticks, side='right')
        counts = [
            np.concatenate(([0], np.cumsum(mask)))[done].tolist()
            for mask in (is_candidate, is_candidate & won, ~is_candidate, ~is_candidate & won)
        ]
        for time, *(tasks, wins, control_tasks, control_wins) in zip(ticks.tolist(), *counts):
            message = Message(f'amr_{number:03d}', (tasks, wins), (control_tasks, control_wins))
            sent.append((time, message))
    return iter(message for _, message in sorted(sent))


def _skill(world: World, rng: np.random.Generator) -> float:
    if not world.correlation:
        return 0.0
    rate, spread = world.baseline[0], 1 / world.correlation - 1
    return float(rng.beta(rate * spread, (1 - rate) * spread)) - rate


def _candidate_tasks_at_rollback(world: World, rng: np.random.Generator) -> int | None:
    """Run a rollout; return after how many candidate tasks the gate failed it, None if never."""
    gate = Gate(SuccessCriteria(max_stuck_per_robot=None, alpha=ALPHA), 'v24')
    for number in range(world.robots):
        gate.observe(f'amr_{number:03d}', 'v23', 'boot', {})
    for message in _telemetry(world, rng):
        gate.observe(message.robot_id, 'v23', 'boot', message.counters)
    # The verdict of an e-process that has crossed its limit stands: one look at the end finds it.
    if gate.checks(complete=False)[0].verdict is Verdict.FAIL:
        return gate.candidate_tasks
    return None


def _false_rollbacks(world: World, rollouts: int, seed: int) -> int:
    rng = np.random.default_rng(seed)
    found = [_candidate_tasks_at_rollback(world, rng) for _ in range(rollouts)]
    return sum(tasks is not None for tasks in found)


EQUAL = {
    'robots alike': World(),
    'tasks of a robot alike': World(correlation=0.05),
    'failures end late': World(correlation=0.05, success_s=1, failure_s=60),
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
