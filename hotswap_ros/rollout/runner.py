# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
A rollout as a pure state machine: time and the fleet view go in, desired routings and events out.

It uses no clock, no thread, no file and no ROS. Read `Runner.tick` first. The action of each kind
of step is in `steps`, the verbs of people are in `operator`.
"""

from __future__ import annotations

from dataclasses import replace

from hotswap_ros.fleet.desired import Desired
from hotswap_ros.fleet.events import EventKind, EventLog, Level
from hotswap_ros.fleet.reports import RobotReport
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.limits import NONCES
from hotswap_ros.plan import ItemState, blockers
from hotswap_ros.rollout import sentences
from hotswap_ros.rollout.desired_routing import DesiredRoutings
from hotswap_ros.rollout.evidence.gate_feed import GateFeed
from hotswap_ros.rollout.interruptions import ENDS_BY_ITSELF, Breakers, find_missing
from hotswap_ros.rollout.joining import Joining, join
from hotswap_ros.rollout.operator import Operator
from hotswap_ros.rollout.state import RolloutState, StepRecord
from hotswap_ros.rollout.status import Cause, PauseReason, Status, Verb
from hotswap_ros.rollout.steps import ACTIONS, StepContext
from hotswap_ros.rollout.steps.cohort import Cohort
from hotswap_ros.rollout.transitions import Transitions
from hotswap_ros.rollout.verbs import check_step

_NO_FLEET = FleetView(0.0)
#: Causes of a rollback that may be the fault of the version.
_OF_VERSION = (
    Cause.GATE_FAILED,
    Cause.INCONCLUSIVE,
    Cause.STAGING_FAILED,
    Cause.DIGEST_MISMATCH,
    Cause.UNKNOWN_VERSION,
)


class Runner:
    """
    Moves one rollout forward, and back.

    The state is the whole memory: a runner made from a journaled state continues where the other
    stopped. Without `explain` its gates keep no intervals, which is much faster.
    """

    def __init__(
        self, state: RolloutState, log: EventLog | None = None, *, explain: bool = True
    ) -> None:
        self.state = state
        self.gate_feed = GateFeed(state, explain=explain)
        self.desired_routings = DesiredRoutings(state)
        self.last_view = _NO_FLEET
        self.joining = Joining(state)
        self._breakers = Breakers(state)
        self._cohort: Cohort | None = None
        self.say = (log or EventLog()).of(state.rollout_id)
        self.transitions = Transitions(state, self.desired_routings, self.say)

    @classmethod
    def start(
        cls, state: RolloutState, now: float, log: EventLog | None = None, *, explain: bool = True
    ) -> Runner:
        """
        Begin a rollout with its first state, see `begin`.

        A rollout that its checklist blocks fails at once, before any command.
        """
        runner = cls(state, log, explain=explain)
        blocked = blockers(state.checklist)
        if blocked:
            state.cause = Cause.CHECKLIST_FAILED
            runner.transitions.end(Status.FAILED, blocked, now, Level.ERROR)
            return runner
        plan = state.plan
        waits = '' if state.status is Status.RUNNING else runner._waits_for_window
        text = sentences.started(plan.strategy.value, plan.version, state.robots, waits)
        runner.say(now, EventKind.STARTED, Level.INFO, text)
        runner._name_overrides(now)
        return runner

    def _name_overrides(self, now: float) -> None:
        for item in self.state.checklist:
            if item.state is ItemState.OVERRIDDEN:
                text = sentences.overridden(item.name.value, item.by, item.remark, item.sentence)
                self.say(now, EventKind.OVERRIDE, Level.WARNING, text, alert=True)

    def tick(self, view: FleetView, now: float) -> None:
        """Look at the fleet, and advance by one step at most."""
        if self.state.status.is_terminal:
            return
        if view is not self.last_view:
            view.expect(self.state.plan.model_id, self.state.robots)
            self.last_view = view
        if self.state.status is Status.ROLLING_BACK:
            self.transitions.end_rollback_when_confirmed(view, now)
            if self.state.ended is not None:
                self._diagnose(view, now)
            return
        if self.state.status is Status.PENDING and not self._may_start(now):
            return
        self.gate_feed.look(view, now, self.desired_routings.revision)
        if self._found_harm(view, now):
            return
        self._pause_while_missing(view, now)
        if self.state.status in (Status.RUNNING, Status.PAUSED) and not self.state.is_held:
            self._run_step(view, now)

    def command(
        self,
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

        `step` is the index of the step that it is for; None: any. Raises CommandRefusedError if
        the verb is not allowed now, and for another step.
        """
        if nonce and nonce in self.state.nonces:
            return
        check_step(verb, self.state, step)
        context = self.context(self.last_view, now)
        Operator(context, self.transitions, remark, by).do(verb, share, robot_id)
        self.note(nonce)

    def note(self, nonce: str) -> None:
        """Remember that a command was carried out; an empty `nonce` marks none."""
        if nonce:
            self.state.nonces = (*self.state.nonces, nonce)[-NONCES:]

    def join(self, report: RobotReport, view: FleetView, now: float) -> bool:
        """
        Let a new robot take part like the robots of the last finished stage.

        Returns whether it takes part.
        """
        if self.state.status not in (Status.RUNNING, Status.PAUSED):
            return False
        if not join(self.state, report, view):
            return False
        text = sentences.joined(report.robot_id)
        self.say(now, EventKind.JOINED, Level.INFO, text, (report.robot_id,))
        return True

    def load_refused(self, robot_id: str, cause: Cause, message: str, now: float) -> None:
        """
        Take a robot's refusal to load the version; `cause` NONE: a retry may succeed.

        The robot has failed: it is excluded, or the rollout rolls back if the plan allows no more.
        """
        robot = self.state.robots.get(robot_id)
        if robot is None or not robot.staged or not self._is_under_way:
            return
        if cause is Cause.NONE:
            self.state.put({robot_id: replace(robot, why=message)})
            return
        self.gate_feed.diagnosis.note_refusal(robot_id, message)
        text = sentences.cannot_load(robot_id, self._version, message)
        self.transitions.fail({robot_id: message}, cause, text, now)

    def routing_refused(self, robot_id: str, cause: Cause, message: str, now: float) -> None:
        """Take a robot's refusal of a routing with the version; it has failed, see there."""
        if robot_id in self.state.robots and self._is_under_way:
            text = sentences.cannot_serve(robot_id, self._version, message)
            self.transitions.fail({robot_id: message}, cause, text, now)

    @property
    def _is_under_way(self) -> bool:
        return self.state.status in (Status.RUNNING, Status.PAUSED)

    def supersede(self, reason: str, now: float) -> None:
        """End at once because something else takes over the robots."""
        self.state.cause = Cause.SUPERSEDED
        self.transitions.end(Status.SUPERSEDED, reason, now, Level.WARNING)

    def desired(self) -> list[Desired]:
        """Return what every robot of the plan should serve, from the state alone."""
        return list(self.desired_routings.all().values())

    def checkpoint(self, now: float) -> RolloutState:
        """Return the complete state, for the journal."""
        self.gate_feed.save()
        self.state.saved_at = now
        return self.state

    def wake(self, now: float) -> None:
        """Continue after a restart; the time without a coordinator does not count."""
        away_s = now - self.state.saved_at
        if away_s < 0:
            self.state.follow_clock(away_s)
            away_s = 0.0
        elif not self.state.pauses:
            # The end of a pause excludes all of its time. The time for an approval runs on.
            self.transitions.shift_clocks(away_s)
        text = sentences.restarted(away_s)
        self.say(now, EventKind.RESTARTED, Level.WARNING, text, alert=True)
        if self.gate_feed.lost_evidence and self.state.status is Status.RUNNING:
            text = sentences.evidence_lost(self.gate_feed.lost_evidence)
            self.transitions.pause(PauseReason.INCONCLUSIVE, text, now)

    # -- steps ------------------------------------------------------------------------------------

    @property
    def _version(self) -> str:
        return self.state.plan.version

    def _may_start(self, now: float) -> bool:
        if not self.state.plan.is_open(now):
            return False
        self.state.status = Status.RUNNING
        self.say(now, EventKind.OPENED, Level.INFO, sentences.window_open())
        return True

    @property
    def _waits_for_window(self) -> str:
        return sentences.waits_for_window(self.state.plan.deployment_windows)

    def _run_step(self, view: FleetView, now: float) -> None:
        if not self.state.step_has_begun:
            self._begin_step(view, now)
            return
        step = self.state.step
        outcome = ACTIONS[step.kind].run(step, self.context(view, now))
        self.transitions.take(outcome, now)

    def _begin_step(self, view: FleetView, now: float) -> None:
        state, step = self.state, self.state.step
        if not (step.if_kept or state.plan.is_open(now)):
            if state.reason != self._waits_for_window:
                state.reason = self._waits_for_window
                text = sentences.step_waits(step.title(self._version), state.reason)
                self.say(now, EventKind.WINDOW, Level.INFO, text)
            return
        state.reason = ''
        state.step_records.append(StepRecord(started=now))
        state.tasks_wanted, state.waits_since, state.proof = 0, None, None
        self.say(now, EventKind.STEP, Level.INFO, step.title(self._version), step.robots)
        if step.watch is not None:
            self.gate_feed.begin(step.watch)
        ACTIONS[step.kind].begin(step, self.context(view, now))
        # The gate counts from the counters before the first task of the candidate.
        self.gate_feed.look(view, now, self.desired_routings.revision)
        state.tasks_at_step_start = self.gate_feed.tasks(step)

    def context(self, view: FleetView, now: float) -> StepContext:
        """Return the context of a step's action."""
        return StepContext(
            self.state,
            view,
            self.gate_feed,
            now,
            self._cohort_in(view),
            lambda: self.desired_routings.waiting_for(view, now),
            self.say,
        )

    def _cohort_in(self, view: FleetView) -> Cohort:
        step = self.state.step
        if self._cohort is None or not self._cohort.is_of(step, view):
            earlier = self.state.watched_earlier
            self._cohort = Cohort(step, self.state.plan.model_id, view, earlier)
        return self._cohort

    # -- gate -------------------------------------------------------------------------------------

    def _found_harm(self, view: FleetView, now: float) -> bool:
        if self.state.watch is None:
            return False
        breaker = self._breakers.find_open(view, self.desired_routings.revision)
        if breaker:
            self.gate_feed.diagnosis.note_breakers(view)
            self.transitions.roll_back(Cause.GATE_FAILED, breaker, now)
            return True
        if self.transitions.roll_back_on_harm(self.gate_feed.failures, now):
            return True
        self.transitions.pause_on_signals(self.gate_feed.new_signals, now)
        return False

    def _diagnose(self, view: FleetView, now: float) -> None:
        """Find the most likely cause, unless a person ended the rollout."""
        if self.state.cause not in _OF_VERSION:
            return
        try:
            found = self.gate_feed.diagnosis.conclude(view, self.gate_feed.failures)
        except Exception as error:  # The rollback has ended in any case.
            self.say(now, EventKind.DIAGNOSIS, Level.WARNING, sentences.not_diagnosed(error))
            return
        if found is not None:
            self.state.diagnosis = found
            self.say(now, EventKind.DIAGNOSIS, Level.INFO, sentences.most_likely(found.cause))

    # -- what is missing --------------------------------------------------------------------------

    def _pause_while_missing(self, view: FleetView, now: float) -> None:
        """Pause for as long as robots, their counters or the gate's answers are missing."""
        state = self.state
        cohort = self._cohort_in(view).robots
        missing = find_missing(state, cohort, self.gate_feed, view, now)
        automatic = [pause.reason for pause in state.pauses if pause.reason in ENDS_BY_ITSELF]
        if missing is not None and not automatic:
            self.transitions.pause(missing.reason, missing.text, now, missing.robots)
        elif missing is not None and missing.reason is PauseReason.UNREACHABLE:
            self.transitions.end_waiting_for(missing.robots, view, now)
        elif missing is None and automatic:
            self.transitions.end_pauses(automatic, ENDS_BY_ITSELF[automatic[0]], now)
