# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A flag that a gate moves, over many simulated ramps: seeds are fixed."""

from __future__ import annotations

import random

import pytest

from hotswap_ros.gates import Gate, next_share, wilson_interval
from hotswap_ros.models import TaskCounts, VersionCounters
from hotswap_ros.plan import SuccessCriteria

ROBOTS, TASKS_PER_INTERVAL, INTERVALS = 10, 20, 24


def ramp(v24: float, seed: int) -> tuple[float, int]:
    """Return where the flag ends, and how many tasks the candidate did."""
    chance = random.Random(seed)
    gate = Gate(SuccessCriteria(max_stuck_per_robot=None), 'v24')
    counts = {f'r{n}': {'v23': TaskCounts(), 'v24': TaskCounts()} for n in range(ROBOTS)}
    for robot_id in counts:
        gate.observe(robot_id, 'v23', 'boot', {})
    share, done = 0.0, 0
    for _ in range(INTERVALS):
        for robot_id, versions in counts.items():
            for _ in range(TASKS_PER_INTERVAL):
                version = 'v24' if chance.random() < share else 'v23'
                won = chance.random() < {'v23': 0.92, 'v24': v24}[version]
                versions[version] += TaskCounts(1, 1, int(won))
                told = {name: VersionCounters(tasks=tasks) for name, tasks in versions.items()}
                gate.observe(robot_id, 'v23', 'boot', told)
        checks = gate.checks(complete=True)
        share = next_share(share, checks, gate.candidate_tasks - done).share
        done = gate.candidate_tasks
    return share, done


@pytest.mark.parametrize(('v24', 'seed'), [(0.92, 0), (0.95, 1000)])
def test_a_version_that_is_not_worse_gets_everything(v24: float, seed: int) -> None:
    ends = [ramp(v24, seed + number)[0] for number in range(20)]
    down = sum(end < 1 for end in ends)
    assert wilson_interval(down, len(ends)).low <= 0.05
    assert ends.count(1.0) + down == len(ends)


def test_a_worse_version_ends_at_zero_and_costs_little() -> None:
    ends = [ramp(0.75, 2000 + number) for number in range(20)]
    assert {share for share, _ in ends} == {0.0}
    everything = ROBOTS * TASKS_PER_INTERVAL * INTERVALS
    assert max(done for _, done in ends) < everything / 4
