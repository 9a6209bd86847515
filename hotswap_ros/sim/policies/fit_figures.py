# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Outcomes of a version, computed from the tasks that it did in the physics simulation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from hotswap_ros.gates import intraclass
from hotswap_ros.models import Manifest, VersionCounters
from hotswap_ros.serving import BREAKER_LIMIT
from hotswap_ros.sim.arm.task import CONTROL_PERIOD_S, TaskEnd
from hotswap_ros.sim.policies.measure import FLEET_SEED
from hotswap_ros.sim.virtual import VersionOutcomes

COMMAND = '`python -m hotswap_ros.sim.policies.fit`'
_QUANTILES = 32


@dataclass(frozen=True)
class TaskRecord:
    """
    One task: its end, and the failure cause of each request ('' without a failure).

    `late` requests are those that this machine delayed, not the version.
    """

    robot: int
    category: str
    end: TaskEnd
    requests: tuple[str, ...]
    agreement: float
    late: int


@dataclass
class Fit:
    """The tasks of one version, and the figures computed from them."""

    manifest: Manifest
    stable: str
    robots: int
    done: list[TaskRecord] = field(default_factory=list)
    counters: VersionCounters = field(default_factory=VersionCounters)
    load_s: float = 0.0
    given_up: list[int] = field(default_factory=list)
    why: str = ''

    def outcomes(self) -> VersionOutcomes:
        """Return the figures for the virtual fleet."""
        by_category = {
            name: list(tasks)
            for name, tasks in groupby(
                sorted(self.done, key=lambda one: one.category), key=lambda one: one.category
            )
        }
        ends = [one.end for one in self.done]
        latency = self._latency()
        return VersionOutcomes.model_validate(
            {
                'version': self.manifest.version,
                'origin': (
                    f'{len(self.done):,} tasks of {self.robots} robots in the physics simulation, '
                    f'fleet {FLEET_SEED}, beside {self.stable}, by {COMMAND}'
                ),
                'digest': self.manifest.sha256,
                'categories': {
                    name: _category(tasks, len(self.done)) for name, tasks in by_category.items()
                },
                'lab': self.manifest.training.get('measured', {}).get('success_by_category', {}),
                'correlation': round(max(0.0, self._correlation), 4),
                'success_s': _quantiles([end.duration_s for end in ends if end.success]),
                'failure_s': _quantiles([end.duration_s for end in ends if not end.success]),
                'success_progress': _quantiles([end.progress for end in ends if end.success]),
                'failure_progress': _quantiles(
                    [end.progress for end in ends if not end.success], none=0.0
                ),
                'period_s': CONTROL_PERIOD_S,
                'latency': _rounded(latency / latency.sum()),
                'failures': self._failures(by_category),
                'agreement': _quantiles([one.agreement for one in self.done]),
                'inputs': {
                    name: _rounded(np.array(bins) / max(1, sum(bins)))
                    for name, bins in self.counters.inputs.items()
                    if sum(bins)
                },
                'load_s': round(self.load_s, 1),
                'gives_up': {'reason': self.why, 'requests': self.given_up} if self.why else None,
            }
        )

    def _latency(self) -> Any:
        """Return the histogram without the requests that this machine delayed."""
        latency = np.array(self.counters.latency, float)
        late = sum(one.late for one in self.done)
        for bucket in reversed(range(len(latency))):
            taken = min(late, latency[bucket])
            latency[bucket] -= taken
            late -= taken
        return latency

    @property
    def _correlation(self) -> float:
        counts: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        for one in self.done:
            counts[one.robot][0] += one.end.success
            counts[one.robot][1] += 1
        return intraclass([(won, n) for won, n in counts.values()])

    def _failures(self, by_category: Mapping[str, Sequence[TaskRecord]]) -> list[dict[str, Any]]:
        causes = sorted({cause for one in self.done for cause in one.requests if cause})
        found = []
        for cause in causes:
            hit = [one for one in self.done if cause in one.requests]
            found.append(
                {
                    'cause': cause,
                    'tasks': {
                        # Categories without tasks have the mean of all.
                        '': round(len(hit) / len(self.done), 5),
                        **{
                            name: round(sum(cause in o.requests for o in tasks) / len(tasks), 5)
                            for name, tasks in by_category.items()
                        },
                    },
                    'requests': round(sum(o.requests.count(cause) for o in hit) / len(hit), 2),
                    'breaks': round(sum(map(_breaks, hit)) / len(hit), 4),
                }
            )
        return found


def _category(tasks: Sequence[TaskRecord], whole: int) -> dict[str, Any]:
    failed = [one.end for one in tasks if not one.end.success]
    errors = Counter(end.error for end in failed)
    return {
        'share': round(len(tasks) / whole, 4),
        'success': round(1 - len(failed) / len(tasks), 4),
        'stuck': round(sum(end.stuck for end in failed) / len(tasks), 4),
        'errors': {name: round(n / len(failed), 4) for name, n in errors.most_common()},
    }


def _breaks(one: TaskRecord) -> bool:
    """Return whether enough requests in a row failed to open the breaker."""
    runs = [len(list(run)) for failed, run in groupby(one.requests, key=bool) if failed]
    return max(runs, default=0) >= BREAKER_LIMIT


def _quantiles(values: Sequence[float], none: float = 1.0) -> list[float]:
    if not values:
        return [none]
    where = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    return [round(value, 4) for value in np.quantile(values, where).tolist()]


def _rounded(shares: Any) -> list[float]:
    return [round(share, 6) for share in shares.tolist()]
