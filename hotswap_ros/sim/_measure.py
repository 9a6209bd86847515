# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How good a policy is over many robots, and how much the robots differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hotswap_ros.sim._rollout import Policy, Stats, rollout
from hotswap_ros.sim._task import PickWorld


@dataclass(frozen=True)
class Measurement:
    """What a policy did on each robot, and all in all."""

    robots: tuple[Stats, ...]
    total: Stats

    @property
    def success(self) -> float:
        """Share of tasks that succeeded."""
        return self.total.succeeded / self.total.tasks

    @property
    def correlation(self) -> float:
        """Intra-class correlation of task outcomes on the same robot."""
        return intraclass([(robot.succeeded, robot.tasks) for robot in self.robots])


def measure(policy: Policy, tasks: int, robots: int, seed: int) -> Measurement:
    """Let `policy` do `tasks` tasks, spread over `robots` robots of the fleet `seed`."""
    shares = [tasks // robots + (index < tasks % robots) for index in range(robots)]
    stats = tuple(
        rollout(PickWorld(f'robot_{index:03d}', seed), policy, share)
        for index, share in enumerate(shares)
    )
    return Measurement(stats, sum(stats, Stats()))


def wilson(successes: int, tasks: int, z: float = 1.96) -> tuple[float, float]:
    """Return the Wilson interval of a success rate, by default at 95%."""
    rate, spread = successes / tasks, z * z / tasks
    middle = (rate + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(rate * (1 - rate) / tasks + spread / (4 * tasks))
    return middle - half, middle + half


def intraclass(robots: Sequence[tuple[int, int]]) -> float:
    """
    Return the intra-class correlation of (successes, tasks) per robot, by analysis of variance.

    Zero when robots differ no more than chance makes them; below zero when they differ less.
    """
    total = sum(tasks for _, tasks in robots)
    mean = sum(successes for successes, _ in robots) / total
    between = sum(n * (s / n - mean) ** 2 for s, n in robots) / (len(robots) - 1)
    within = sum(s * (1 - s / n) for s, n in robots) / (total - len(robots))
    size = (total - sum(n * n for _, n in robots) / total) / (len(robots) - 1)
    spread = between + (size - 1) * within
    return (between - within) / spread if spread else 0.0
