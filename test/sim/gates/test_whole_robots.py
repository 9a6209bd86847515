# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
False alarms where whole robots serve one version, or are compared with a number.

Seeds are fixed. The bound is one that a rate of `ALPHA` passes in 99% of runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from hotswap_ros.gates import Gate, Verdict
from hotswap_ros.models import TaskCounts, VersionCounters
from hotswap_ros.plan import SuccessCriteria

ALPHA = 0.05
ROLLOUTS = 100
RATE = 0.92
#: Messages of a robot in a stage on average, and the tasks of each.
MESSAGES, TASKS = 15, 6


@dataclass(frozen=True)
class World:
    """Robots that differ, and how many of them have the candidate in each stage."""

    criteria: dict[str, Any]
    robots: int
    correlation: float
    history: int
    cohorts: tuple[int, ...]
    #: Standard deviation of the logarithm of their speeds.
    speeds: float = 0.0


@dataclass
class Robot:
    """A robot with its rate of success and its cumulative counts of both versions."""

    name: str
    rate: float
    counts: dict[str, TaskCounts] = field(default_factory=dict)

    def work(self, version: str, tasks: int, rng: np.random.Generator) -> Robot:
        won = int(rng.binomial(tasks, self.rate))
        self.counts[version] = self.counts.get(version, TaskCounts()) + TaskCounts(
            tasks, tasks, won
        )
        return self

    def tell(self, gate: Gate) -> None:
        counters = {version: VersionCounters(tasks=done) for version, done in self.counts.items()}
        gate.observe(self.name, 'v23', 'boot', counters)


ACROSS: dict[str, Any] = {'control': 'across_robots'}
NUMBER: dict[str, Any] = {'baseline_success_rate': RATE}
FIXED: dict[str, Any] = {'method': 'fixed'}
WORLDS = {
    'across, three robots without history': World(ACROSS, 3, 0.2, 0, (1, 1, 1, 1)),
    'across, three robots that differ': World(ACROSS, 3, 0.3, 42, (1, 1)),
    'across, ten robots without history': World(ACROSS, 10, 0.05, 0, (1, 3, 5)),
    'across, ten robots that differ': World(ACROSS, 10, 0.3, 0, (1, 3, 5)),
    'across, speeds with heavy tails': World(ACROSS, 30, 0.05, 42, (3, 15), speeds=1.5),
    'a number, three robots': World(NUMBER, 3, 0.3, 42, (1, 3)),
    'a number, ten robots': World(NUMBER, 10, 0.1, 0, (1, 3, 5)),
    'at stage ends, across': World(ACROSS | FIXED, 10, 0.1, 42, (1, 3, 5)),
    'at stage ends, a number': World(NUMBER | FIXED, 10, 0.1, 42, (1, 3, 5)),
    'history': World({'control': 'history'}, 3, 0.3, 42, (1, 3)),
}


def fails(world: World, seed: int) -> bool:
    """Run a rollout of an equal version; return whether a check fails."""
    rng = np.random.default_rng(seed)
    spread = 1 / world.correlation - 1
    rates = rng.beta(RATE * spread, (1 - RATE) * spread, world.robots)
    fleet = [Robot(f'amr_{n}', float(rate)) for n, rate in enumerate(rates)]
    speeds = np.exp(world.speeds * rng.standard_normal(world.robots))
    criteria = SuccessCriteria(alpha=ALPHA, max_stuck_per_robot=None, **world.criteria)
    gate = Gate(criteria, 'v24', stages=len(world.cohorts), explain=False)
    for robot in fleet:
        robot.work('v23', world.history, rng).tell(gate)
    return any(stage_fails(gate, fleet, own, speeds, rng) for own in world.cohorts)


def stage_fails(
    gate: Gate, fleet: list[Robot], own: int, speeds: np.ndarray, rng: np.random.Generator
) -> bool:
    gate.begin_stage()
    messages = rng.choice(len(fleet), MESSAGES * len(fleet), p=speeds / speeds.sum())
    for number in messages.tolist():
        fleet[number].work('v24' if number < own else 'v23', TASKS, rng).tell(gate)
        if gate.has_failed:
            return True
    return any(check.verdict is Verdict.FAIL for check in gate.checks(complete=True))


@pytest.mark.parametrize('world', WORLDS)
def test_robots_that_differ_are_seldom_taken_for_a_worse_version(world: str) -> None:
    alarms = sum(fails(WORLDS[world], seed) for seed in range(ROLLOUTS))
    assert alarms <= binom.ppf(0.99, ROLLOUTS, ALPHA)
