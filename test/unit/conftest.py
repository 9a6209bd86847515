# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A fleet in virtual time: robots that obey commands, do tasks and report."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field, replace
from functools import partial

import pytest
from _network import Network

from hotswap_ros.coordinator import IN_MEMORY, Coordinator, Journal
from hotswap_ros.fleet import (
    QUIET,
    BreakerReport,
    EventKind,
    LoadVersion,
    RobotReport,
    Route,
    Telemetry,
    UnloadVersion,
    VersionReport,
)
from hotswap_ros.models import (
    LATENCY_EDGES_MS,
    Routing,
    ShadowCounts,
    TaskCounts,
    VersionCounters,
    VersionState,
)
from hotswap_ros.rollout import Cause

MODEL = 'pick_policy'


@dataclass
class VirtualRobot:
    """
    One robot: `success` maps a version to its success rate, `agreement` a shadow to how often it
    decides as the stable version does, and `latency` a version to its bucket.

    It may be out of reach (not `online`), hear nothing (`deaf`) or say nothing (`mute`). `now` is
    what its clock says, `skew_s` by how much that is wrong.
    """

    robot_id: str
    success: dict[str, float]
    random: random.Random
    region: str = ''
    labels: tuple[str, ...] = ()
    routing: Routing = field(default_factory=lambda: Routing(MODEL, 'v23'))
    versions: dict[str, VersionReport] = field(default_factory=dict)
    counts: dict[str, TaskCounts] = field(default_factory=dict)
    boot: int = 1
    place: str = ''
    online: bool = True
    deaf: bool = False
    mute: bool = False
    may_be_misled: bool = False
    silence_s: float = 0.0
    epoch: int = 0
    unloadable: dict[str, Cause] = field(default_factory=dict)
    served: set[str] = field(default_factory=set)
    tasks_done: int = 0
    resident_limit: int = 2
    breaker: BreakerReport | None = None
    agreement: dict[str, float] = field(default_factory=dict)
    latency: dict[str, int] = field(default_factory=dict)
    shadows: dict[str, ShadowCounts] = field(default_factory=dict)
    pending: Routing | None = None
    now: float = 0.0
    skew_s: float = 0.0
    tells_time: bool = True
    counts_are_lost: bool = False
    cached: set[str] = field(default_factory=set)

    def __post_init__(self):
        self.cached.add(self.routing.stable)
        self.versions = {self.routing.stable: self.ready(self.routing.stable)}

    @staticmethod
    def ready(version):
        return VersionReport(VersionState.READY, digest=f'digest of {version}')

    def report(self):
        return RobotReport(
            robot_id=self.robot_id,
            server=f'{self.place}/{self.robot_id}/model_server',
            model_id=MODEL,
            boot_id=f'{self.place}boot {self.boot}',
            routing=self.routing,
            versions=dict(self.versions),
            region=self.region,
            labels=self.labels,
            resident_limit=self.resident_limit,
            breaker=self.breaker,
        )

    def telemetry(self):
        return Telemetry(
            f'{self.place}boot {self.boot}',
            {version: self._counters(version) for version in {*self.counts, *self.shadows}},
        )

    def _counters(self, version):
        tasks = self.counts.get(version, TaskCounts())
        latency = [0] * (len(LATENCY_EDGES_MS) + 1)
        latency[self.latency.get(version, 7)] = tasks.finished
        return VersionCounters(
            requests=tasks.finished,
            tasks=tasks,
            latency=tuple(latency),
            shadow=self.shadows.get(version, ShadowCounts()),
        )

    def do_tasks(self, number):
        for _ in range(number):
            self.tasks_done += 1
            version = self.routing.assign(f'{self.robot_id}/{self.tasks_done}')
            self.served.add(version)
            won = self.random.random() < self.success[version]
            done = TaskCounts(started=1, finished=1, succeeded=int(won))
            self.counts[version] = self.counts.get(version, TaskCounts()) + done
            if self.routing.shadow:
                self._shadow(self.routing.shadow)

    def _shadow(self, version, steps=5):
        agreed = sum(self.random.random() < self.agreement.get(version, 1.0) for _ in range(steps))
        last = self.shadows.get(version, ShadowCounts())
        self.shadows[version] = replace(
            last,
            offered=last.offered + steps,
            compared=last.compared + steps,
            agreed=last.agreed + agreed,
        )

    def mind_time(self, now):
        """Swap when the time of a routing has come."""
        self.now = now
        if self.pending is not None and self.pending.activate_at <= now:
            self.routing, self.pending = self.pending, None
            self.silence_s = 0.0

    def hear_heartbeat(self, rollout_ids, epoch):
        if epoch < self.epoch:
            return
        self.epoch = epoch
        if self.routing.salt in rollout_ids:
            self.silence_s = 0.0

    def mind_lease(self, passed_s):
        """Drop a candidate that nobody watches any more."""
        self.silence_s += passed_s
        if self.routing.candidate and self.silence_s > self.routing.lease_s:
            self.routing = replace(self.routing, candidate='', candidate_share=0.0)

    def reboot(self, stable='v23'):
        """Begin anew with a version, or with '' on what it served last."""
        self.boot += 1
        self.counts.clear()
        self.shadows.clear()
        self.pending = None
        last = self.routing
        self.routing = Routing(MODEL, stable) if stable else last.with_stable_alone(last.stable)
        self.versions = {self.routing.stable: self.ready(self.routing.stable)}

    def obey(self, command):
        """Return None, or why the robot refuses."""
        if isinstance(command, LoadVersion):
            return self._load(command.version)
        if isinstance(command, UnloadVersion):
            waiting = () if self.pending is None else self.pending.versions
            if command.version in (*self.routing.versions, *waiting):
                return self._refuse('the routing names it')
            self.versions[command.version] = VersionReport(VersionState.RELEASED)
            if command.delete_files:
                self.cached.discard(command.version)
        elif isinstance(command, Route):
            if command.routing in (self.routing, self.pending):
                return None
            newest = max(r.generation for r in (self.routing, self.pending) if r is not None)
            if command.routing.generation <= newest:
                return Cause.NONE, 'stale generation'
            if not all(self.report().is_ready(v) for v in command.routing.versions):
                return self._refuse('not ready')
            self.pending = command.routing
            self.mind_time(self.now)
        return None

    def _load(self, version):
        if version in self.unloadable:
            return self.unloadable[version], f'no {version} here'
        if self.report().is_ready(version):
            return None
        if len(self.report().resident()) >= self.resident_limit:
            return self._refuse('no room')
        self.versions[version] = self.ready(version)
        self.cached.add(version)
        return None

    def _refuse(self, why):
        """Refuse what nobody asks of a robot whose reports arrive."""
        assert self.may_be_misled, why
        return Cause.NONE, why


class QuickJournal(Journal):
    """A journal that outlives the coordinator, but not the power: no test cuts that."""

    SYNCHRONOUS = 'OFF'


class VirtualFleet:
    """
    Robots and a coordinator, between which lies a `network`; `run` lets time pass.

    With `leases`, robots drop a candidate that nobody watches any more. `now` is what the
    coordinator's clock says, `ahead_s` by how much more than those of the robots. A `rival` is a
    coordinator with a journal of its own, which says what it says after the other.
    """

    def __init__(
        self,
        journal_path,
        robots=10,
        seed=1,
        leases=False,
        regions=('',),
        labels=(),
        start=1_000.0,
        **success,
    ):
        rates = {'v23': 0.92, 'v24': 0.94, 'v25': 0.5} | success
        self.now = start
        self.ahead_s = 0.0
        self.network = Network(seed)
        self.rates, self.seed = rates, seed
        self.journal_path = journal_path
        self.leases = leases
        self.ids = itertools.count(1)
        self.robots = {
            f'r{i:02}': VirtualRobot(
                f'r{i:02}',
                rates,
                random.Random(f'{seed} {i}'),
                regions[i % len(regions)],
                labels,
            )
            for i in range(robots)
        }
        #: Whether people are told what the coordinator says.
        self.tells = True
        #: Other robots that call themselves like one of them.
        self.doubles = {}
        self.events = []
        self.commands = ()
        self.lease_rollouts = ()
        self.journal = None
        self.rival = None
        self.boot_coordinator()

    def boot_coordinator(self):
        """Start the coordinator, or start it again as after a kill: only the journal is left."""
        if self.journal is not None:
            self.journal.close()
        self.journal = QuickJournal(self.journal_path)
        self.coordinator = Coordinator(
            self.journal,
            lambda: f'rollout-{next(self.ids)}',
            self.now,
            unreachable_after_s=5.0,
            explain=False,
        )

    def kill_coordinator(self):
        """Leave the robots alone."""
        self.journal.close()
        self.coordinator = None

    def boot_rival(self, hears):
        """Start another coordinator; `hears`: each hears the heartbeats of the other."""
        self.rival = Coordinator(
            QuickJournal(IN_MEMORY), lambda: f'rival-{next(self.ids)}', self.now
        )
        self.rival_hears = hears

    def set_clock(self, by_s):
        """Set the coordinator's clock, which it does not notice while it runs."""
        assert self.coordinator is None
        self.now += by_s
        self.ahead_s += by_s

    def step(self, tasks=2):
        """Let one second pass."""
        self.now += 1.0
        for robot in self._everybody:
            robot.mind_time(self.now - self.ahead_s + robot.skew_s)
            if self.leases:
                robot.mind_lease(1.0)
            if robot.online:
                robot.do_tasks(tasks)
        self.network.pass_time(self.now)
        if self.coordinator is not None:
            self._listen()
            self._tick()
        if self.rival is not None:
            self._tick_rival()

    @property
    def _everybody(self):
        return [*self.robots.values(), *self.doubles.values()]

    def _listen(self):
        for robot in self._everybody:
            if robot.online and not robot.mute:
                clock = robot.now if robot.tells_time else None
                self._to_coordinator('on_report', robot.report(), clock=clock)
                if not robot.counts_are_lost:
                    self._to_coordinator('on_telemetry', MODEL, robot.robot_id, robot.telemetry())

    def _to_coordinator(self, name, *values, **others):
        def hand_over():
            if self.coordinator is not None:
                getattr(self.coordinator, name)(*values, self.now, **others)

        self.network.send(hand_over, self.now)
        if name != 'on_refused':
            self._to_rival(name, *values, **others)

    def _to_rival(self, name, *values, **others):
        def hand_over():
            if self.rival is not None:
                getattr(self.rival, name)(*values, self.now, **others)

        self.network.send(hand_over, self.now)

    def _tick(self):
        output = self.coordinator.tick(self.now)
        self.events += output.events
        assert not any(e.alert and EventKind(e.kind) in QUIET for _, e in output.events)
        if self.tells:
            self.coordinator.on_told(output.events_number, self.now)
        self.commands = output.commands
        self.lease_rollouts = output.lease_rollouts
        for command in output.commands:
            self.network.send(partial(self._command, command), self.now)
        self._beat(self.coordinator, output, self.rival)

    def _tick_rival(self):
        output = self.rival.tick(self.now)
        for command in output.commands:
            self.network.send(partial(self._command, command, self._to_rival), self.now)
        self._beat(self.rival, output, self.coordinator)

    def _beat(self, sender, output, other):
        for robot in self._everybody:
            if robot.online and not robot.deaf and output.lease_rollouts is not None:
                robot.hear_heartbeat(output.lease_rollouts, sender.epoch)
        if other is not None and self.rival_hears and output.lease_rollouts is not None:
            other.on_heartbeat(sender.epoch, self.now)

    def _command(self, command, answer=None):
        everybody = [self.robots[command.robot_id], self.doubles.get(command.robot_id)]
        for robot in filter(None, everybody):
            if robot.report().server == command.server and robot.online and not robot.deaf:
                self._obey(robot, command, answer or self._to_coordinator)

    def _obey(self, robot, command, answer):
        robot.may_be_misled |= self.network.had_trouble
        refusal = robot.obey(command)
        if refusal is not None and not robot.mute:
            answer('on_refused', command, *refusal)

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

    def add_robot(self, robot_id, region='', stable='v23', labels=()):
        """Switch on a robot that nobody has heard of."""
        robot = VirtualRobot(
            robot_id,
            self.rates,
            random.Random(f'{self.seed} {robot_id}'),
            region,
            labels,
            Routing(MODEL, stable),
        )
        self.robots[robot_id] = robot
        return robot

    def double(self, robot_id):
        """Let another robot come that calls itself like one of them."""
        robot = VirtualRobot(robot_id, self.rates, random.Random(f'{self.seed} double'))
        robot.place, robot.may_be_misled = '/elsewhere', True
        self.robots[robot_id].may_be_misled = True
        self.doubles[robot_id] = robot

    def command(self, rollout_id, verb, remark='', share=None):
        """Say something to a rollout, and let it act."""
        self.coordinator.command(rollout_id, verb, self.now, remark, share)

    def serving(self, version):
        """Return the robots whose stable version it is."""
        return {i for i, robot in self.robots.items() if robot.routing.stable == version}

    def shares(self):
        """Return the candidate's share on each robot."""
        return {i: robot.routing.candidate_share for i, robot in self.robots.items()}

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
