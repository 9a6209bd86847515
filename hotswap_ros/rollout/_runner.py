# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The rollout as a pure state machine: time and the fleet view go in, wishes and events come out.

No clock, no thread, no file and no ROS in here. `Runner.tick` is the whole of it: read it first.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

from hotswap_ros.gates import CheckResult, Gate, Verdict
from hotswap_ros.models import Routing
from hotswap_ros.plan import Observe, Plan, Robot, SetRouting, StageModels, compile_plan
from hotswap_ros.rollout._desired import Desired
from hotswap_ros.rollout._errors import CommandRefusedError, NoRobotsError
from hotswap_ros.rollout._fleet import FleetView, RobotReport, Telemetry
from hotswap_ros.rollout._state import (
    Cause,
    Event,
    Level,
    PauseReason,
    RolloutState,
    Status,
    StepRecord,
)

_ENDS = {
    Cause.GATE_FAILED: Status.ROLLED_BACK,
    Cause.CANCELED: Status.ABORTED,
}


#: A robot that is silent for so long may never tell how its tasks ended: they count as failed.
_GIVEN_UP_AFTER_S = 120.0


class Verb(str, enum.Enum):
    """What an operator can say to a rollout."""

    PAUSE = 'pause'
    RESUME = 'resume'
    ABORT = 'abort'
    SKIP_WAIT = 'skip_wait'


class Runner:
    """
    Moves one rollout forward, and back.

    The state is the whole memory: a runner made from a journaled state goes on where the other
    stopped. Without `explain` its gate keeps no intervals, which is a good deal faster.
    """

    def __init__(self, state: RolloutState, *, explain: bool = True) -> None:
        self.state = state
        criteria, version = state.plan.success_criteria, state.plan.version
        stages = sum(isinstance(step, Observe) for step in state.steps)
        if state.gate is None:
            self._gate = Gate(criteria, version, stages=stages, explain=explain)
        else:
            self._gate = Gate.load(criteria, version, state.gate, stages=stages, explain=explain)
        self.checks: tuple[CheckResult, ...] = self._gate.checks(complete=state.gate_complete)
        self._fed: dict[str, Telemetry] = {}
        self._given_up: set[str] = set()
        self._events: list[Event] = []
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
        """Begin a rollout on robots that serve another version. Raises NoRobotsError for none."""
        taking_part = [
            report
            for report in reports.values()
            if report.routing.stable and report.routing.stable != plan.version
        ]
        if not taking_part:
            raise NoRobotsError(plan.model_id, plan.version, len(reports))
        fleet = [Robot(report.robot_id, report.region) for report in taking_part]
        runner = cls(
            RolloutState(
                rollout_id=rollout_id,
                plan=plan,
                steps=compile_plan(plan, fleet, rollout_id),
                previous={report.robot_id: report.routing.stable for report in taking_part},
                started=now,
                saved_at=now,
            ),
            explain=explain,
        )
        text = f'{plan.strategy.value} of {plan.version} on {_count(fleet)} began'
        runner._say(now, 'started', Level.INFO, text)
        return runner

    def tick(self, view: FleetView, now: float) -> None:
        """Look at the fleet and move on as far as it allows, by one step at most."""
        if self.state.status.is_terminal:
            return
        if self.state.status is Status.ROLLING_BACK:
            self._end_rollback_when_confirmed(view, now)
            return
        self._feed_gate(view)
        self._give_up_silent(view, now)
        if self._found_harm(view, now):
            return
        self._mind_reachability(view, now)
        if self.state.status is Status.RUNNING:
            self._run_step(view, now)

    def command(self, verb: Verb, now: float, remark: str = '') -> None:
        """Do what an operator says. Raises CommandRefusedError when it is not possible now."""
        {
            Verb.PAUSE: self._pause_by_hand,
            Verb.RESUME: self._resume_by_hand,
            Verb.ABORT: self._abort,
            Verb.SKIP_WAIT: self._skip_wait,
        }[verb](now, f' ({remark})' if remark else '')

    def load_refused(self, robot_id: str, cause: Cause, message: str, now: float) -> None:
        """Take a robot's word that it cannot load the version: the rollout is over."""
        if self.state.status in (Status.RUNNING, Status.PAUSED) and robot_id in self.state.staged:
            self._roll_back(cause, f'{robot_id} cannot load {self._version}: {message}', now)

    def supersede(self, reason: str, now: float) -> None:
        """End at once because something else takes over the robots."""
        self.state.cause = Cause.SUPERSEDED
        self._end(Status.SUPERSEDED, reason, now, Level.WARNING)

    def wants(self) -> list[Desired]:
        """Return what every robot of the plan should serve, from the state alone."""
        return list(self._wished().values())

    def take_events(self) -> list[Event]:
        """Return what happened since the last call."""
        events, self._events = self._events, []
        return events

    def checkpoint(self, now: float) -> RolloutState:
        """Bring everything into the state and return it, for the journal."""
        self.state.gate = self._gate.dump()
        self.state.saved_at = now
        return self.state

    def wake(self, now: float) -> None:
        """Go on after a restart: the time in which nobody was looking does not count."""
        if self.state.paused_at is None:
            # The end of a pause gives back all of it, this absence included.
            self._shift_clocks(max(0.0, now - self.state.saved_at))
        away = now - self.state.saved_at
        text = f'the coordinator is back after {away:.0f} s and goes on with the rollout'
        self._say(now, 'restarted', Level.WARNING, text, alert=True)

    @property
    def step_tasks(self) -> int:
        """Return how many tasks the candidate finished since the step began."""
        return self._gate.candidate_tasks - self.state.tasks_at_step_start

    @property
    def candidate_tasks(self) -> int:
        """Return how many tasks the candidate finished in the whole rollout."""
        return self._gate.candidate_tasks

    def waiting_for(self, view: FleetView, now: float) -> tuple[str, ...]:
        """Return the reachable robots that do not yet report what they should serve."""
        return tuple(
            robot_id
            for robot_id in self.state.robots
            if view.is_reachable(self._model, robot_id, now) and not self._serves(view, robot_id)
        )

    # -- steps ------------------------------------------------------------------------------------

    def _run_step(self, view: FleetView, now: float) -> None:
        step = self.state.step
        if not self._step_has_begun:
            self._begin_step(view, now)
            return
        if isinstance(step, StageModels):
            self._stage_models(step, view, now)
        elif isinstance(step, SetRouting):
            self._set_routing(step, view, now)
        else:
            self._observe(step, now)

    @property
    def _step_has_begun(self) -> bool:
        return len(self.state.step_records) > self.state.step_index

    def _begin_step(self, view: FleetView, now: float) -> None:
        step = self.state.step
        self.state.step_records.append(StepRecord(started=now))
        self.state.tasks_at_step_start = self._gate.candidate_tasks
        self._say(now, 'step', Level.INFO, step.title, step.robots)
        if isinstance(step, StageModels):
            self.state.staged.update(step.robots)
        elif isinstance(step, SetRouting) and step.promote:
            self.state.promoted.update(step.robots)
        elif isinstance(step, SetRouting):
            self.state.shares.update(dict.fromkeys(step.robots, step.candidate_share))
            # Counters as they are before the first candidate task: from here the gate counts.
            self._feed_gate(view)
        elif isinstance(step, Observe):
            self.state.gate_complete = False
            self._gate.begin_stage()
        self._wishes.clear()

    def _stage_models(self, step: StageModels, view: FleetView, now: float) -> None:
        digests: dict[str, str] = {}
        waiting = []
        if self._found_no_room(step, view, now):
            return
        for robot_id in step.robots:
            report = view.report(self._model, robot_id)
            if report is not None and report.is_ready(self._version):
                digests[robot_id] = report.versions[self._version].digest
            elif view.is_reachable(self._model, robot_id, now):
                waiting.append(robot_id)
        if len(set(digests.values())) > 1:
            self._roll_back(Cause.DIGEST_MISMATCH, _odd_one_out(self._version, digests), now)
        elif waiting:
            self._give_up_when_late(step.timeout_s, 'load the version', waiting, now)
        else:
            self._next_step(now)

    def _found_no_room(self, step: StageModels, view: FleetView, now: float) -> bool:
        reports = (view.report(self._model, robot_id) for robot_id in step.robots)
        small = [r.robot_id for r in reports if r is not None and r.resident_limit < 2]
        if small:
            text = (
                f'{", ".join(small)} may hold one version only, a rollout needs two: '
                "raise parameter 'resident_limit' there"
            )
            self._roll_back(Cause.STAGING_FAILED, text, now)
        return bool(small)

    def _set_routing(self, step: SetRouting, view: FleetView, now: float) -> None:
        waiting = [robot_id for robot_id in self.waiting_for(view, now) if robot_id in step.robots]
        if waiting:
            self._give_up_when_late(step.timeout_s, 'confirm the routing', waiting, now)
        else:
            self._next_step(now)

    def _observe(self, step: Observe, now: float) -> None:
        elapsed = now - self.state.step_records[-1].started
        tasks = self.step_tasks
        if tasks >= step.tasks and elapsed >= step.duration_s:
            self._judge(now)
        elif elapsed >= max(step.timeout_s, step.duration_s):
            self._pause(
                PauseReason.INCONCLUSIVE,
                f'only {tasks:,} of {step.tasks:,} tasks in {elapsed:.0f} s: too little to '
                'decide: resume to wait as long again, or abort',
                now,
            )

    def _judge(self, now: float) -> None:
        self.state.gate_complete = True
        self.checks = self._gate.checks(complete=True)
        if self._found_failure(now):
            return
        undecided = [c.sentence for c in self.checks if c.verdict is not Verdict.PASS]
        if undecided:
            self._pause(PauseReason.INCONCLUSIVE, ' '.join(undecided), now)
            return
        self._say(now, 'gate', Level.INFO, ' '.join(c.sentence for c in self.checks))
        self._next_step(now)

    def _next_step(self, now: float) -> None:
        self.state.step_records[-1].ended = now
        if self.state.step_index + 1 < len(self.state.steps):
            self.state.step_index += 1
            return
        text = f'{self._version} serves everything on {_count(self.state.robots)}'
        self._end(Status.SUCCEEDED, text, now, Level.INFO)

    def _give_up_when_late(
        self, timeout_s: float, what: str, waiting: Sequence[str], now: float
    ) -> None:
        if now - self.state.step_records[-1].started < timeout_s:
            return
        names = ', '.join(waiting[:5]) + (' …' if len(waiting) > 5 else '')
        text = f'{_count(waiting)} did not {what} within {timeout_s:g} s: {names}'
        self._roll_back(Cause.TIMED_OUT, text, now)

    # -- gate -------------------------------------------------------------------------------------

    def _feed_gate(self, view: FleetView) -> None:
        news = False
        for robot_id, share in self._watched().items():
            telemetry = view.telemetry(self._model, robot_id)
            if telemetry is None or telemetry is self._fed.get(robot_id):
                continue
            self._fed[robot_id] = telemetry
            previous = self.state.previous[robot_id]
            self._gate.observe(robot_id, previous, telemetry.boot_id, telemetry.versions, share)
            news = True
        if news:
            self.checks = self._gate.checks(complete=self.state.gate_complete)

    def _watched(self) -> Mapping[str, float]:
        """Return the robots that the gate watches, with the candidate's share of their tasks."""
        shares = self.state.shares
        if not shares or not self.state.plan.success_criteria.needs_other_robots:
            return shares
        return dict.fromkeys(self.state.robots, 0.0) | shares

    def _give_up_silent(self, view: FleetView, now: float) -> None:
        """Tell the gate who is out of reach, and of whom no outcome is to be hoped for."""
        watched = self._watched()
        lost = view.unreachable(self._model, watched, now)
        self._gate.reach(len(lost), len(watched))
        for robot_id in lost:
            silent = view.silent_for(self._model, robot_id, now)
            if robot_id not in self._given_up and silent > _GIVEN_UP_AFTER_S:
                self._gate.leave(robot_id)
                self._given_up.add(robot_id)
        self._given_up.intersection_update(lost)

    def _found_harm(self, view: FleetView, now: float) -> bool:
        if not self.state.shares:
            return False
        return self._found_open_breaker(view, now) or self._found_failure(now)

    def _found_open_breaker(self, view: FleetView, now: float) -> bool:
        for robot_id in self.state.shares:
            report = view.report(self._model, robot_id)
            breaker = None if report is None else report.breaker
            if breaker is not None and breaker.version == self._version:
                text = (
                    f'{robot_id} took {self._version} out by itself: {breaker.count} requests in '
                    f'a row failed, the last for {breaker.cause}'
                )
                self._roll_back(Cause.GATE_FAILED, text, now)
                return True
        return False

    def _found_failure(self, now: float) -> bool:
        failed = [check.sentence for check in self.checks if check.verdict is Verdict.FAIL]
        if failed:
            self._roll_back(Cause.GATE_FAILED, ' '.join(failed), now)
        return bool(failed)

    # -- pause, abort, rollback -------------------------------------------------------------------

    def _mind_reachability(self, view: FleetView, now: float) -> None:
        cohort = {*self.state.step.robots, *self.state.shares}
        lost = sorted(view.unreachable(self._model, cohort, now))
        too_many = len(lost) > self.state.plan.max_unreachable
        paused_for_it = self.state.pause_reason is PauseReason.UNREACHABLE
        if too_many and self.state.status is Status.RUNNING:
            text = f'{_count(lost)} of the cohort out of reach, {self.state.plan.max_unreachable} '
            self._pause(PauseReason.UNREACHABLE, f'{text}allowed: {", ".join(lost)}', now, lost)
        elif paused_for_it and not too_many:
            self._resume('the robots are back', now)

    def _pause_by_hand(self, now: float, remark: str) -> None:
        if self.state.status is not Status.RUNNING:
            raise CommandRefusedError(
                'pause', self.state.status.value, 'only a running one pauses'
            )
        self._pause(PauseReason.BY_HAND, f'paused by hand{remark}', now)

    def _resume_by_hand(self, now: float, remark: str) -> None:
        if self.state.status is not Status.PAUSED:
            raise CommandRefusedError(
                'resume', self.state.status.value, 'only a paused one resumes'
            )
        if self.state.pause_reason is PauseReason.INCONCLUSIVE:
            # The step waits anew: as it stands it would pause again at once.
            self.state.step_records[-1].started = now
            self.state.paused_at = now
        self._resume(f'resumed by hand{remark}', now)

    def _abort(self, now: float, remark: str) -> None:
        if self.state.status.is_terminal:
            raise CommandRefusedError('abort', self.state.status.value, 'it has ended already')
        if self.state.status is not Status.ROLLING_BACK:
            self._roll_back(Cause.CANCELED, f'aborted by a person{remark}', now)

    def _skip_wait(self, now: float, remark: str) -> None:
        watches = isinstance(self.state.step, Observe) and self._step_has_begun
        if self.state.status is not Status.RUNNING or not watches:
            raise CommandRefusedError(
                'skip the wait', self.state.status.value, 'no step is being watched'
            )
        self.state.gate_complete = True
        self.checks = self._gate.checks(complete=True)
        if self._found_failure(now):
            return
        self._say(now, 'skipped', Level.WARNING, f'the wait was cut short by hand{remark}')
        self._next_step(now)

    def _pause(
        self, reason: PauseReason, text: str, now: float, robots: Sequence[str] = ()
    ) -> None:
        self.state.status = Status.PAUSED
        self.state.pause_reason = reason
        self.state.paused_at = now
        self.state.reason = text
        by_hand = reason is PauseReason.BY_HAND
        level = Level.INFO if by_hand else Level.WARNING
        self._say(now, reason.value, level, text, robots, alert=not by_hand)

    def _resume(self, text: str, now: float) -> None:
        if self.state.paused_at is not None:
            self._shift_clocks(now - self.state.paused_at)
        self._leave_pause()
        self.state.status = Status.RUNNING
        self.state.reason = ''
        self._say(now, 'resumed', Level.INFO, text)

    @property
    def _gravity(self) -> Level:
        """What somebody wanted is no error."""
        return Level.WARNING if self.state.cause is Cause.CANCELED else Level.ERROR

    def _leave_pause(self) -> None:
        self.state.pause_reason = PauseReason.NONE
        self.state.paused_at = None

    def _shift_clocks(self, seconds: float) -> None:
        if self.state.step_records and self.state.step_records[-1].ended is None:
            self.state.step_records[-1].started += seconds

    def _roll_back(self, cause: Cause, reason: str, now: float) -> None:
        self._leave_pause()
        self.state.status = Status.ROLLING_BACK
        self.state.rolling_back_since = now
        self.state.cause = cause
        self.state.reason = reason
        self._wishes.clear()
        touched = sorted(self.state.shares)
        self._say(now, 'rollback', self._gravity, reason, touched, alert=True)

    def _end_rollback_when_confirmed(self, view: FleetView, now: float) -> None:
        since = self.state.rolling_back_since
        seconds = now - (now if since is None else since)
        silent = self.waiting_for(view, now)
        if silent and seconds < self.state.plan.confirm_timeout.total_seconds():
            return
        touched = {*self.state.shares, *self.state.promoted}
        owed = sorted({*view.unreachable(self._model, touched, now), *silent})
        if owed:
            text = f'{_count(owed)} did not confirm and are owed it: {", ".join(owed)}'
            self._say(now, 'owed', Level.WARNING, text, owed, alert=True)
        back = '/'.join(sorted(set(self.state.previous.values())))
        reason = self.state.reason.rstrip('.')
        text = f'{reason}. {back} is back on {_count(touched - set(owed))} after {seconds:.1f} s.'
        end = _ENDS.get(self.state.cause, Status.FAILED)
        self._end(end, text if touched else self.state.reason, now, self._gravity)

    def _end(self, status: Status, reason: str, now: float, level: Level) -> None:
        self._leave_pause()
        self.state.status = status
        self.state.ended = now
        self.state.reason = reason
        self._wishes.clear()
        if self.state.step_records and self.state.step_records[-1].ended is None:
            self.state.step_records[-1].ended = now
        self._say(now, status.value, level, reason, self.state.robots, alert=True)

    # -- wishes -----------------------------------------------------------------------------------

    def _wished(self) -> Mapping[str, Desired]:
        if not self._wishes:
            self._wishes = {robot_id: self._want(robot_id) for robot_id in self.state.robots}
        return self._wishes

    def _want(self, robot_id: str) -> Desired:
        state = self.state
        previous = state.previous[robot_id]
        goes_back = state.status is Status.ROLLING_BACK or (
            state.status.is_terminal and state.status is not Status.SUCCEEDED
        )
        if goes_back or robot_id not in state.staged:
            return self._desired(robot_id, Routing(self._model, previous), (previous,))
        resident = (previous, self._version)
        if robot_id in state.promoted:
            return self._desired(robot_id, Routing(self._model, self._version), resident)
        share = state.shares.get(robot_id, 0.0)
        if not share:
            return self._desired(robot_id, Routing(self._model, previous), resident)
        routing = Routing(
            self._model,
            previous,
            self._version,
            share,
            salt=state.rollout_id,
            lease_s=state.plan.lease.total_seconds(),
        )
        return self._desired(robot_id, routing, resident)

    def _desired(self, robot_id: str, routing: Routing, resident: tuple[str, ...]) -> Desired:
        return Desired(robot_id, routing, resident, self.state.previous[robot_id])

    def _serves(self, view: FleetView, robot_id: str) -> bool:
        return view.confirms(self._wished()[robot_id].routing, robot_id)

    @property
    def _model(self) -> str:
        return self.state.plan.model_id

    @property
    def _version(self) -> str:
        return self.state.plan.version

    def _say(
        self,
        now: float,
        kind: str,
        level: Level,
        text: str,
        robots: Sequence[str] = (),
        *,
        alert: bool = False,
    ) -> None:
        self._events.append(
            Event(time=now, kind=kind, level=level, text=text, robots=tuple(robots), alert=alert)
        )


def _count(robots: Sequence[object] | set[str]) -> str:
    return '1 robot' if len(robots) == 1 else f'{len(robots)} robots'


def _odd_one_out(version: str, digests: Mapping[str, str]) -> str:
    by_digest: dict[str, list[str]] = {}
    for robot_id, digest in digests.items():
        by_digest.setdefault(digest, []).append(robot_id)
    parts = [f'{digest[:12]}… on {", ".join(robots[:3])}' for digest, robots in by_digest.items()]
    return (
        f'the robots hold different files as {version} ({"; ".join(parts)}): '
        'bring the same version to all of them'
    )
