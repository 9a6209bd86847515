# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A robot of a fake fleet: it serves as a real one does, and draws the outcomes of its tasks."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import replace

from hotswap_ros.fleet import Command, RobotReport, Route, Telemetry
from hotswap_ros.models import (
    LATENCY_EDGES_MS,
    PROGRESS_UNIT,
    Routing,
    ShadowCounts,
    TaskCounts,
    VersionCounters,
)
from hotswap_ros.rollout import Cause
from hotswap_ros.sim.virtual.clock import VirtualClock
from hotswap_ros.sim.virtual.library import Library
from hotswap_ros.sim.virtual.server import Refusal, VirtualServer

_NO_TASKS = TaskCounts()
_USUAL_BUCKET = 7
_SHADOWED_PER_TASK = 5


class FakeRobot(VirtualServer):
    """
    One robot. Routing, generations, leases and breakers are those of the real serving engine.

    A test may change these attributes at any time:

    - `success`: success rate by version; a version that a robot serves needs one.
    - `failure_progress`: progress of a failed task, by version (0.0); a success has 1.0.
    - `agreement`: share of a shadow's decisions that equal those of stable, by version (1.0).
    - `latency`: index into LATENCY_EDGES_MS where a version's requests are counted (7).
    - `unloadable`: versions that the robot refuses to load, with the cause.
    - `digests`: digest of a version's file on this robot, where it differs from the others.
    - `region`, `labels`, `resident_limit`: as in the robot's report.
    - `online`: False: the robot does nothing and is unreachable.
    - `deaf`: no command and no heartbeat reaches the robot.
    - `mute`: no message of the robot reaches a coordinator.
    - `counts_are_lost`: its status arrives, its counters do not.
    - `status_is_lost`: its counters arrive, its status does not.
    - `tells_time`: False: its messages have no time stamp.
    - `may_refuse`: the coordinator may be ignorant of the robot's state, so a refusal is no error.
    """

    def __init__(
        self,
        robot_id: str,
        library: Library,
        clock: VirtualClock,
        stable: str,
        success: Mapping[str, float],
        seed: object = '',
        region: str = '',
        labels: tuple[str, ...] = (),
        place: str = '',
    ) -> None:
        serves = Routing(library.model_id, stable)
        super().__init__(
            robot_id, library, clock, serves, lambda: None, region, labels, place=place
        )
        self.success = dict(success)
        self.failure_progress: dict[str, float] = {}
        self.agreement: dict[str, float] = {}
        self.latency: dict[str, int] = {}
        self.online = True
        self.deaf = False
        self.mute = False
        self.counts_are_lost = False
        self.status_is_lost = False
        self.tells_time = True
        self.may_refuse = False
        #: Every version that decided a task.
        self.served: set[str] = set()
        self.tasks_done = 0
        #: Task counts since the last start, by version, and by version and category.
        self.counts: dict[str, TaskCounts] = {}
        self.categories: dict[tuple[str, str], TaskCounts] = {}
        self._shadows: dict[str, ShadowCounts] = {}
        self._random = random.Random(f'{seed} {robot_id}')
        self._epoch = 0
        self.start()

    # -- what the robot says ----------------------------------------------------------------------

    @property
    def report(self) -> RobotReport:
        """Return the robot's status."""
        self._report = None  # A test may have changed any attribute.
        return super().report

    @property
    def wall_time(self) -> float:
        """Return the time of the robot's clock, in seconds since 1970."""
        return self._clock.now + self.clock_shift_s

    @property
    def telemetry(self) -> Telemetry:
        """Return the robot's counters."""
        versions = {*self.counts, *self._shadows}
        counters = {version: self._counters(version) for version in versions}
        return Telemetry(self.boot_id, self.routing, counters)

    def _counters(self, version: str) -> VersionCounters:
        tasks = self.counts.get(version, _NO_TASKS)
        latency = [0] * (len(LATENCY_EDGES_MS) + 1)
        latency[self.latency.get(version, _USUAL_BUCKET)] = tasks.finished
        return VersionCounters(
            requests=tasks.finished,
            tasks=tasks,
            categories={name: done for (v, name), done in self.categories.items() if v == version},
            latency=tuple(latency),
            shadow=self._shadows.get(version, ShadowCounts()),
        )

    # -- what the robot does ----------------------------------------------------------------------

    def do_tasks(self, number: int) -> None:
        """Do tasks, each with the version that the routing assigns to it; none without one."""
        if not self.routing.stable:
            return
        for _ in range(number):
            version = self.begin_task()
            won = self._random.random() < self.success[version]
            self.count(version, self._done(version, won))
            if self.routing.shadow:
                self._compare(self.routing.shadow)

    def _done(self, version: str, won: bool) -> TaskCounts:
        progress = 1.0 if won else self.failure_progress.get(version, 0.0)
        return TaskCounts(
            started=1,
            finished=1,
            succeeded=int(won),
            progress=round(PROGRESS_UNIT * progress),
            progress_reports=int(version in self.failure_progress),
        )

    def begin_task(self) -> str:
        """Return the version that decides the robot's next task."""
        self.tasks_done += 1
        version = self.routing.assign(f'{self.robot_id}/{self.tasks_done}')
        self.served.add(version)
        return version

    def count(self, version: str, done: TaskCounts, category: str = '') -> None:
        """Add to a version's task counts, and to those of the category unless it is empty."""
        self.counts[version] = self.counts.get(version, _NO_TASKS) + done
        if category:
            key = version, category
            self.categories[key] = self.categories.get(key, _NO_TASKS) + done

    def _compare(self, shadow: str) -> None:
        agreement = self.agreement.get(shadow, 1.0)
        agreed = sum(self._random.random() < agreement for _ in range(_SHADOWED_PER_TASK))
        last = self._shadows.get(shadow, ShadowCounts())
        self._shadows[shadow] = replace(
            last,
            offered=last.offered + _SHADOWED_PER_TASK,
            compared=last.compared + _SHADOWED_PER_TASK,
            agreed=last.agreed + agreed,
        )

    def reboot(self, stable: str = '') -> None:
        """Restart with what the robot served last, or as a new robot with the version `stable`."""
        self.stop()
        self.counts.clear()
        self.categories.clear()
        self._shadows.clear()
        self._epoch = 0
        self.start(Routing(self.routing.model_id, stable) if stable else None)

    # -- what happens to the robot ----------------------------------------------------------------

    def look_at_time(self) -> None:
        """Swap at the instant of a routing, and drop a candidate whose lease is over."""
        self.look_at_clock()
        self.end_lease()

    def hear_heartbeat(self, rollout_ids: Collection[str], epoch: int) -> None:
        """Renew the lease of a candidate of these rollouts, unless an older coordinator asks."""
        if epoch >= self._epoch:
            self._epoch = epoch
            self.in_force.renew_lease(rollout_ids)

    def obey(self, command: Command) -> Refusal | None:
        """
        Do what a coordinator asks.

        A coordinator that has the robot's newest report asks nothing that the robot refuses for
        its state: such a refusal fails the test, unless the robot `may_refuse`.
        """
        refusal = super().obey(command)
        if refusal is not None and refusal.cause is Cause.NONE:
            assert self.may_refuse or self._is_stale(command), refusal.message
        return refusal

    def _is_stale(self, command: Command) -> bool:
        newest = self.pending or self.routing
        return isinstance(command, Route) and command.routing.generation <= newest.generation
