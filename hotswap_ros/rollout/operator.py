# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Verbs of an operator, and what they do to a rollout."""

from __future__ import annotations

import enum
from dataclasses import replace

from hotswap_ros.fleet.events import EventKind, Level
from hotswap_ros.gates import MIN_TASKS
from hotswap_ros.plan import Observe, Ramp, SetRouting
from hotswap_ros.rollout.errors import CommandRefusedError
from hotswap_ros.rollout.state import Cause, PauseReason, Status
from hotswap_ros.rollout.steps import StepContext, set_flag
from hotswap_ros.rollout.transitions import Transitions


class Verb(str, enum.Enum):
    """What an operator can say to a rollout."""

    PAUSE = 'pause'
    RESUME = 'resume'
    APPROVE = 'approve'
    REFUSE = 'refuse'
    SKIP_WAIT = 'skip_wait'
    ABORT = 'abort'
    ROLLBACK = 'rollback'
    SET_SHARE = 'set_share'


class Operator:
    """
    Does to a rollout what an operator says, once it has been found to be possible.

    Every method raises CommandRefusedError, and then nothing has changed.
    """

    def __init__(self, context: StepContext, transitions: Transitions, remark: str) -> None:
        self._context = context
        self._transitions = transitions
        self._state = context.state
        self._gate_feed = context.gate_feed
        self._now = context.now
        self._remark = f' ({remark})' if remark else ''

    def do(self, verb: Verb, share: float | None) -> None:
        """Do it."""
        if verb is Verb.SET_SHARE:
            self._set_share(share)
            return
        {
            Verb.PAUSE: self._pause,
            Verb.RESUME: self._resume,
            Verb.APPROVE: self._approve,
            Verb.REFUSE: self._refuse,
            Verb.SKIP_WAIT: self._skip_wait,
            Verb.ABORT: self._abort,
            Verb.ROLLBACK: self._roll_back,
        }[verb]()

    def _pause(self) -> None:
        if self._state.status is not Status.RUNNING:
            raise self._refusal('pause', 'only a running one pauses')
        self._transitions.pause(PauseReason.BY_HAND, f'paused by hand{self._remark}', self._now)

    def _resume(self) -> None:
        state = self._state
        if state.status is not Status.PAUSED:
            raise self._refusal('resume', 'only a paused one resumes')
        if state.pause_reason is PauseReason.APPROVAL:
            raise self._refusal('resume', 'it waits for approval: approve or refuse')
        if state.pause_reason is PauseReason.INCONCLUSIVE:
            self._watch_on()
        self._transitions.resume(f'resumed by hand{self._remark}', self._now)

    def _watch_on(self) -> None:
        """
        Ask the gate again when there is something new to judge.

        At once would be the same answer, or one that was fished for: see `judged`. The time to
        wait for tasks begins anew.
        """
        state = self._state
        self._gate_feed.reopen()
        seen = self._context.new_tasks
        step = state.step
        asked = step.tasks if isinstance(step, Observe) else 0
        state.tasks_wanted = seen + MIN_TASKS if seen >= asked else asked
        # The end of the pause gives all of it back.
        state.waits_since = self._now if state.paused_at is None else state.paused_at

    def _approve(self) -> None:
        self._need_approval('approve')
        self._transitions.leave_pause()
        self._state.status = Status.RUNNING
        self._state.reason = ''
        if self._transitions.roll_back_on_harm(self._gate_feed.failures, self._now):
            return
        text = f'approved by a person{self._remark}'
        self._context.say(self._now, EventKind.APPROVED, Level.INFO, text)
        self._transitions.next_step(self._now)

    def _refuse(self) -> None:
        self._need_approval('refuse')
        text = f'refused by a person{self._remark}'
        self._transitions.roll_back(Cause.REFUSED, text, self._now)

    def _need_approval(self, verb: str) -> None:
        if self._state.pause_reason is not PauseReason.APPROVAL:
            raise self._refusal(verb, 'no approval is waited for')

    def _skip_wait(self) -> None:
        state = self._state
        watches = isinstance(state.step, (Observe, Ramp)) and state.step_has_begun
        undecided = state.pause_reason is PauseReason.INCONCLUSIVE
        if not watches or not (state.status is Status.RUNNING or undecided):
            raise self._refusal('skip the wait of', 'no step is being watched')
        self._transitions.leave_pause()
        state.status = Status.RUNNING
        self._gate_feed.judge()
        if self._transitions.roll_back_on_harm(self._gate_feed.failures, self._now):
            return
        text = f'the wait was cut short by hand{self._remark}'
        self._context.say(self._now, EventKind.SKIPPED, Level.WARNING, text)
        self._transitions.next_step(self._now)

    def _abort(self) -> None:
        if self._state.status.is_terminal:
            raise self._refusal('abort', 'it has ended already')
        if self._state.status is not Status.ROLLING_BACK:
            text = f'aborted by a person{self._remark}'
            self._transitions.roll_back(Cause.CANCELED, text, self._now)

    def _roll_back(self) -> None:
        if self._state.status.is_terminal or self._state.status is Status.ROLLING_BACK:
            raise self._refusal('roll back', 'it has ended, or goes back already')
        text = f'rolled back by a person{self._remark}'
        self._transitions.roll_back(Cause.BY_HAND, text, self._now)

    def _set_share(self, share: float | None) -> None:
        state, step = self._state, self._state.step
        if share is None or not 0 <= share <= 1:
            raise self._refusal('set the share of', f'share is {share}: use 0 to 1')
        if state.status not in (Status.RUNNING, Status.PAUSED) or not state.step_has_begun:
            raise self._refusal('set the share of', 'nothing serves the candidate')
        if isinstance(step, Ramp):
            set_flag(step, self._context, share)
        else:
            self._share_of_the_cohort(share, step)
        text = f'the candidate takes {share:.0%} of tasks by hand{self._remark}'
        self._context.say(self._now, EventKind.SHARE, Level.WARNING, text, sorted(state.shares))

    def _share_of_the_cohort(self, share: float, step: object) -> None:
        state = self._state
        on_trial = state.where(lambda robot: robot.share is not None and not robot.promoted)
        if state.watch is not None and state.watch.control_criteria is not None:
            raise self._refusal('set the share of', 'the arms of a trial are fixed')
        if not on_trial or (isinstance(step, SetRouting) and step.promote):
            raise self._refusal('set the share of', 'nothing serves the candidate')
        state.put({r: replace(state.robots[r], share=share) for r in on_trial})

    def _refusal(self, verb: str, why: str) -> CommandRefusedError:
        return CommandRefusedError(verb, self._state.status.value, why)
