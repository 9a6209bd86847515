# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The coordinator without ROS: many rollouts over one fleet, and their journal.

`Coordinator.tick` is the loop body: look, decide, journal, and only then command.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hotswap_ros.coordinator.journal import Journal
from hotswap_ros.coordinator.known_versions import known_versions
from hotswap_ros.coordinator.outbox import Outbox
from hotswap_ros.coordinator.overlap import OverlapGuard
from hotswap_ros.coordinator.preview.preview import Preview, Previewer
from hotswap_ros.coordinator.report import Snapshot, metrics, snapshot
from hotswap_ros.coordinator.rollback.ended import EndedRollback, rollback_of
from hotswap_ros.coordinator.rollback.follow_up import FollowUp
from hotswap_ros.coordinator.rollback.orders import RollbackOrders
from hotswap_ros.coordinator.rollback.rollback import Rollback
from hotswap_ros.coordinator.rollback.unconfirmed import PendingRollbacks
from hotswap_ros.coordinator.rollouts import Rollouts
from hotswap_ros.coordinator.takeover import Takeover
from hotswap_ros.coordinator.views import RolloutSummary
from hotswap_ros.fleet.clocks import ClockWatch
from hotswap_ros.fleet.commands import Command, LoadVersion, Route
from hotswap_ros.fleet.desired import Desired
from hotswap_ros.fleet.desired_fleet import DesiredFleet
from hotswap_ros.fleet.events import SETTLED, Event, EventKind, EventLog, Level
from hotswap_ros.fleet.quarantine import QuarantineWatch
from hotswap_ros.fleet.reports import Name, RobotReport, Telemetry
from hotswap_ros.fleet.throughput import Throughput
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.gates import Odds
from hotswap_ros.plan import Plan, VersionFacts
from hotswap_ros.rollout.errors import UnknownRolloutError
from hotswap_ros.rollout.runner import Runner
from hotswap_ros.rollout.start import begin
from hotswap_ros.rollout.status import Cause, Status, Verb

#: Seconds between two alerts about robots that are ignored.
_IGNORED_S = 600.0

#: Kinds of events after the end of a rollback that belong to its report.
_AFTER = (EventKind.VERIFIED, *SETTLED)


@dataclass(frozen=True)
class Output:
    """
    The work that a tick leaves to its caller.

    The caller renews the leases of `lease_rollouts`; None: it sends no leases, so that robots
    return to stable by themselves. `ended` are the rollouts whose end is in the journal now, and
    `verified` the rollbacks with new events after their end. The caller publishes the `events` and
    passes `events_number` to `Coordinator.on_told`; else their alerts come again after a restart.
    The first `events_of_past` of the events are such alerts: they happened before the start.
    """

    commands: tuple[Command, ...] = ()
    events: tuple[Event, ...] = ()
    lease_rollouts: tuple[str, ...] | None = ()
    ended: tuple[str, ...] = ()
    verified: tuple[str, ...] = ()
    events_number: int = 0
    events_of_past: int = 0


class Coordinator:
    """
    Runs rollouts and rollbacks over a fleet. One thread uses it.

    Raises JournalError if another coordinator uses the journal, or it cannot be read or written.
    `now` is always in seconds since 1970, on a clock that is never set back. A rollout that has
    not ended in the journal continues where it stopped. `explain` is that of Runner. Success is
    verified for `verify_rollback_s` after a rollback; 0: not at all.
    """

    def __init__(
        self,
        journal: Journal,
        new_id: Callable[[], str],
        now: float,
        unreachable_after_s: float = 5.0,
        *,
        checkpoint_s: float = 5.0,
        explain: bool = True,
        verify_rollback_s: float = 60.0,
    ) -> None:
        journal.hold()
        self._journal = journal
        self._new_id = new_id
        self._explain = explain
        self._view = FleetView(now, unreachable_after_s)
        self._log = log = EventLog()
        self._quarantine = QuarantineWatch(self._view, log)
        self._clock_watch = ClockWatch(self._view.clocks, log)
        verifications = journal.verifications()
        self._follow_up = FollowUp(self._view, log, verify_rollback_s, verifications, now)
        self.epoch = journal.next_epoch(now)
        self._desired = DesiredFleet(journal.desired(), self.epoch)
        pending = journal.pending_rollbacks()
        self._pending = PendingRollbacks(self._view, self._desired, log, pending)
        self._takeover = Takeover(self.epoch, log)
        self._rollouts = Rollouts()
        self._ignored_at = -math.inf
        self._orders = RollbackOrders(journal, log, now)
        self._overlap = OverlapGuard(self._rollouts, self._orders, self._view, self._desired)
        self._outbox = Outbox(journal, now, checkpoint_s)
        self._throughput = Throughput()
        self._previewer = Previewer(self._view, self._throughput, journal)
        self._resume(now)

    def _resume(self, now: float) -> None:
        for state in self._journal.active():
            runner = Runner(state, self._log, explain=self._explain)
            runner.wake(now)
            self._rollouts.add(runner)
        latest = self._journal.latest()
        if latest is not None:
            self._rollouts.remember(Runner(latest))
        for runner in self._rollouts.known():
            self._view.expect(runner.state.plan.model_id, runner.state.robots)

    # -- what is heard ----------------------------------------------------------------------------

    def on_report(self, report: RobotReport, now: float, clock: float | None = None) -> None:
        """Take a robot's status; `clock` is the robot's wall clock then, None: not known."""
        model_id, robot_id = report.model_id, report.robot_id
        last = self._view.report(model_id, robot_id)
        self._view.on_report(report, now, clock)
        # The first report may have a generation of a coordinator that no longer exists.
        if last is None or last is report:
            return
        heeded = self._view.report(model_id, robot_id)
        if heeded is report and report.routing.generation > last.routing.generation:
            sent = self._desired.generation(model_id, robot_id)
            self._takeover.see(robot_id, report.routing.generation, sent, now)

    def on_telemetry(
        self, model_id: str, robot_id: str, telemetry: Telemetry, now: float | None = None
    ) -> None:
        """Take a robot's counters; with `now`, how many tasks it does in a second is measured."""
        self._view.on_telemetry(model_id, robot_id, telemetry)
        if now is not None:
            self._throughput.on_telemetry(model_id, robot_id, telemetry, now)

    def forget(self, robot_id: str, server: str) -> None:
        """Forget a robot that was not heard for long, unless it was ever commanded."""
        if robot_id not in self._desired.robots:
            self._view.forget(robot_id, server)
            self._throughput.forget(robot_id)

    @property
    def commanded_robots(self) -> frozenset[str]:
        """Return the robots that were ever commanded, by the journal."""
        return self._desired.robots

    def on_refused(self, command: Command, cause: Cause, message: str, now: float) -> None:
        """Take a robot's refusal; `cause` NONE: a retry may succeed."""
        is_load = isinstance(command, LoadVersion)
        self._desired.refused(command, now, for_good=is_load and cause is not Cause.NONE)
        if isinstance(command, Route):
            self._routing_refused(command, cause, message, now)
        if not isinstance(command, LoadVersion):
            return
        if cause is not Cause.NONE:
            self._orders.refused(command, cause, message)
        for runner in self._rollouts.of_model(command.model_id):
            if runner.state.plan.version == command.version:
                runner.load_refused(command.robot_id, cause, message, now)

    def _routing_refused(self, command: Route, cause: Cause, message: str, now: float) -> None:
        """Let a rollout fail on a robot that refuses for good what is still desired of it."""
        routing = command.routing
        newest = self._desired.generation(routing.model_id, command.robot_id)
        if cause is Cause.NONE or routing.generation != newest:
            return
        for runner in self._rollouts.of_model(routing.model_id):
            if runner.state.plan.version in routing.versions:
                runner.routing_refused(command.robot_id, cause, message, now)

    def on_heartbeat(self, epoch: int, now: float) -> None:
        """Take a heartbeat of another coordinator: the one with the higher epoch has the fleet."""
        self._takeover.hear(epoch, now)

    def on_robots_ignored(self, text: str, now: float) -> None:
        """Tell people, every ten minutes at most, that there is no room for more robots."""
        if now - self._ignored_at >= _IGNORED_S:
            self._ignored_at = now
            self._log.say(now, EventKind.ROBOTS_IGNORED, Level.WARNING, text, alert=True)

    def on_unsent(self, command: Command) -> None:
        """Note that a command never reached its robot: it is due again at once."""
        self._desired.unsent(command)

    # -- what is asked ----------------------------------------------------------------------------

    def start(
        self,
        plan: Plan,
        now: float,
        versions: Mapping[str, VersionFacts] | None = None,
        nonce: str = '',
    ) -> str:
        """
        Begin a rollout and return its id.

        `versions` are facts of model versions, for the plan's checklist and a diagnosis. A rollout
        that the checklist blocks fails at once, and no robot gets a command. Raises PlanError,
        NoRobotsError, OverlapError or TakenOverError, and then nothing has changed. `nonce` marks
        copies of the order, see `rollout_of`.
        """
        self._takeover.refuse()
        reachable = self._view.reachable(plan.model_id, now)
        state = begin(self._new_id(), plan, reachable, now, versions or {})
        self._overlap.refuse_overlap(plan.model_id, state.robots.keys())
        state.checklist = self._previewer.checklist(plan, state.steps, versions or {}, now)
        runner = Runner.start(state, now, self._log, explain=self._explain)
        runner.note(nonce)
        self._overlap.begin(runner)
        self._rollouts.add(runner)
        return state.rollout_id

    def rollout_of(self, nonce: str) -> str:
        """Return the rollout that an order with this mark began; empty: none."""
        runner = self._rollouts.done(nonce)
        return '' if runner is None else runner.state.rollout_id

    def note_odds(self, rollout_id: str, odds: Sequence[Odds]) -> None:
        """Keep for the report what a rollout's plan makes of versions, unless it has ended."""
        runner = self._rollouts.get(rollout_id)
        if runner is not None and not runner.state.status.is_terminal:
            runner.state.odds = tuple(odds)

    def preview(
        self, plan: Plan, now: float, versions: Mapping[str, VersionFacts] | None = None
    ) -> Preview:
        """
        Return what a plan means for the fleet now, `versions` as in `start`.

        Raises PlanError or NoRobotsError.
        """
        return self._previewer.preview(plan, now, versions or {})

    def command(
        self,
        rollout_id: str,
        verb: Verb,
        now: float,
        remark: str = '',
        share: float | None = None,
        by: str = '',
        robot_id: str = '',
        *,
        step: int | None = None,
        nonce: str = '',
    ) -> None:
        """
        Carry out a verb of an operator; a copy, with the same `nonce`, changes nothing.

        `share` belongs to SET_SHARE and `robot_id` to EXCLUDE; PROMOTE needs `by`. With `step`,
        the index of a step, it is refused in any other step.

        Raises UnknownRolloutError, SeveralRolloutsError, CommandRefusedError or TakenOverError.
        """
        self._takeover.refuse()
        if self._rollouts.done(nonce) is None:
            runner = self._rollouts.running(rollout_id)
            runner.command(verb, now, remark, share, by, robot_id, step=step, nonce=nonce)

    def roll_back(
        self,
        model_id: str,
        version: str,
        robot_ids: tuple[str, ...],
        now: float,
        nonce: str = '',
    ) -> Rollback:
        """
        Roll back the named robots, or all for an empty tuple; return the rollback.

        A copy of an order, with the same `nonce`, gets the rollback of the first, and so does an
        order of what is under way already. Without a version, robots that were rolled back stay.

        It takes robots over from older rollbacks, and ends a rollout of the model that is under
        way on any of them. Raises UnknownRobotError, NothingToRollBackError or TakenOverError.
        """
        self._takeover.refuse()
        rollback = self._orders.order(
            self._new_id(),
            model_id,
            version,
            robot_ids,
            self._view,
            self._desired,
            self._rollouts,
            now,
            nonce,
        )
        self._overlap.exclude(model_id, rollback.robots)
        return rollback

    def on_told(self, events_number: int, now: float) -> None:
        """Note that events were published, see Output."""
        self._outbox.told(events_number, now)

    def history(self, limit: int = 0) -> list[RolloutSummary]:
        """Return the rollouts and the rollbacks that were ordered, newest first."""
        return self._journal.history(limit)

    def report(self, rollout_id: str) -> dict[str, Any]:
        """Return the evidence of a rollout or rollback, the newest rollout's for an empty id."""
        rollout_id = rollout_id or self._rollouts.latest_id
        found = self._journal.report(rollout_id)
        if found is None:
            raise UnknownRolloutError(rollout_id)
        return found

    def metrics(self, rollout_id: str) -> dict[str, Any]:
        """
        Return the newest counters of a rollout's robots by robot and version, as a JSON value.

        Empty for a rollout that ended before this coordinator was started.
        """
        runner = self._rollouts.get(rollout_id)
        return {} if runner is None else metrics(runner.state, self._view)

    @property
    def shown_ids(self) -> tuple[str, ...]:
        """Return the rollouts under way in the order of starts, or else the newest one."""
        return self._rollouts.shown_ids

    def snapshot(self, now: float, rollout_id: str = '') -> Snapshot | None:
        """Return a rollout at this moment, the newest for an empty id; None if there is none."""
        runner = self._rollouts.get(rollout_id)
        return None if runner is None else snapshot(runner, self._view, now)

    @property
    def rollbacks(self) -> tuple[Rollback, ...]:
        """Return the ordered rollbacks that are under way."""
        return tuple(self._orders)

    @property
    def journal_error(self) -> str:
        """Return why the journal could not be written the last time; empty: it could."""
        return self._outbox.error

    @property
    def taken_over(self) -> str:
        """Return the sentence on the coordinator that has taken over; empty: none."""
        return self._takeover.taken_over

    def robots_heard(self, now: float) -> int:
        """Return how many robots are reachable, whatever they serve."""
        return self._view.heard(now)

    @property
    def robots_quarantined(self) -> tuple[str, ...]:
        """Return the duplicate robot_ids, whatever the robots serve."""
        return self._quarantine.robots

    def reports(self, model_id: str) -> Mapping[str, RobotReport]:
        """Return what the robots of a model report."""
        return self._view.reports(model_id)

    def known_versions(self, model_id: str) -> set[str]:
        """Return the versions that robots of a model have or had. Raises JournalError."""
        return known_versions(model_id, self._view, self._desired, self._journal)

    # -- the loop ---------------------------------------------------------------------------------

    def tick(self, now: float) -> Output:
        """
        Look, decide, journal, and only then command.

        What leads back goes out also while the journal cannot be written, and is written later.
        """
        if self.taken_over:
            return self._stand_aside(now)
        self._quarantine.look(now)
        self._clock_watch.look(now)
        for runner in self._rollouts:
            self._overlap.welcome(runner, now)
            runner.tick(self._view, now)
        for rollback in self._orders:
            rollback.tick(self._view, now)
        rolled_back = self._ended_rollbacks(now)
        self._follow_up.tick(rolled_back, now)
        self._pending.tick(now)
        self._outbox.add_verifications(self._follow_up.take_news())
        self._outbox.add_rehearsals(rolled_back)
        self._outbox.add_events(self._log.take())
        self._outbox.add_desired(self._update_desired(now))
        if not self._outbox.write(self._rollouts, self._orders, now):
            back = tuple(self._desired.commands(self._view, now, self._led_back))
            return Output(back, lease_rollouts=None)
        events, number, past = self._outbox.take_events()
        self._pending.add(rolled_back)
        ended = self._rollouts.drop_ended() + self._orders.drop_ended()
        commands = tuple(self._desired.commands(self._view, now))
        states = [runner.state for runner in self._rollouts]
        watched = tuple(s.rollout_id for s in states if s.status is not Status.ROLLING_BACK)
        verified = tuple(event.rollout_id for event in events if event.kind in _AFTER)
        return Output(commands, events, watched, ended, verified, number, past)

    @property
    def _led_back(self) -> set[Name]:
        """Return the robots of rollbacks under way, ordered or found necessary, by model."""
        robots = {
            (order.model_id, robot_id) for order in self._orders for robot_id in order.robots
        }
        for runner in self._rollouts:
            if runner.state.status is Status.ROLLING_BACK:
                robots |= {(runner.state.plan.model_id, r) for r in runner.state.robots}
        return robots

    def _stand_aside(self, now: float) -> Output:
        """Say so, and leave the robots to the newer coordinator; rollouts wait in the journal."""
        # Events of rollouts since the last tick are not in the journal, and never will be.
        self._outbox.add_events(event for event in self._log.take() if not event.rollout_id)
        self._outbox.write(Rollouts(), (), now)
        events, number, past = self._outbox.take_events()
        return Output(
            events=events, lease_rollouts=None, events_number=number, events_of_past=past
        )

    def _ended_rollbacks(self, now: float) -> list[EndedRollback]:
        """Return the rollbacks that have ended and whose end is not in the journal yet."""
        own = [rollback_of(runner, self._view, now) for runner in self._rollouts]
        ordered = [rollback.ended for rollback in self._orders]
        return [rollback for rollback in own + ordered if rollback is not None]

    def _update_desired(self, now: float) -> list[Desired]:
        """Return the desired routings that changed."""
        changed: list[Desired] = []
        for runner in self._rollouts:
            if runner.state.has_robots:
                news = runner.desired_routings.news()
                changed += self._desired.set_desired(news, self._view, now)
        for rollback in self._orders:
            changed += self._desired.set_desired(rollback.news(), self._view, now)
        return changed + self._desired.outbid(self._view, now)
