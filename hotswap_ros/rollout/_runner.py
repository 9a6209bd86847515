# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The rollout as a pure state machine: time and the fleet view go in, wishes and events come out.

No clock, no thread, no file and no ROS in here. `Runner.tick` is the whole of it: read it first.
What is done for each kind of step stands in `actions`, what people can say in `_verbs`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hotswap_ros.gates import CheckResult
from hotswap_ros.plan import Plan
from hotswap_ros.rollout._beginning import begin
from hotswap_ros.rollout._desired import Desired
from hotswap_ros.rollout._fleet import FleetView, RobotReport
from hotswap_ros.rollout._joining import join
from hotswap_ros.rollout._log import Log
from hotswap_ros.rollout._missing import ENDS_BY_ITSELF, find_missing
from hotswap_ros.rollout._state import (
    Cause,
    Conclusion,
    Event,
    Level,
    PauseReason,
    RolloutState,
    Status,
    StepRecord,
)
from hotswap_ros.rollout._verbs import Operator, Verb
from hotswap_ros.rollout._watching import HARD_LINES, Watching, found_open_breaker
from hotswap_ros.rollout._wishes import wish
from hotswap_ros.rollout.actions import ACTIONS, Move, Outcome, Scene, counted

_ENDS = {
    Cause.GATE_FAILED: Status.ROLLED_BACK,
    Cause.INCONCLUSIVE: Status.ROLLED_BACK,
    Cause.BY_HAND: Status.ROLLED_BACK,
    Cause.REFUSED: Status.ROLLED_BACK,
    Cause.CANCELED: Status.ABORTED,
}
_BY_PEOPLE = (Cause.CANCELED, Cause.BY_HAND, Cause.REFUSED)
_NO_FLEET = FleetView(0.0)


class Runner:
    """
    Moves one rollout forward, and back.

    The state is the whole memory: a runner made from a journaled state goes on where the other
    stopped. Without `explain` its gates keep no intervals, which is a good deal faster.
    """

    def __init__(self, state: RolloutState, *, explain: bool = True) -> None:
        self.state = state
        self.watching = Watching(state, explain=explain)
        self.last_view = _NO_FLEET
        #: Rises whenever what robots should serve may have changed.
        self.revision = 0
        self._log = Log()
        self.say = self._log.say
        self._wishes: dict[str, Desired] = {}

    @classmethod
    def start(
        cls,
        rollout_id: str,
        plan: Plan,
        reports: Mapping[str, RobotReport],
        now: float,
        *,
        explain: bool = True,
    ) -> Runner:
        """
        Begin a rollout on robots that serve another version.

        Raises NoRobotsError for none, and PlanError when the plan does not fit the robots.
        """
        runner = cls(begin(rollout_id, plan, reports, now), explain=explain)
        text = f'{plan.strategy.value} of {plan.version} on {counted(runner.state.robots)}'
        is_open = runner.state.status is Status.RUNNING
        text += ' began' if is_open else f' {runner._waits_for_window}'
        runner.say(now, 'started', Level.INFO, text)
        return runner

    def tick(self, view: FleetView, now: float) -> None:
        """Look at the fleet and move on as far as it allows, by one step at most."""
        self.last_view = view
        if self.state.status.is_terminal:
            return
        if self.state.status is Status.ROLLING_BACK:
            self._end_rollback_when_confirmed(view, now)
            return
        if self.state.status is Status.PENDING and not self._may_start(now):
            return
        self.watching.look(view, now)
        if self._found_harm(view, now):
            return
        self._mind_what_is_missing(view, now)
        if self._is_going_on:
            self._run_step(view, now)

    def command(
        self, verb: Verb, now: float, remark: str = '', share: float | None = None
    ) -> None:
        """Do what an operator says. Raises CommandRefusedError when it is not possible now."""
        Operator(self, now, remark).do(verb, share)

    def join(self, report: RobotReport, view: FleetView, now: float) -> None:
        """Let a robot that is new take part as those of the last finished stage do."""
        if self.state.status not in (Status.RUNNING, Status.PAUSED):
            return
        if join(self.state, report, view.reports(self.state.plan.model_id)):
            self.rewish()
            self.say(now, 'joined', Level.INFO, f'{report.robot_id} joins', (report.robot_id,))

    def load_refused(self, robot_id: str, cause: Cause, message: str, now: float) -> None:
        """Take a robot's word that it cannot load the version: the rollout is over."""
        if self.state.status in (Status.RUNNING, Status.PAUSED) and robot_id in self.state.staged:
            self.roll_back(cause, f'{robot_id} cannot load {self._version}: {message}', now)

    def supersede(self, reason: str, now: float) -> None:
        """End at once because something else takes over the robots."""
        self.state.cause = Cause.SUPERSEDED
        self._end(Status.SUPERSEDED, reason, now, Level.WARNING)

    def wants(self) -> list[Desired]:
        """Return what every robot of the plan should serve, from the state alone."""
        return list(self._wished().values())

    def take_events(self) -> list[Event]:
        """Return what happened since the last call."""
        return self._log.take()

    def checkpoint(self, now: float) -> RolloutState:
        """Bring everything into the state and return it, for the journal."""
        self.watching.save()
        self.state.saved_at = now
        return self.state

    def wake(self, now: float) -> None:
        """Go on after a restart: the time in which nobody was looking does not count."""
        away = max(0.0, now - self.state.saved_at)
        if self.state.paused_at is None:
            # The end of a pause gives back all of it, this absence included.
            self._shift_clocks(away)
        text = f'the coordinator is back after {away:.0f} s and goes on with the rollout'
        self.say(now, 'restarted', Level.WARNING, text, alert=True)

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """Return what the gate in force says."""
        return self.watching.checks

    @property
    def step_tasks(self) -> int:
        """Return how many tasks the step has to count since it began."""
        return self.watching.tasks(self.state.step) - self.state.tasks_at_step_start

    @property
    def candidate_tasks(self) -> int:
        """Return how many tasks the candidate finished under the gate in force."""
        return self.watching.candidate_tasks

    def waiting_for(self, view: FleetView, now: float) -> tuple[str, ...]:
        """Return the reachable robots that do not yet report what they should serve."""
        return tuple(
            robot_id
            for robot_id in self.state.robots
            if view.is_reachable(self._model, robot_id, now)
            and not view.confirms(self._wished()[robot_id].routing, robot_id)
        )

    # -- steps ------------------------------------------------------------------------------------

    @property
    def _is_going_on(self) -> bool:
        state = self.state
        waits = state.pause_reason is PauseReason.APPROVAL
        return state.status is Status.RUNNING or (state.status is Status.PAUSED and waits)

    def _may_start(self, now: float) -> bool:
        if not self.state.plan.is_open(now):
            return False
        self.state.status = Status.RUNNING
        self.say(now, 'opened', Level.INFO, 'the deployment window is open')
        return True

    @property
    def _waits_for_window(self) -> str:
        windows = '; '.join(map(str, self.state.plan.deployment_windows))
        return f'waits for a deployment window: {windows}'

    def _run_step(self, view: FleetView, now: float) -> None:
        if not self.state.step_has_begun:
            self._begin_step(view, now)
            return
        step = self.state.step
        outcome = ACTIONS[step.kind].run(step, self.scene(view, now))
        self._take(outcome, now)

    def _begin_step(self, view: FleetView, now: float) -> None:
        state, step = self.state, self.state.step
        if not (step.if_kept or state.plan.is_open(now)):
            if state.reason != self._waits_for_window:
                state.reason = self._waits_for_window
                self.say(now, 'window', Level.INFO, f'{step.title}: {state.reason}')
            return
        state.reason = ''
        state.step_records.append(StepRecord(started=now))
        state.tasks_wanted, state.waits_since = 0, None
        self.say(now, 'step', Level.INFO, step.title, step.robots)
        if step.watch is not None:
            self.watching.begin(step.watch)
        ACTIONS[step.kind].begin(step, self.scene(view, now))
        self.rewish()
        # Counters as they are before the first candidate task: from here the gate counts.
        self.watching.look(view, now)
        state.tasks_at_step_start = self.watching.tasks(step)

    def scene(self, view: FleetView, now: float) -> Scene:
        """Return what an action gets to see."""
        return Scene(
            self.state,
            view,
            self.watching,
            now,
            lambda: self.waiting_for(view, now),
            self.rewish,
            self.say,
        )

    def _take(self, outcome: Outcome, now: float) -> None:
        if outcome.move is Move.DONE:
            if outcome.text:
                self.say(now, 'gate', Level.WARNING, outcome.text, alert=True)
            self.leave_pause()
            self.state.status = Status.RUNNING
            self.next_step(now)
        elif outcome.move is Move.PAUSE:
            self.pause(outcome.reason, outcome.text, now)
        elif outcome.move is Move.BACK:
            self.roll_back(outcome.cause, outcome.text, now)
        elif outcome.move is Move.UNDECIDED:
            self._take_undecided(outcome, now)

    def _take_undecided(self, outcome: Outcome, now: float) -> None:
        """Do what the plan says; that no traffic is a success no plan can say."""
        asked = self.state.step.on_inconclusive or self.state.plan.on_inconclusive
        if asked == 'continue' and outcome.has_seen:
            text = f'{outcome.text} The plan says to go on.'
            self.say(now, 'inconclusive', Level.WARNING, text, alert=True)
            self.next_step(now)
        elif asked == 'rollback':
            text = f'{outcome.text} The plan says to roll back.'
            self.roll_back(Cause.INCONCLUSIVE, text, now)
        else:
            self.pause(PauseReason.INCONCLUSIVE, outcome.text, now)

    def next_step(self, now: float) -> None:
        """End the step; on to the next that is not to be left out."""
        state = self.state
        state.step_records[-1].ended = now
        while state.step_index + 1 < len(state.steps):
            state.step_index += 1
            if state.step.if_kept == state.is_kept:
                return
            state.step_records.append(StepRecord(started=now, ended=now, skipped=True))
        self._end(Status.SUCCEEDED, self._success, now, Level.INFO)

    @property
    def _success(self) -> str:
        state = self.state
        if state.promoted and not state.is_kept:
            return f'{self._version} serves everything on {counted(state.promoted)}'
        said = ' '.join(conclusion.sentence for conclusion in state.conclusions)
        return said or f'{self._version} has passed and serves nothing, as the plan says'

    # -- gate -------------------------------------------------------------------------------------

    def _found_harm(self, view: FleetView, now: float) -> bool:
        if self.state.watch is None:
            return False
        breaker = found_open_breaker(self.state, view)
        if breaker:
            self.roll_back(Cause.GATE_FAILED, breaker, now)
            return True
        return self.found_failure(now)

    def found_failure(self, now: float) -> bool:
        """Roll back if the gate has found harm; returns whether it has."""
        state = self.state
        failed = self.watching.failures
        if state.step_has_begun and state.step.lowers_on_harm:
            failed = tuple(check for check in failed if check.name in HARD_LINES)
        if not failed:
            return False
        text = ' '.join(check.sentence for check in failed)
        if state.watch is not None and state.watch.subject == 'shadow':
            state.conclusions.append(Conclusion(verdict='retrain', sentence=text))
        self.roll_back(Cause.GATE_FAILED, text, now)
        return True

    # -- pause, rollback, end ---------------------------------------------------------------------

    def _mind_what_is_missing(self, view: FleetView, now: float) -> None:
        """Pause for as long as robots, their counters or the gate's answers are missing."""
        state = self.state
        missing = find_missing(state, self.watching, view, now)
        if missing is not None and state.status is Status.RUNNING:
            self.pause(missing.reason, missing.text, now, missing.robots)
        elif missing is None and state.pause_reason in ENDS_BY_ITSELF:
            self.resume(ENDS_BY_ITSELF[state.pause_reason], now)

    def pause(
        self, reason: PauseReason, text: str, now: float, robots: Sequence[str] = ()
    ) -> None:
        """Hold where it is; gates go on watching."""
        self.state.status = Status.PAUSED
        self.state.pause_reason = reason
        self.state.paused_at = now
        self.state.reason = text
        by_hand = reason is PauseReason.BY_HAND
        level = Level.INFO if by_hand else Level.WARNING
        self.say(now, reason.value, level, text, robots, alert=not by_hand)

    def resume(self, text: str, now: float) -> None:
        """Go on; the time of the pause does not count."""
        if self.state.paused_at is not None:
            self._shift_clocks(now - self.state.paused_at)
        self.leave_pause()
        self.state.status = Status.RUNNING
        self.state.reason = ''
        self.say(now, 'resumed', Level.INFO, text)

    @property
    def _gravity(self) -> Level:
        """What somebody wanted is no error."""
        return Level.WARNING if self.state.cause in _BY_PEOPLE else Level.ERROR

    def leave_pause(self) -> None:
        """Forget why it was paused."""
        self.state.pause_reason = PauseReason.NONE
        self.state.paused_at = None

    def _shift_clocks(self, seconds: float) -> None:
        state = self.state
        if state.step_records and state.step_records[-1].ended is None:
            state.step_records[-1].started += seconds
        if state.waits_since is not None:
            state.waits_since += seconds
        if state.ramp is not None:
            state.ramp.next_at += seconds

    def roll_back(self, cause: Cause, reason: str, now: float) -> None:
        """Put the previous versions back."""
        self.leave_pause()
        self.state.status = Status.ROLLING_BACK
        self.state.rolling_back_since = now
        self.state.cause = cause
        self.state.reason = reason
        self.rewish()
        touched = sorted(self.state.touched)
        self.say(now, 'rollback', self._gravity, reason, touched, alert=True)

    def _end_rollback_when_confirmed(self, view: FleetView, now: float) -> None:
        since = self.state.rolling_back_since
        seconds = now - (now if since is None else since)
        silent = self.waiting_for(view, now)
        if silent and seconds < self.state.plan.timeout_s:
            return
        touched = self.state.touched
        owed = sorted({*view.unreachable(self._model, touched, now), *silent})
        if owed:
            text = f'{counted(owed)} did not confirm and are owed it: {", ".join(owed)}'
            self.say(now, 'owed', Level.WARNING, text, owed, alert=True)
        back = '/'.join(sorted(set(self.state.previous.values())))
        reason = self.state.reason.rstrip('.')
        done = counted(touched - set(owed))
        text = f'{reason}. {back} is back on {done} after {seconds:.1f} s.'
        end = _ENDS.get(self.state.cause, Status.FAILED)
        self._end(end, text if touched else self.state.reason, now, self._gravity)

    def _end(self, status: Status, reason: str, now: float, level: Level) -> None:
        self.leave_pause()
        self.state.status = status
        self.state.ended = now
        self.state.reason = reason
        self.rewish()
        if self.state.step_records and self.state.step_records[-1].ended is None:
            self.state.step_records[-1].ended = now
        self.say(now, status.value, level, reason, self.state.robots, alert=True)

    # -- wishes and words -------------------------------------------------------------------------

    def rewish(self) -> None:
        """Take note that robots may have to serve something else now."""
        self._wishes.clear()
        self.revision += 1

    def _wished(self) -> Mapping[str, Desired]:
        if not self._wishes:
            self._wishes = {robot_id: wish(self.state, robot_id) for robot_id in self.state.robots}
        return self._wishes

    @property
    def _model(self) -> str:
        return self.state.plan.model_id

    @property
    def _version(self) -> str:
        return self.state.plan.version
