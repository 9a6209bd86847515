# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Quick rollouts in virtual time: the real runner and gate, over robots with given success rates.

A rollout of hours takes a second, so that a plan can be simulated a thousand times before it runs
on robots. All decisions are those of the runner.
"""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import dataclass, field
from typing import NamedTuple

from hotswap_ros.fleet import FleetView, RobotReport, Telemetry, VersionReport
from hotswap_ros.models import (
    LATENCY_EDGES_MS,
    PROGRESS_UNIT,
    Routing,
    TaskCounts,
    VersionCounters,
    VersionState,
)
from hotswap_ros.plan import Observe, Plan
from hotswap_ros.rollout import Runner, Status
from hotswap_ros.rollout.start import begin

#: Version that virtual robots serve before the rollout.
STABLE = 'stable'
_BOOT = 'boot'
_NO_TASKS = TaskCounts()
#: Seconds between two ticks.
_TICK_S = 0.05
#: Seconds between two reports of a robot without changes, so that no counters are missing.
_ALL_TELL_S = 60.0


@dataclass(frozen=True)
class World:
    """
    A fleet and the truth about two versions.

    `stable` and `candidate` are success rates. With an intra-class `correlation` robots differ in
    skill, which is beta-distributed and equal for both versions. Each robot does one task after
    the other, of mean duration `task_s`, and sends telemetry every `telemetry_s`, at a phase of
    its own.
    """

    stable: float
    candidate: float
    robots: int = 100
    correlation: float = 0.0
    task_s: float = 10.0
    telemetry_s: float = 1.0


class RolloutEnd(NamedTuple):
    """
    The end of a rollout, and its cost.

    `stage` is the stage that it had reached, from 1. `lost` is the expected
    number of additional failed tasks compared with stable; negative if the candidate is better.
    """

    status: Status
    stage: int
    candidate_tasks: int
    lost: float
    seconds: float


@dataclass
class _Robot:
    robot_id: str
    rates: dict[str, float]
    routing: Routing
    resident: tuple[str, ...] = (STABLE,)
    counts: dict[str, TaskCounts] = field(default_factory=dict)
    version: str = ''
    phase: float = 0.0
    tells_at: float = math.inf

    def counters(self) -> dict[str, VersionCounters]:
        return {version: _counters(tasks) for version, tasks in self.counts.items()}


def _counters(tasks: TaskCounts) -> VersionCounters:
    """Return one valid, fast request per task: only success differs."""
    requests = tasks.finished
    latency = (requests, *([0] * len(LATENCY_EDGES_MS)))
    return VersionCounters(requests=requests, tasks=tasks, latency=latency)


def _finished(won: bool) -> TaskCounts:
    """Return what a task counts that reports no progress."""
    return TaskCounts(finished=1, succeeded=int(won), progress=PROGRESS_UNIT * int(won))


def simulate_rollout(plan: Plan, world: World, seed: str) -> RolloutEnd:
    """Run a rollout of `plan` to its end, or until it pauses for a person."""
    return _Simulation(plan, world, seed).run()


class _Simulation:
    def __init__(self, plan: Plan, world: World, seed: str) -> None:
        self.plan, self.world = plan, world
        self.chance = random.Random(seed)
        self.now = 0.0
        self.view = FleetView(self.now, unreachable_after_s=math.inf)
        self.robots = {
            f'robot_{number:03d}': self._robot(f'robot_{number:03d}')
            for number in range(world.robots)
        }
        self.ends: list[tuple[float, str]] = []
        self.tells: list[tuple[float, str]] = []
        self.candidate_tasks = 0
        self.lost = 0.0
        for robot in self.robots.values():
            robot.phase = self.chance.random()
            self._report(robot)
            self._tell(robot)
        reports = self.view.reports(plan.model_id)
        state = begin(seed, plan, reports, self.now)
        self.runner = Runner.start(state, self.now, explain=False)
        self.seen = -1

    def _robot(self, robot_id: str) -> _Robot:
        world = self.world
        skill = 0.0
        if world.correlation:
            spread = 1 / world.correlation - 1
            skill = self.chance.betavariate(world.stable * spread, (1 - world.stable) * spread)
            skill -= world.stable
        rates = {STABLE: world.stable, self.plan.version: world.candidate}
        rates = {version: min(1.0, max(0.0, rate + skill)) for version, rate in rates.items()}
        return _Robot(robot_id, rates, Routing(self.plan.model_id, STABLE))

    def run(self) -> RolloutEnd:
        state = self.runner.state
        while state.status in (Status.PENDING, Status.RUNNING):
            self._obey()
            self._pass_time()
            self.runner.tick(self.view, self.now)
        stages = [i for i, step in enumerate(state.steps) if isinstance(step, Observe)]
        stage = max(1, sum(index <= state.step_index for index in stages))
        return RolloutEnd(state.status, stage, self.candidate_tasks, self.lost, self.now)

    def _obey(self) -> None:
        """Serve the desired routings of the runner at once."""
        if self.runner.desired_routings.revision == self.seen:
            return
        self.seen = self.runner.desired_routings.revision
        for wish in self.runner.desired():
            robot = self.robots[wish.robot_id]
            joins = bool(wish.routing.candidate) and not robot.routing.candidate
            if (wish.routing, wish.resident) != (robot.routing, robot.resident):
                robot.routing, robot.resident = wish.routing, wish.resident
                self._report(robot)
            if joins:  # during a task, which is not part of the trial
                self._begin(robot, self.now + self.chance.random() * self.world.task_s)

    def _report(self, robot: _Robot) -> None:
        report = RobotReport(
            robot_id=robot.robot_id,
            server=f'/{robot.robot_id}',
            model_id=self.plan.model_id,
            boot_id=_BOOT,
            routing=robot.routing,
            versions={name: VersionReport(VersionState.READY, name) for name in robot.resident},
        )
        self.view.on_report(report, self.now)

    def _begin(self, robot: _Robot, began: float) -> None:
        routing = robot.routing
        chosen = routing.candidate and self.chance.random() < routing.candidate_share
        robot.version = routing.candidate if chosen else routing.stable
        self._count(robot, TaskCounts(started=1), began)
        ends = began + self.world.task_s * self.chance.uniform(0.5, 1.5)
        heapq.heappush(self.ends, (ends, robot.robot_id))

    def _pass_time(self) -> None:
        """Advance to the next tick with telemetry; do the tasks until then."""
        soonest = min([heap[0][0] for heap in (self.ends, self.tells) if heap])
        self.now = _TICK_S * max(math.floor(self.now / _TICK_S) + 1, math.ceil(soonest / _TICK_S))
        while self.ends and self.ends[0][0] <= self.now:
            ended, robot_id = heapq.heappop(self.ends)
            robot = self.robots[robot_id]
            self._tell_until(ended)
            self._finish(robot, ended)
            if robot.routing.candidate:
                self._begin(robot, ended)
        self._tell_until(self.now)

    def _tell_until(self, moment: float) -> None:
        """Send the telemetry that is due, with the counters of its own time."""
        while self.tells and self.tells[0][0] <= moment:
            tells_at, robot_id = heapq.heappop(self.tells)
            if self.robots[robot_id].tells_at == tells_at:
                self._tell(self.robots[robot_id])

    def _count(self, robot: _Robot, change: TaskCounts, moment: float) -> None:
        """Count, and report it with the robot's next telemetry."""
        robot.counts[robot.version] = robot.counts.get(robot.version, _NO_TASKS) + change
        self._tell_at(robot, self._next_telemetry(robot, moment))

    def _next_telemetry(self, robot: _Robot, moment: float) -> float:
        period = self.world.telemetry_s
        return period * (math.floor(moment / period - robot.phase) + 1 + robot.phase)

    def _tell_at(self, robot: _Robot, moment: float) -> None:
        if moment < robot.tells_at:
            robot.tells_at = moment
            heapq.heappush(self.tells, (moment, robot.robot_id))

    def _finish(self, robot: _Robot, ended: float) -> None:
        version = robot.version
        won = self.chance.random() < robot.rates[version]
        self._count(robot, _finished(won), ended)
        if version != STABLE:
            self.candidate_tasks += 1
            self.lost += robot.rates[STABLE] - robot.rates[version]

    def _tell(self, robot: _Robot) -> None:
        telemetry = Telemetry(_BOOT, robot.routing, robot.counters())
        self.view.on_telemetry(self.plan.model_id, robot.robot_id, telemetry)
        robot.tells_at = math.inf
        self._tell_at(robot, self._next_telemetry(robot, self.now + _ALL_TELL_S))
