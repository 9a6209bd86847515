# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Processor time of a rollout of two days in virtual time."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from hotswap_ros.plan import load_plan
from hotswap_ros.rollout import Status
from hotswap_ros.sim.virtual import FleetSpec, VirtualClock, VirtualFleet, VirtualSession, plain

#: Mean duration of a task, and interval of telemetry (1 s on real robots).
TASK_S, TELEMETRY_S = 600.0, 3600.0
PLAN = """
modelId: pick_policy
version: v24
strategy: ProgressiveRollout
stages:
  - {percentage: 10, duration: PT12H}
  - {percentage: 25, duration: PT12H}
  - {percentage: 50, duration: PT12H}
  - {percentage: 100, duration: PT12H}
missingAfter: PT6H
"""


def rollout(robots: int) -> dict[str, Any]:
    """Return the processor seconds of a rollout to this number of robots, and its result."""
    began = time.process_time()
    clock = VirtualClock(1_767_600_000.0)
    spec = FleetSpec(robots=robots, task_s=TASK_S, telemetry_s=TELEMETRY_S)
    fleet = VirtualFleet(spec, [plain('v23', 0.92), plain('v24', 0.94)], clock)
    session = VirtualSession(fleet, clock, explain=False)
    rollout_id = session.start(load_plan(PLAN))
    session.run(lambda: rollout_id in session.ended, limit_s=4 * 86_400)
    snapshot = session.snapshot(rollout_id)
    assert snapshot is not None
    assert snapshot.state.status is Status.SUCCEEDED, snapshot.state.reason
    session.close()
    return {
        'robots': robots,
        'processor_s': time.process_time() - began,
        'virtual_days': session.elapsed_s / 86_400,
    }


def line(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return the least-squares line through the rows, each weighted by its own size."""
    robots = np.array([row['robots'] for row in rows], float)
    seconds = np.array([row['processor_s'] for row in rows])
    slope, fixed = np.polyfit(robots, seconds, 1, w=1 / seconds)
    off = np.max(np.abs(fixed + slope * robots - seconds) / seconds)
    found = {'fixed_s': fixed, 's_per_1000_robots': 1000 * slope, 'farthest_off': off}
    return {name: float(value) for name, value in found.items()}
