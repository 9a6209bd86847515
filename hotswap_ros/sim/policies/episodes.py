# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Execution of tasks with a policy, and counts of their ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.sim.arm.task import PickWorld

Policy = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass
class Stats:
    """Counts of ended tasks per category and per error, and simulated seconds in total."""

    tasks: int = 0
    succeeded: int = 0
    stuck: int = 0
    simulated_s: float = 0.0
    failed_s: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)
    category_tasks: Counter[str] = field(default_factory=Counter)
    category_succeeded: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Stats) -> Stats:
        return Stats(
            self.tasks + other.tasks,
            self.succeeded + other.succeeded,
            self.stuck + other.stuck,
            self.simulated_s + other.simulated_s,
            self.failed_s + other.failed_s,
            self.errors + other.errors,
            self.category_tasks + other.category_tasks,
            self.category_succeeded + other.category_succeeded,
        )


def rollout(world: PickWorld, policy: Policy, tasks: int) -> Stats:
    """Do `tasks` tasks with `policy`, one after the other."""
    stats = Stats()
    for _ in range(tasks):
        category = world.begin().category
        end = None
        while end is None:
            end = world.step(policy(world.observation()))
        stats.tasks += 1
        stats.succeeded += end.success
        stats.stuck += end.stuck
        stats.simulated_s += end.duration_s
        stats.category_tasks[category] += 1
        stats.category_succeeded[category] += end.success
        if end.error:
            stats.errors[end.error] += 1
            stats.failed_s += end.duration_s
    return stats
