# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""From step to step and from status to status: pause and go on, roll back, end."""

from __future__ import annotations

from collections.abc import Sequence

from hotswap_ros.fleet.events import EventKind, Level, Say
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.rollout.desired_routing import DesiredRoutings
from hotswap_ros.rollout.state import Cause, PauseReason, RolloutState, Status, StepRecord
from hotswap_ros.rollout.steps import Move, Outcome
from hotswap_ros.text import are_owed, counted, none_confirmed

_ENDS = {
    Cause.GATE_FAILED: Status.ROLLED_BACK,
    Cause.INCONCLUSIVE: Status.ROLLED_BACK,
    Cause.BY_HAND: Status.ROLLED_BACK,
    Cause.REFUSED: Status.ROLLED_BACK,
    Cause.CANCELED: Status.ABORTED,
}
_BY_PEOPLE = (Cause.CANCELED, Cause.BY_HAND, Cause.REFUSED)


class Transitions:
    """Changes step and status of a rollout, what its robots should serve, and says so."""

    def __init__(self, state: RolloutState, wishes: DesiredRoutings, say: Say) -> None:
        self.state = state
        self._wishes = wishes
        self._say = say

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
        self._say(now, EventKind(reason.value), level, text, robots, alert=not by_hand)

    def resume(self, text: str, now: float) -> None:
        """Go on; the time of the pause does not count."""
        if self.state.paused_at is not None:
            self.shift_clocks(now - self.state.paused_at)
        self.leave_pause()
        self.state.status = Status.RUNNING
        self.state.reason = ''
        self._say(now, EventKind.RESUMED, Level.INFO, text)

    @property
    def _gravity(self) -> Level:
        """What somebody wanted is no error."""
        return Level.WARNING if self.state.cause in _BY_PEOPLE else Level.ERROR

    def leave_pause(self) -> None:
        """Forget why it was paused."""
        self.state.pause_reason = PauseReason.NONE
        self.state.paused_at = None

    def shift_clocks(self, seconds: float) -> None:
        """Let time that passed not count for the step."""
        state = self.state
        if state.step_records and state.step_records[-1].ended is None:
            state.step_records[-1].started += seconds
        if state.waits_since is not None:
            state.waits_since += seconds
        state.awaited_since += seconds
        if state.ramp is not None:
            state.ramp.next_at += seconds

    def roll_back(self, cause: Cause, reason: str, now: float) -> None:
        """Put the previous versions back."""
        self.leave_pause()
        self.state.status = Status.ROLLING_BACK
        self.state.rolling_back_since = now
        self.state.cause = cause
        self.state.reason = reason
        self._wishes.forget()
        touched = sorted(self.state.touched)
        self._say(now, EventKind.ROLLBACK, self._gravity, reason, touched, alert=True)

    def end_rollback_when_confirmed(self, view: FleetView, now: float) -> None:
        """
        End once all in reach serve the previous version, or have had their time.

        Where nobody is in reach somebody may be soon, after a restart above all.
        """
        touched, since = self.state.touched, self.state.rolling_back_since
        seconds = now - (now if since is None else since)
        silent = self._wishes.waiting_for(view, now)
        away = view.unreachable(self.state.plan.model_id, touched, now)
        is_waited_for = bool(silent) or (bool(touched) and len(away) == len(touched))
        if is_waited_for and seconds < self.state.plan.timeout_s:
            return
        owed = sorted({*away, *silent})
        self.state.owed.update(owed)
        self.state.failed.update(silent)
        if owed:
            text = f'{counted(owed)} {are_owed(owed)}'
            self._say(now, EventKind.OWED, Level.WARNING, text, owed, alert=True)
        self._end_rollback(owed, len(away), seconds, now)

    def _end_rollback(self, owed: Sequence[str], away: int, seconds: float, now: float) -> None:
        """Say how far it came: one that reached nobody of those that it was for has failed."""
        touched = self.state.touched
        end, gravity = _ENDS.get(self.state.cause, Status.FAILED), self._gravity
        if not touched:
            self.end(end, self.state.reason, now, gravity)
            return
        confirmed = touched - set(owed)
        versions = '/'.join(sorted(set(self.state.previous.values())))
        text = f'{self.state.reason.rstrip(".")}. {versions} is back on '
        text += f'{len(confirmed)} of {counted(touched)}' if owed else counted(touched)
        if confirmed:
            text += f' after {seconds:.1f} s'
        else:
            text += f': {none_confirmed(seconds, away)}'
            # An abort says no more than that the rollout does not go on.
            end = Status.FAILED if end is Status.ROLLED_BACK else end
            gravity = Level.ERROR
        text += f'; {are_owed(owed)}.' if owed else '.'
        self.end(end, text, now, gravity)

    def end(self, status: Status, reason: str, now: float, level: Level) -> None:
        """Come to a terminal status."""
        self.leave_pause()
        self.state.status = status
        self.state.ended = now
        self.state.reason = reason
        self._wishes.forget()
        if self.state.step_records and self.state.step_records[-1].ended is None:
            self.state.step_records[-1].ended = now
        self._say(now, EventKind(status.value), level, reason, self.state.robots, alert=True)

    def take(self, outcome: Outcome, now: float) -> None:
        """Go where what a step's action found leads."""
        if outcome.move is Move.DONE:
            if outcome.text:
                self._say(now, EventKind.GATE, Level.WARNING, outcome.text, alert=True)
            self.leave_pause()
            self.state.status = Status.RUNNING
            self.next_step(now)
        elif outcome.move is Move.PAUSE:
            self.pause(outcome.reason, outcome.text, now)
        elif outcome.move is Move.BACK:
            self.state.failed.update(outcome.robots)
            self.roll_back(outcome.cause, outcome.text, now)
        elif outcome.move is Move.UNDECIDED:
            self._take_undecided(outcome, now)

    def _take_undecided(self, outcome: Outcome, now: float) -> None:
        """Do what the plan says; that no traffic is a success no plan can say."""
        asked = self.state.step.on_inconclusive or self.state.plan.on_inconclusive
        if asked == 'continue' and outcome.has_seen:
            text = f'{outcome.text} The plan says to go on.'
            self._say(now, EventKind.INCONCLUSIVE, Level.WARNING, text, alert=True)
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
        self.end(Status.SUCCEEDED, self._success, now, Level.INFO)

    @property
    def _success(self) -> str:
        state = self.state
        version = state.plan.version
        if state.promoted and not state.is_kept:
            return f'{version} serves everything on {counted(state.promoted)}'
        said = ' '.join(conclusion.sentence for conclusion in state.conclusions)
        return said or f'{version} has passed and serves nothing, as the plan says'
