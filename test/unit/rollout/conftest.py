# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A fleet in virtual time: robots that obey commands, do tasks and report."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field, replace

import pytest

from hotswap_ros.models import Routing, TaskCounts, VersionCounters, VersionState
from hotswap_ros.rollout import (
    BreakerReport,
    Cause,
    Coordinator,
    Journal,
    LoadVersion,
    RobotReport,
    Route,
    Telemetry,
    UnloadVersion,
    VersionReport,
)

MODEL = 'pick_policy'


@dataclass
class VirtualRobot:
    """
    One robot: `success` maps a version to its success rate.

    It may be out of reach (not `online`), hear nothing (`deaf`) or say nothing (`mute`).
    """

    robot_id: str
    success: dict[str, float]
    random: random.Random
    region: str = ''
    routing: Routing = field(default_factory=lambda: Routing(MODEL, 'v23'))
    versions: dict[str, VersionReport] = field(default_factory=dict)
    counts: dict[str, TaskCounts] = field(default_factory=dict)
    boot: int = 1
    online: bool = True
    deaf: bool = False
    mute: bool = False
    has_been_mute: bool = False
    silence_s: float = 0.0
    unloadable: dict[str, Cause] = field(default_factory=dict)
    served: set[str] = field(default_factory=set)
    tasks_done: int = 0
    resident_limit: int = 2
    breaker: BreakerReport | None = None

    def __post_init__(self):
        self.versions = {self.routing.stable: self.ready(self.routing.stable)}

    @staticmethod
    def ready(version):
        return VersionReport(VersionState.READY, digest=f'digest of {version}')

    def report(self):
        return RobotReport(
            robot_id=self.robot_id,
            server=f'/{self.robot_id}/model_server',
            model_id=MODEL,
            boot_id=f'boot {self.boot}',
            routing=self.routing,
            versions=dict(self.versions),
            region=self.region,
            resident_limit=self.resident_limit,
            breaker=self.breaker,
        )

    def telemetry(self):
        return Telemetry(
            f'boot {self.boot}',
            {v: VersionCounters(requests=c.finished, tasks=c) for v, c in self.counts.items()},
        )

    def do_tasks(self, number):
        for _ in range(number):
            self.tasks_done += 1
            version = self.routing.assign(f'{self.robot_id}/{self.tasks_done}')
            self.served.add(version)
            won = self.random.random() < self.success[version]
            done = TaskCounts(started=1, finished=1, succeeded=int(won))
            self.counts[version] = self.counts.get(version, TaskCounts()) + done

    def hear_heartbeat(self, rollout_ids):
        if self.routing.salt in rollout_ids:
            self.silence_s = 0.0

    def mind_lease(self, passed_s):
        """Drop a candidate that nobody watches any more."""
        self.silence_s += passed_s
        if self.routing.candidate and self.silence_s > self.routing.lease_s:
            self.routing = replace(self.routing, candidate='', candidate_share=0.0)

    def reboot(self, stable='v23'):
        self.boot += 1
        self.counts.clear()
        self.routing = Routing(MODEL, stable)
        self.versions = {stable: self.ready(stable)}

    def obey(self, command):
        """Return None, or why the robot refuses."""
        if isinstance(command, LoadVersion):
            return self._load(command.version)
        if isinstance(command, UnloadVersion):
            if command.version in self.routing.versions:
                return self._refuse('the routing names it')
            self.versions[command.version] = VersionReport(VersionState.RELEASED)
        elif isinstance(command, Route):
            if not all(self.report().is_ready(v) for v in command.routing.versions):
                return self._refuse('not ready')
            if command.routing.generation <= self.routing.generation:
                return Cause.NONE, 'stale generation'
            self.routing = command.routing
            self.silence_s = 0.0
        return None

    def _load(self, version):
        if version in self.unloadable:
            return self.unloadable[version], f'no {version} here'
        if self.report().is_ready(version):
            return None
        if len(self.report().resident()) >= self.resident_limit:
            return self._refuse('no room')
        self.versions[version] = self.ready(version)
        return None

    def _refuse(self, why):
        """Refuse what nobody asks of a robot whose reports arrive."""
        assert self.has_been_mute, why
        return Cause.NONE, why


class VirtualFleet:
    """
    Robots and a coordinator that share one clock; `run` lets time pass.

    With `leases`, robots drop a candidate that nobody watches any more.
    """

    def __init__(self, journal_path, robots=10, seed=1, leases=False, **success):
        rates = {'v23': 0.92, 'v24': 0.94, 'v25': 0.5} | success
        self.now = 1_000.0
        self.journal_path = journal_path
        self.leases = leases
        self.ids = itertools.count(1)
        self.robots = {
            f'r{i:02}': VirtualRobot(f'r{i:02}', rates, random.Random(f'{seed} {i}'))
            for i in range(robots)
        }
        self.events = []
        self.lease_rollouts = ()
        self.journal = None
        self.boot_coordinator()

    def boot_coordinator(self):
        """Start the coordinator, or start it again as after a kill: only the journal is left."""
        self.journal = Journal(self.journal_path)
        self.coordinator = Coordinator(
            self.journal, lambda: f'rollout-{next(self.ids)}', self.now, unreachable_after_s=5.0
        )

    def kill_coordinator(self):
        """Leave the robots alone."""
        self.coordinator = None

    def step(self, tasks=2):
        """Let one second pass."""
        self.now += 1.0
        for robot in self.robots.values():
            if self.leases:
                robot.mind_lease(1.0)
            if robot.online:
                robot.do_tasks(tasks)
        if self.coordinator is not None:
            self._listen()
            self._tick()

    def _listen(self):
        for robot in self.robots.values():
            if robot.online and not robot.mute:
                self.coordinator.on_report(robot.report(), self.now)
                self.coordinator.on_telemetry(MODEL, robot.robot_id, robot.telemetry())

    def _tick(self):
        output = self.coordinator.tick(self.now)
        self.events += output.events
        self.lease_rollouts = output.lease_rollouts
        for command in output.commands:
            robot = self.robots[command.robot_id]
            if not robot.online or robot.deaf:
                continue
            refusal = robot.obey(command)
            if refusal is not None and not robot.mute:
                self.coordinator.on_refused(command, *refusal, self.now)
        for robot in self.robots.values():
            if robot.online and not robot.deaf:
                robot.hear_heartbeat(output.lease_rollouts or ())

    def run(self, seconds, tasks=2):
        """Let time pass."""
        for _ in range(seconds):
            self.step(tasks)

    def run_until(self, condition, at_most=3_000, tasks=2):
        """Let time pass until the condition holds."""
        for _ in range(at_most):
            if condition():
                return
            self.step(tasks)
        raise AssertionError(f'not within {at_most} s; last events: {self.events[-5:]}')

    def finish(self, rollout_id, at_most=3_000):
        """Run a rollout to its end and return its state."""
        self.run_until(lambda: self.state(rollout_id).status.is_terminal, at_most)
        return self.state(rollout_id)

    def start(self, plan):
        """Hear the robots, then start a rollout."""
        self.step()
        return self.coordinator.start(plan, self.now)

    def state(self, rollout_id):
        return self.coordinator.snapshot(self.now, rollout_id).state

    def kinds(self):
        return [event.kind for _, event in self.events]

    def stables(self):
        return {robot.routing.stable for robot in self.robots.values()}

    def candidates(self):
        return {robot.routing.candidate for robot in self.robots.values()} - {''}


@pytest.fixture
def fleet(tmp_path):
    return VirtualFleet(tmp_path / 'journal.sqlite3')


@pytest.fixture
def make_fleet(tmp_path):
    numbers = itertools.count()

    def make(**options):
        return VirtualFleet(tmp_path / f'journal_{next(numbers)}.sqlite3', **options)

    return make


@pytest.fixture
def plan():
    def text(version='v24', stages=((20, 60), (50, 150), (100, 300)), **extra):
        lines = [
            f'modelId: {MODEL}',
            f'version: {version}',
            'strategy: Canary',
            'stages:',
            *(f'  - {{percentage: {p}, tasks: {tasks}}}' for p, tasks in stages),
        ]
        return '\n'.join([*lines, *(f'{key}: {value}' for key, value in extra.items())])

    return text
