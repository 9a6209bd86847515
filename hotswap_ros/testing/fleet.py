# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A fleet of fake robots and their coordinator, in virtual time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from hotswap_ros.coordinator import IN_MEMORY, Coordinator, Journal, Output
from hotswap_ros.fleet import Command, Event, EventKind
from hotswap_ros.plan import Plan, load_plan
from hotswap_ros.rollout import RolloutState, Verb
from hotswap_ros.sim.virtual.clock import VirtualClock
from hotswap_ros.sim.virtual.library import Library
from hotswap_ros.sim.virtual.outcomes import plain
from hotswap_ros.testing.network import FakeNetwork
from hotswap_ros.testing.robot import FakeRobot

_Message: TypeAlias = Callable[[Coordinator], None]
_LIMIT_S = 3_000
#: Names of the two coordinators, in the order in which they act.
_FIRST, _SECOND = 'first', 'second'


class _QuickJournal(Journal):
    """A journal that survives the end of its coordinator, but no power cut: no test has one."""

    SYNCHRONOUS = 'OFF'


class FakeFleet:
    """
    Robots `r00`, `r01` and so on, a network, and a coordinator with a journal at `journal_path`.

    `success` has the success rate of every version that robots can load; they start with the first
    one. The robots are spread over the `regions` in turn, and all have the `labels`. A seed gives
    the same fleet each time. Time passes in `step`, `run`, `run_until` and `finish` only.
    """

    def __init__(
        self,
        journal_path: Path | str,
        success: Mapping[str, float],
        *,
        robots: int = 10,
        regions: Sequence[str] = ('',),
        labels: tuple[str, ...] = (),
        seed: int = 1,
        start: float = 1_000.0,
        model_id: str = 'pick_policy',
    ) -> None:
        self.model_id = model_id
        self.journal_path = journal_path
        self.clock = VirtualClock(start)
        self.network = FakeNetwork(seed)
        #: By how much the coordinator's clock is ahead of those of the robots.
        self.ahead_s = 0.0
        #: The robots, by robot_id.
        self.robots: dict[str, FakeRobot] = {}
        #: Robots that report the robot_id of another one, by that.
        self.duplicates: dict[str, FakeRobot] = {}
        #: Every event so far.
        self.events: list[Event] = []
        #: Whether the coordinator learns that its events were delivered.
        self.events_are_delivered = True
        #: Commands of the last tick, and the rollouts whose candidates its heartbeat kept alive.
        self.commands: tuple[Command, ...] = ()
        self.lease_rollouts: tuple[str, ...] | None = ()
        #: Whether the two coordinators receive the heartbeats of each other.
        self.heartbeats_cross = True
        self._success = dict(success)
        self._stable = next(iter(success))
        self._seed = seed
        versions = [plain(version, rate, load_s=0.0) for version, rate in success.items()]
        self._library = Library.of(model_id, versions)
        self._ids = itertools.count(1)
        self._coordinators: dict[str, Coordinator] = {}
        for number in range(robots):
            self.add_robot(f'r{number:02}', regions[number % len(regions)], labels=labels)
        self.boot_coordinator()

    # -- the robots -------------------------------------------------------------------------------

    def add_robot(
        self,
        robot_id: str,
        region: str = '',
        stable: str | None = None,
        labels: tuple[str, ...] = (),
    ) -> FakeRobot:
        """Switch on another robot, which serves `stable` (empty: nothing), and return it."""
        robot = FakeRobot(
            robot_id,
            self._library,
            self.clock,
            self._stable if stable is None else stable,
            self._success,
            self._seed,
            region,
            labels,
        )
        self.robots[robot_id] = robot
        return robot

    def duplicate(self, robot_id: str) -> FakeRobot:
        """Switch on another robot with the robot_id of an existing one, and return it."""
        robot = FakeRobot(
            robot_id,
            self._library,
            self.clock,
            self._stable,
            self._success,
            f'{self._seed} duplicate',
            place='/elsewhere',
        )
        robot.may_refuse = self.robots[robot_id].may_refuse = True
        self.duplicates[robot_id] = robot
        return robot

    @property
    def all_robots(self) -> list[FakeRobot]:
        """Return the robots with their duplicates."""
        return [*self.robots.values(), *self.duplicates.values()]

    def serving(self, version: str) -> set[str]:
        """Return the robots whose stable version it is."""
        return {i for i, robot in self.robots.items() if robot.routing.stable == version}

    def shares(self) -> dict[str, float]:
        """Return the candidate's share on each robot."""
        return {i: robot.routing.candidate_share for i, robot in self.robots.items()}

    def stables(self) -> set[str]:
        """Return the stable versions of all robots."""
        return {robot.routing.stable for robot in self.robots.values()}

    def candidates(self) -> set[str]:
        """Return the candidates of all robots."""
        return {robot.routing.candidate for robot in self.robots.values()} - {''}

    # -- the coordinators -------------------------------------------------------------------------

    @property
    def coordinator(self) -> Coordinator:
        """Return the coordinator, which must be running."""
        assert self.is_coordinated, 'the coordinator was killed: call boot_coordinator() first'
        return self._coordinators[_FIRST]

    @property
    def is_coordinated(self) -> bool:
        """Return whether the coordinator is running."""
        return _FIRST in self._coordinators

    def boot_coordinator(self) -> None:
        """Start the coordinator; one that runs is killed first. It continues from the journal."""
        if self.is_coordinated:
            self.kill_coordinator()
        self.journal = _QuickJournal(self.journal_path)
        self._coordinators[_FIRST] = Coordinator(
            self.journal, lambda: f'rollout-{next(self._ids)}', self.now, explain=False
        )

    def kill_coordinator(self) -> None:
        """Kill the coordinator: only its journal is left."""
        self.journal.close()
        del self._coordinators[_FIRST]

    @property
    def second(self) -> Coordinator:
        """Return the second coordinator, which must be running."""
        return self._coordinators[_SECOND]

    def boot_second(self, *, heartbeats_cross: bool) -> None:
        """Start a second coordinator by mistake, with a journal of its own."""
        self.heartbeats_cross = heartbeats_cross
        self._coordinators[_SECOND] = Coordinator(
            _QuickJournal(IN_MEMORY), lambda: f'second-{next(self._ids)}', self.now
        )

    def kill_second(self) -> None:
        """Kill the second coordinator."""
        del self._coordinators[_SECOND]

    def set_clock(self, by_s: float) -> None:
        """Move the coordinator's clock; it must not run, as it would not notice."""
        assert not self.is_coordinated, 'kill the coordinator before its clock is set'
        self.ahead_s += by_s

    # -- people -----------------------------------------------------------------------------------

    def start(self, plan: Plan | str) -> str:
        """Let the coordinator hear the robots, start a rollout and return its id."""
        self.step()
        plan = load_plan(plan) if isinstance(plan, str) else plan
        return self.coordinator.start(plan, self.now)

    def command(
        self,
        rollout_id: str,
        verb: Verb,
        remark: str = '',
        share: float | None = None,
        by: str = '',
        robot_id: str = '',
    ) -> None:
        """Give a rollout an operator's command; it acts in the next step."""
        self.coordinator.command(rollout_id, verb, self.now, remark, share, by, robot_id)

    def state(self, rollout_id: str) -> RolloutState:
        """Return the state of a rollout."""
        snapshot = self.coordinator.snapshot(self.now, rollout_id)
        assert snapshot is not None, f'there is no rollout {rollout_id}'
        return snapshot.state

    def kinds(self) -> list[EventKind]:
        """Return the kinds of all events so far."""
        return [event.kind for event in self.events]

    # -- time -------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Return the time of the coordinator's clock, in seconds since 1970."""
        return self.clock.now + self.ahead_s

    def step(self, tasks: int = 2) -> None:
        """Let one second pass, in which each robot does `tasks` and reports once."""
        self.skip(1.0)
        for robot in self.all_robots:
            robot.look_at_time()
            if robot.online:
                robot.do_tasks(tasks)
        self.network.pass_time(self.now)
        self._hear_robots()
        for name in sorted(self._coordinators):
            self._tick(name)

    def skip(self, seconds: float) -> None:
        """Let time pass in which nobody works and nobody is heard."""
        self.clock.pass_until(self.clock.now + seconds)

    def run(self, seconds: int, tasks: int = 2) -> None:
        """Let so many seconds pass."""
        for _ in range(seconds):
            self.step(tasks)

    def run_until(
        self, condition: Callable[[], object], at_most: int = _LIMIT_S, tasks: int = 2
    ) -> None:
        """Let time pass until the condition holds, for `at_most` so many seconds."""
        for _ in range(at_most):
            if condition():
                return
            self.step(tasks)
        raise AssertionError(f'not within {at_most} s; last events: {self.events[-5:]}')

    def finish(self, rollout_id: str, at_most: int = _LIMIT_S) -> RolloutState:
        """Let time pass until a rollout has ended, and return its state."""
        self.run_until(lambda: self.state(rollout_id).status.is_terminal, at_most)
        return self.state(rollout_id)

    # -- messages ---------------------------------------------------------------------------------

    def _hear_robots(self) -> None:
        for robot in self.all_robots:
            if robot.online and not robot.mute:
                if not robot.status_is_lost:
                    self._send_to_all(self._status_of(robot))
                if not robot.counts_are_lost:
                    self._send_to_all(self._counters_of(robot))

    def _status_of(self, robot: FakeRobot) -> _Message:
        report, clock = robot.report, robot.wall_time if robot.tells_time else None
        return lambda coordinator: coordinator.on_report(report, self.now, clock)

    def _counters_of(self, robot: FakeRobot) -> _Message:
        counters = (self.model_id, robot.robot_id, robot.telemetry)
        return lambda coordinator: coordinator.on_telemetry(*counters, self.now)

    def _send_to_all(self, message: _Message) -> None:
        for name in sorted(self._coordinators):
            self._send(name, message)

    def _send(self, name: str, message: _Message) -> None:
        """Send a message to the coordinator that is there when it arrives."""

        def deliver() -> None:
            if name in self._coordinators:
                message(self._coordinators[name])

        self.network.send(deliver, self.now)

    def _tick(self, name: str) -> None:
        coordinator = self._coordinators[name]
        output = coordinator.tick(self.now)
        if name == _FIRST:
            self._note(output)
        for command in output.commands:
            self.network.send(partial(self._command, command, name), self.now)
        if output.lease_rollouts is not None:
            self._send_heartbeat(coordinator, output.lease_rollouts)

    def _note(self, output: Output) -> None:
        """Take note of what people are told and robots are asked."""
        self.events += output.events
        assert not any(e.alert and not e.kind.may_alert for e in output.events)
        if self.events_are_delivered:
            self.coordinator.on_told(output.events_number, self.now)
        self.commands = output.commands
        self.lease_rollouts = output.lease_rollouts

    def _send_heartbeat(self, sender: Coordinator, rollout_ids: tuple[str, ...]) -> None:
        for robot in self.all_robots:
            if robot.online and not robot.deaf:
                robot.hear_heartbeat(rollout_ids, sender.epoch)
        for other in self._coordinators.values():
            if other is not sender and self.heartbeats_cross:
                other.on_heartbeat(sender.epoch, self.now)

    def _command(self, command: Command, sender: str) -> None:
        named = (self.robots[command.robot_id], self.duplicates.get(command.robot_id))
        for robot in named:
            if robot and robot.server == command.server and robot.online and not robot.deaf:
                self._obey(robot, command, sender)

    def _obey(self, robot: FakeRobot, command: Command, sender: str) -> None:
        robot.may_refuse |= self.network.was_disturbed
        refusal = robot.obey(command)
        if refusal is not None and not robot.mute:
            cause, why = refusal
            self._send(sender, lambda c: c.on_refused(command, cause, why, self.now))
