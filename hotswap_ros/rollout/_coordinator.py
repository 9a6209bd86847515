# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The fleet side without ROS: rollouts, wishes and journal in one object that is told the time.

`Coordinator.tick` is the loop body: look, decide, journal, and only then say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hotswap_ros.plan import (
    VersionFacts,
    load_plan,
)
from hotswap_ros.rollout._aftercare import Aftercare
from hotswap_ros.rollout._clocks import ClockWatch
from hotswap_ros.rollout._commands import Command, Desired, LoadVersion
from hotswap_ros.rollout._desired import DesiredFleet
from hotswap_ros.rollout._errors import (
    OverlapError,
    UnknownRolloutError,
)
from hotswap_ros.rollout._fleet import FleetView, RobotReport, Telemetry
from hotswap_ros.rollout._journal import Journal, RolloutSummary
from hotswap_ros.rollout._outbox import Outbox
from hotswap_ros.rollout._pace import Pace
from hotswap_ros.rollout._preview import Preview, Previewer
from hotswap_ros.rollout._quarantine import quarantine_events
from hotswap_ros.rollout._rehearsing import rehearsed
from hotswap_ros.rollout._rollback import Rollback, find_targets, what_it_serves
from hotswap_ros.rollout._roster import Roster
from hotswap_ros.rollout._runner import Runner
from hotswap_ros.rollout._snapshot import Snapshot, metrics, snapshot
from hotswap_ros.rollout._state import Cause, Event, Level, Status
from hotswap_ros.rollout._verbs import Verb


@dataclass(frozen=True)
class Output:
    """
    What a tick asks of the outside.

    `lease_rollouts` are the rollouts whose candidates may go on; None: say nothing, so that robots
    go back to stable by themselves. `ended` are the rollouts whose end is in the journal now.
    """

    commands: tuple[Command, ...] = ()
    events: tuple[tuple[str, Event], ...] = ()
    lease_rollouts: tuple[str, ...] | None = ()
    ended: tuple[str, ...] = ()


class Coordinator:
    """
    Runs rollouts and rollbacks over a fleet. One thread uses it.

    `now` is everywhere seconds since 1970 on a clock that never goes back. A rollout that the
    journal holds as not ended goes on where it stopped. `explain` is that of Runner. What was put
    back is watched for `verify_rollback_s` after a rollback; 0: not at all.
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
        self._journal = journal
        self._new_id = new_id
        self._explain = explain
        self._view = FleetView(now, unreachable_after_s)
        self._clock_watch = ClockWatch(self._view.clocks)
        self._aftercare = Aftercare(self._view, verify_rollback_s)
        self._desired = DesiredFleet(journal.desired())
        self.epoch = journal.next_epoch(now)
        self._quarantined: set[tuple[str, str]] = set()
        self._rollouts = Roster()
        self._rollbacks: list[Rollback] = []
        self._outbox = Outbox(journal, now, checkpoint_s)
        self._pace = Pace()
        self._previewer = Previewer(self._view, self._pace, journal)
        self._resume(now)

    def _resume(self, now: float) -> None:
        for state in self._journal.active():
            runner = Runner(state, explain=self._explain)
            runner.wake(now)
            self._rollouts.add(runner)
        latest = self._journal.latest()
        if latest is not None:
            self._rollouts.remember(Runner(latest))
        for runner in self._rollouts.known():
            self._view.expect(runner.state.plan.model_id, runner.state.previous)

    # -- what is heard ----------------------------------------------------------------------------

    def on_report(self, report: RobotReport, now: float, clock: float | None = None) -> None:
        """Take a robot's status; `clock` is the robot's wall clock then, None: not known."""
        self._view.on_report(report, now, clock)

    def on_telemetry(
        self, model_id: str, robot_id: str, telemetry: Telemetry, now: float | None = None
    ) -> None:
        """Take a robot's counters; with `now`, how many tasks it does in a second is measured."""
        self._view.on_telemetry(model_id, robot_id, telemetry)
        if now is not None:
            self._pace.on_telemetry(model_id, robot_id, telemetry, now)

    def on_refused(self, command: Command, cause: Cause, message: str, now: float) -> None:
        """Take a robot's refusal; `cause` NONE: it may well do it when asked again."""
        self._desired.refused(command, now, for_good=cause is not Cause.NONE)
        if cause is Cause.NONE or not isinstance(command, LoadVersion):
            return
        for rollback in self._rollbacks:
            rollback.load_refused(command, cause, message)
        for runner in self._rollouts.of_model(command.model_id):
            if runner.state.plan.version == command.version:
                runner.load_refused(command.robot_id, cause, message, now)

    def on_unsent(self, command: Command) -> None:
        """Take note that a command never reached its robot: it is due again at once."""
        self._desired.unsent(command)

    # -- what is asked ----------------------------------------------------------------------------

    def start(
        self, plan_text: str, now: float, versions: Mapping[str, VersionFacts] | None = None
    ) -> str:
        """
        Begin a rollout and return its id.

        `versions` is what the plan's checklist is told of model versions. A rollout that the
        checklist blocks has failed at once, and no robot hears of it. Raises PlanError,
        NoRobotsError or OverlapError, and then nothing has changed.
        """
        plan = load_plan(plan_text)
        for runner in self._rollouts.of_model(plan.model_id):
            if not runner.state.status.is_terminal:
                raise OverlapError(plan.model_id, f'rollout {runner.state.rollout_id}')
        for rollback in self._rollbacks:
            if rollback.model_id == plan.model_id:
                raise OverlapError(plan.model_id, 'a rollback')
        runner = Runner.start(
            self._new_id(),
            plan,
            self._view.reachable(plan.model_id, now),
            now,
            explain=self._explain,
            check=lambda steps: self._previewer.checklist(plan, steps, versions or {}, now),
        )
        self._rollouts.add(runner)
        return runner.state.rollout_id

    def preview(self, plan_text: str, now: float) -> Preview:
        """
        Return what a plan means for the fleet of this moment; changes nothing.

        Raises PlanError or NoRobotsError.
        """
        return self._previewer.preview(load_plan(plan_text), now)

    def command(
        self,
        rollout_id: str,
        verb: Verb,
        now: float,
        remark: str = '',
        share: float | None = None,
    ) -> None:
        """
        Pass an operator's word on; `share` goes with SET_SHARE.

        Raises UnknownRolloutError or CommandRefusedError.
        """
        self._rollouts.running(rollout_id).command(verb, now, remark, share)

    def roll_back(
        self, model_id: str, version: str, robot_ids: tuple[str, ...], now: float
    ) -> Rollback:
        """
        Put a version back on robots, all of them when none is named; return the work in progress.

        Ends a rollout of the model that is under way on any of them. Raises NoRobotsError or
        OverlapError.
        """
        if any(rollback.model_id == model_id for rollback in self._rollbacks):
            raise OverlapError(model_id, 'a rollback')
        reports = self._view.reports(model_id)
        before = {
            robot_id: self._desired.get(model_id, robot_id) or what_it_serves(report)
            for robot_id, report in reports.items()
        }
        targets = find_targets(model_id, version, robot_ids, reports, self._desired)
        put_back = {wish.robot_id: wish for wish in self._supersede(model_id, now)}
        rollback = Rollback(model_id, {**put_back, **targets}, {**before, **put_back}, now)
        self._rollbacks.append(rollback)
        text = f'rollback of {len(targets)} robots to {version or "what they served before"}'
        event = Event(time=now, kind='rollback', level=Level.WARNING, text=text, alert=True)
        self._outbox.tell('', [event])
        return rollback

    def history(self, limit: int = 0) -> list[RolloutSummary]:
        """Return the rollouts, newest first."""
        return self._journal.history(limit)

    def report(self, rollout_id: str) -> dict[str, Any]:
        """Return a rollout's evidence, the newest one's for an empty id."""
        rollout_id = rollout_id or self._rollouts.latest_id
        found = self._journal.report(rollout_id)
        if found is None:
            raise UnknownRolloutError(rollout_id)
        return found

    def metrics(self, rollout_id: str) -> dict[str, Any]:
        """
        Return the newest counters of a rollout's robots: robot, then version, as a JSON value.

        Empty for a rollout that ended before this coordinator was started.
        """
        runner = self._rollouts.get(rollout_id)
        return {} if runner is None else metrics(runner.state, self._view)

    def snapshot(self, now: float, rollout_id: str = '') -> Snapshot | None:
        """Return how a rollout stands, the newest one for an empty id; None when there is none."""
        runner = self._rollouts.get(rollout_id)
        return None if runner is None else snapshot(runner, self._view, now)

    @property
    def journal_error(self) -> str:
        """Return why the journal could not be written the last time; empty: it could."""
        return self._outbox.error

    def robots_heard(self, now: float) -> int:
        """Return how many robots are in reach, whatever they serve."""
        return self._view.heard(now)

    @property
    def robots_quarantined(self) -> tuple[str, ...]:
        """Return the names that two robots claim, whatever they serve."""
        return tuple(sorted({robot_id for _, robot_id in self._quarantined}))

    def reports(self, model_id: str) -> Mapping[str, RobotReport]:
        """Return what the robots of a model report."""
        return self._view.reports(model_id)

    # -- the loop ---------------------------------------------------------------------------------

    def tick(self, now: float) -> Output:
        """Look, decide, journal, and only then say."""
        self._tell_of_quarantine(now)
        self._outbox.tell('', self._clock_watch.look(now))
        for runner in self._rollouts:
            self._welcome(runner, now)
            runner.tick(self._view, now)
        for rollback in self._rollbacks:
            rollback.tick(self._view, now)
        for rollout_id, event in self._aftercare.tick(self._rollbacks, self._rollouts, now):
            self._outbox.tell(rollout_id, [event])
        self._wish(now)
        for found in rehearsed(self._rollouts, self._rollbacks, self._view, now):
            self._outbox.rehearse(*found)
        if not self._outbox.write(self._rollouts, now):
            return Output(lease_rollouts=None)
        events = self._outbox.take_events()
        ended = self._rollouts.drop_ended()
        self._rollbacks = [r for r in self._rollbacks if not r.is_done]
        commands = tuple(self._desired.commands(self._view, now))
        states = [runner.state for runner in self._rollouts]
        watched = tuple(s.rollout_id for s in states if s.status is not Status.ROLLING_BACK)
        return Output(commands, events, watched, ended)

    def _tell_of_quarantine(self, now: float) -> None:
        quarantined = set(self._view.quarantined)
        if quarantined != self._quarantined:
            found = quarantine_events(self._quarantined, quarantined, self._view, now)
            self._outbox.tell('', found)
        self._quarantined = quarantined

    def _welcome(self, runner: Runner, now: float) -> None:
        """Let robots that are new take part, once they serve what they are to serve before."""
        model_id = runner.state.plan.model_id
        for robot_id in runner.door.who_is_there(self._view, now):
            held = self._desired.get(model_id, robot_id)
            report = self._view.report(model_id, robot_id)
            settled = held is None or self._view.confirms(held.routing, robot_id)
            if settled and report is not None:
                runner.join(report, self._view, now)

    def _wish(self, now: float) -> None:
        changed: list[Desired] = []
        for runner in self._rollouts:
            self._outbox.tell(runner.state.rollout_id, runner.take_events())
            if runner.state.has_robots:
                changed += self._desired.want(runner.wishes.news(), self._view, now)
        for rollback in self._rollbacks:
            changed += self._desired.want(rollback.news(), self._view, now)
        changed += self._desired.hold(self._view, now)
        self._outbox.want(changed)

    def _supersede(self, model_id: str, now: float) -> list[Desired]:
        wishes: list[Desired] = []
        for runner in self._rollouts.of_model(model_id):
            runner.supersede('a rollback took over its robots', now)
            wishes += runner.wants()
        return wishes
