# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Measurement of a policy on a fleet: success rate, and correlation within robots."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import onnxruntime

from hotswap_ros.gates import Interval, intraclass, wilson_interval
from hotswap_ros.sim.arm.task import SERVICE, PickWorld, Site
from hotswap_ros.sim.policies.episodes import Policy, Stats, rollout

#: The fleet of all measurements; training never uses it.
FLEET_SEED = 20_000
FLEET_ROBOTS = 200


@dataclass(frozen=True)
class Measurement:
    """The tasks of a policy on each robot of a fleet, and their totals."""

    robots: tuple[Stats, ...]
    total: Stats

    @property
    def success(self) -> float:
        """Share of tasks that succeeded."""
        return self.total.succeeded / self.total.tasks

    @property
    def interval(self) -> Interval:
        """Wilson interval of the share, at 95%, for this fleet."""
        return wilson_interval(self.total.succeeded, self.total.tasks)

    @property
    def correlation(self) -> float:
        """Intra-class correlation of the outcomes on one robot."""
        return intraclass([(robot.succeeded, robot.tasks) for robot in self.robots])

    def categories(self) -> Iterable[tuple[str, float]]:
        """Yield the share of tasks that succeeded in each category."""
        for category, tasks in sorted(self.total.category_tasks.items()):
            yield category, self.total.category_succeeded[category] / tasks

    def summary(self) -> dict[str, Any]:
        """Return the figures that go into a manifest."""
        return {
            'tasks': self.total.tasks,
            'robots': len(self.robots),
            'fleet_seed': FLEET_SEED,
            'success': round(self.success, 4),
            'interval_95': [round(end, 4) for end in self.interval],
            'intraclass_correlation': round(self.correlation, 4),
            'success_by_category': {name: round(rate, 4) for name, rate in self.categories()},
        }


def measure(
    policy: Policy, tasks: int, robots: int = FLEET_ROBOTS, site: Site = SERVICE
) -> Measurement:
    """Do `tasks` tasks with `policy`, split between `robots` robots of the fleet `FLEET_SEED`."""
    shares = (tasks // robots + (index < tasks % robots) for index in range(robots))
    stats = tuple(
        rollout(PickWorld(f'robot_{index:03d}', FLEET_SEED, site), policy, share)
        for index, share in enumerate(shares)
    )
    return Measurement(stats, sum(stats, Stats()))


def session_policy(content: bytes) -> Policy:
    """Return the policy of an ONNX file, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=['CPUExecutionProvider'])
    run: Any = session.run
    return lambda observation: run(None, {'observation': observation})[0]
