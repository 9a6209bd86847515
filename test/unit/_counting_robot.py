# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A robot that counts as a model server does, for tests that feed a gate."""

from __future__ import annotations

from collections.abc import Mapping

from hotswap_ros.gates import Gate
from hotswap_ros.models import LATENCY_EDGES_MS, TaskCounts, VersionCounters


class CountingRobot:
    """Runs tasks of two versions and tells a gate its cumulative counters."""

    def __init__(self, robot_id: str, control: str) -> None:
        self.robot_id = robot_id
        self.control = control
        self.boot_id = 'boot-1'
        self.counters: dict[str, VersionCounters] = {control: VersionCounters()}

    def run(
        self,
        version: str,
        tasks: int = 1,
        *,
        succeeded: int | None = None,
        stuck: int = 0,
        requests: int = 10,
        errors: int = 0,
        latency_ms: Mapping[float, int] | None = None,
        progress: float | None = None,
        seconds: float = 0.0,
        interventions: int = 0,
    ) -> CountingRobot:
        """
        Finish tasks; `latency_ms` counts requests per upper bucket edge.

        `progress`, `seconds` and `interventions` are sums over the tasks.
        """
        before = self.counters.get(version, VersionCounters())
        done = tasks if succeeded is None else succeeded
        latency = list(before.latency)
        for edge, number in (latency_ms or {10.0: requests}).items():
            latency[LATENCY_EDGES_MS.index(edge)] += number
        self.counters[version] = VersionCounters(
            requests=sum(latency),
            errors=before.errors + errors,
            tasks=before.tasks
            + TaskCounts(
                tasks,
                tasks,
                done,
                stuck,
                progress=round(1000 * (done if progress is None else progress)),
                progress_reports=0 if progress is None else tasks,
                duration_ms=round(1000 * seconds),
                interventions=interventions,
            ),
            latency=tuple(latency),
        )
        return self

    def reboot(self, boot_id: str) -> CountingRobot:
        """Begin again at zero."""
        self.boot_id = boot_id
        self.counters = {self.control: VersionCounters()}
        return self

    def tell(self, gate: Gate, share: float | None = None) -> CountingRobot:
        """Send a snapshot."""
        gate.observe(self.robot_id, self.control, self.boot_id, dict(self.counters), share)
        return self
