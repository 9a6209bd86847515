# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Transitions of a rollout: from step to step and from status to status."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import replace

from hotswap_ros.fleet.events import EventKind, Level, Say
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.gates import CheckResult
from hotswap_ros.plan import PromoteOn
from hotswap_ros.rollout import sentences
from hotswap_ros.rollout.desired_routing import DesiredRoutings
from hotswap_ros.rollout.event_kinds import END_EVENTS, PAUSE_EVENTS
from hotswap_ros.rollout.evidence.gate_feed import HARD_LINES
from hotswap_ros.rollout.exclusion import (
    exclude,
    failed_before,
    failures_allowed,
    unreachable_too_long,
)
from hotswap_ros.rollout.robot_progress import Exclusion
from hotswap_ros.rollout.state import Conclusion, Pause, RolloutState, StepRecord
from hotswap_ros.rollout.status import Cause, PauseReason, Status
from hotswap_ros.rollout.steps import Move, Outcome
from hotswap_ros.text import unconfirmed

_ENDS = {
    Cause.GATE_FAILED: Status.ROLLED_BACK,
    Cause.INCONCLUSIVE: Status.ROLLED_BACK,
    Cause.BY_HAND: Status.ROLLED_BACK,
    Cause.REFUSED: Status.ROLLED_BACK,
    Cause.CANCELED: Status.ABORTED,
}
_BY_PEOPLE = (Cause.CANCELED, Cause.BY_HAND, Cause.REFUSED)


class Transitions:
    """Changes step and status of a rollout, and tells people."""

    def __init__(self, state: RolloutState, routings: DesiredRoutings, say: Say) -> None:
        self.state = state
        self._desired_routings = routings
        self._say = say

    def pause(
        self, reason: PauseReason, text: str, now: float, robots: Sequence[str] = ()
    ) -> None:
        """Pause the rollout; gates continue to watch."""
        pause = Pause(reason=reason, since=now, text=text)
        self._set_pauses([*self.state.pauses, pause], now)
        by_hand = reason is PauseReason.BY_HAND
        level = Level.INFO if by_hand else Level.WARNING
        self._say(now, PAUSE_EVENTS[reason], level, text, robots, alert=not by_hand)

    def end_pauses(self, reasons: Collection[PauseReason], text: str, now: float) -> None:
        """End the pauses for these reasons, and say whether the rollout continues."""
        ended = self.drop_pauses(reasons, now)
        if self.state.pauses:
            text = sentences.still_paused(text, self.state.reason)
            self._say(now, PAUSE_EVENTS[ended[0].reason], Level.INFO, text)
        else:
            self._say(now, EventKind.RESUMED, Level.INFO, text)

    def drop_pauses(self, reasons: Collection[PauseReason], now: float) -> list[Pause]:
        """End the pauses for these reasons without an event; return them."""
        ended = [pause for pause in self.state.pauses if pause.reason in reasons]
        self._set_pauses([pause for pause in self.state.pauses if pause not in ended], now)
        return ended

    def _set_pauses(self, pauses: list[Pause], now: float) -> None:
        """Continue when no pause is left; time in pauses does not count for the step."""
        state = self.state
        state.pauses = pauses
        state.status = Status.PAUSED if pauses else Status.RUNNING
        state.reason = '' if state.pause is None else state.pause.text
        if state.is_held:
            state.held_since = now if state.held_since is None else state.held_since
        elif state.held_since is not None:
            self.shift_clocks(now - state.held_since)
            state.held_since = None

    @property
    def _gravity(self) -> Level:
        """Return the level of the rollback: an error unless a person asked for it."""
        return Level.WARNING if self.state.cause in _BY_PEOPLE else Level.ERROR

    def shift_clocks(self, seconds: float) -> None:
        """Take time that passed out of the times of the step."""
        state = self.state
        if state.step_records and state.step_records[-1].ended is None:
            state.step_records[-1].started += seconds
        if state.waits_since is not None:
            state.waits_since += seconds
        state.awaited_since += seconds
        if state.ramp is not None:
            state.ramp.next_at += seconds
        if state.proof is not None:
            state.proof.since += seconds

    def _leave(self, status: Status) -> None:
        """Leave the steps, and end all pauses."""
        self.state.status = status
        self.state.pauses = []
        self.state.held_since = None

    def roll_back(self, cause: Cause, reason: str, now: float) -> None:
        """Roll back to the previous versions."""
        self._leave(Status.ROLLING_BACK)
        self.state.rolling_back_since = now
        self.state.cause = cause
        self.state.reason = reason
        served = sorted(self.state.served)
        self._say(now, EventKind.ROLLBACK, self._gravity, reason, served, alert=True)

    def end_rollback_when_confirmed(self, view: FleetView, now: float) -> None:
        """
        End once all reachable robots serve the previous version, or after the timeout.

        While no robot is reachable it waits: after a restart, robots may report soon.
        """
        state, since = self.state, self.state.rolling_back_since
        seconds = now - (now if since is None else since)
        is_late = seconds >= state.plan.timeout_s
        waiting = self._desired_routings.waiting_for(view, now)
        if waiting and not is_late:
            return
        served = state.served
        unreachable = view.unreachable(state.plan.model_id, served, now)
        if served and len(unreachable) == len(served) and not is_late:
            return
        missing = sorted({*unreachable, *waiting})
        state.put({r: replace(state.robots[r], unconfirmed=True) for r in missing})
        self.note_failed(waiting)
        if missing:
            kind = EventKind.ROLLBACK_PENDING
            self._say(now, kind, Level.WARNING, unconfirmed(missing), missing, alert=True)
        self._end_rollback(served, missing, len(unreachable), seconds, now)

    def note_failed(self, robots: Iterable[str]) -> None:
        """Note that robots could not load, obey or confirm."""
        state = self.state
        state.put({r: replace(state.robots[r], failed=True) for r in robots})

    def fail(self, why: Mapping[str, str], cause: Cause, text: str, now: float) -> None:
        """Exclude robots that have failed, as far as the plan allows it, or roll back."""
        state = self.state
        allowed, failed = failures_allowed(state), {**failed_before(state), **why}
        if len(failed) <= allowed and not exclude(state, why, Exclusion.FAILED):
            self._say_excluded(why, now)
            return
        self.note_failed(why)
        if allowed:
            text = sentences.too_many_failed(failed, allowed)
        self.roll_back(cause, text, now)

    def end_waiting_for(self, robots: tuple[str, ...], view: FleetView, now: float) -> None:
        """Do what the plan says once robots have been unreachable for too long."""
        state = self.state
        late = unreachable_too_long(state, robots, view, now)
        pause = next((p for p in state.pauses if p.reason is PauseReason.UNREACHABLE), None)
        limit_s = state.plan.unreachable_timeout.total_seconds()
        if not late or pause is None or now - pause.since < limit_s:
            return
        names = sorted(late)
        if state.plan.on_unreachable == 'rollback':
            text = sentences.plan_rolls_back_unreachable(names, limit_s)
            self.roll_back(Cause.TIMED_OUT, text, now)
            return
        refusal = ''
        if state.plan.on_unreachable == 'exclude':
            refusal = exclude(state, late, Exclusion.UNREACHABLE)
            if not refusal:
                self._say_excluded(late, now)
                return
        if not pause.is_asked:
            pause.is_asked = True
            pause.text = state.reason = sentences.person_excludes(names, limit_s, refusal)
            event = PAUSE_EVENTS[pause.reason]
            self._say(now, event, Level.WARNING, pause.text, names, alert=True)

    def _say_excluded(self, why: Mapping[str, str], now: float) -> None:
        text = sentences.excluded(why)
        self._say(now, EventKind.EXCLUDED, Level.WARNING, text, sorted(why), alert=True)

    def _end_rollback(
        self,
        served: Set[str],
        missing: Sequence[str],
        unreachable: int,
        seconds: float,
        now: float,
    ) -> None:
        """End the rollback; it has failed if no robot confirmed."""
        end, gravity = _ENDS.get(self.state.cause, Status.FAILED), self._gravity
        if not served:
            self.end(end, self.state.reason, now, gravity)
            return
        versions = '/'.join(sorted({*self.state.previous.values()} - {''}))
        reason = self.state.reason
        text = sentences.rolled_back(reason, versions, served, missing, seconds, unreachable)
        if served <= set(missing):
            # ABORTED only means that the rollout does not continue.
            end = Status.FAILED if end is Status.ROLLED_BACK else end
            gravity = Level.ERROR
        self.end(end, text, now, gravity)

    def end(self, status: Status, reason: str, now: float, level: Level) -> None:
        """End with a terminal status."""
        self._leave(status)
        self.state.ended = now
        self.state.reason = reason
        if self.state.step_records and self.state.step_records[-1].ended is None:
            self.state.step_records[-1].ended = now
        robots = sorted(self.state.robots)
        self._say(now, END_EVENTS[status], level, reason, robots, alert=True)

    def roll_back_on_harm(self, failures: Sequence[CheckResult], now: float) -> bool:
        """Roll back if the gate has found harm; returns whether it has."""
        state = self.state
        if state.step_has_begun and state.step.lowers_on_harm:
            failures = [check for check in failures if check.name in HARD_LINES]
        if not failures:
            return False
        text = ' '.join(check.sentence for check in failures)
        if state.watch is not None and state.watch.subject == 'shadow':
            state.conclusions.append(Conclusion(verdict='retrain', sentence=text))
        self.roll_back(Cause.GATE_FAILED, text, now)
        return True

    def pause_on_signals(self, signals: Sequence[CheckResult], now: float) -> None:
        """Pause once for each check that tells people and does not roll back."""
        if not signals:
            return
        self.state.signals_said += tuple(check.name for check in signals)
        text = sentences.person_decides(' '.join(check.sentence for check in signals))
        self.pause(PauseReason.INCONCLUSIVE, text, now)

    def take(self, outcome: Outcome, now: float) -> None:
        """Do what the outcome of a step asks for."""
        if outcome.move is Move.DONE:
            if outcome.text:
                self._say(now, EventKind.GATE, Level.WARNING, outcome.text, alert=True)
            self.drop_pauses([PauseReason.APPROVAL], now)
            self.next_step(now)
        elif outcome.move is Move.PAUSE:
            self.pause(outcome.reason, outcome.text, now)
        elif outcome.move is Move.BACK:
            self._go_back(outcome, now)
        elif outcome.move is Move.UNDECIDED:
            self._take_undecided(outcome, now)

    def _go_back(self, outcome: Outcome, now: float) -> None:
        if not outcome.robots:
            self.roll_back(outcome.cause, outcome.text, now)
            return
        said = {robot_id: self.state.robots[robot_id].why for robot_id in outcome.robots}
        text = sentences.with_refusals(outcome.text, said)
        why = {robot_id: last or outcome.text for robot_id, last in said.items()}
        self.fail(why, outcome.cause, text, now)

    def _take_undecided(self, outcome: Outcome, now: float) -> None:
        """Do what the plan says; without any task, or a proof, it cannot continue."""
        asked = self.state.step.on_inconclusive or self.state.plan.on_inconclusive
        if asked == 'continue' and outcome.has_seen and not self.state.awaits_proof:
            text = sentences.plan_continues(outcome.text)
            self._say(now, EventKind.INCONCLUSIVE, Level.WARNING, text, alert=True)
            self.next_step(now)
        elif asked == 'rollback':
            text = sentences.plan_rolls_back(outcome.text)
            self.roll_back(Cause.INCONCLUSIVE, text, now)
        else:
            decide = sentences.person_decides
            if self.state.awaits_proof:
                decide = sentences.person_decides_on_proof
            self.pause(PauseReason.INCONCLUSIVE, decide(outcome.text), now)

    def next_step(self, now: float) -> None:
        """End the step, and go to the next one that is not skipped."""
        state = self.state
        state.step_records[-1].ended = now
        state.proof = None
        while state.step_index + 1 < len(state.steps):
            state.step_index += 1
            if state.step.if_kept == state.is_kept:
                return
            state.step_records.append(StepRecord(started=now, ended=now, skipped=True))
        self.end(Status.SUCCEEDED, self._success, now, Level.INFO)

    @property
    def _how_promoted(self) -> str:
        by = self.state.promoted_by
        if by is not None:
            return sentences.promoted_by(by.by, by.remark)
        if any(found.is_binding for found in self.state.conclusions):
            return ''
        if self.state.promotes_on is PromoteOn.PROVEN:
            return sentences.proven(self.state.plan.success_criteria.proof_words)
        return '' if self.state.watch is None else sentences.no_harm()

    @property
    def _success(self) -> str:
        state = self.state
        version = state.plan.version
        promoted = state.promoted
        if promoted and not state.is_kept:
            return sentences.promoted(version, promoted, self._how_promoted)
        said = ' '.join(conclusion.sentence for conclusion in state.conclusions)
        return said or sentences.not_promoted(version)
