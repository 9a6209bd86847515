# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Operator: the effect of each verb on a rollout."""

from __future__ import annotations

from dataclasses import replace

from hotswap_ros.fleet.events import EventKind, Level
from hotswap_ros.gates import MIN_TASKS
from hotswap_ros.plan import Observe, Ramp
from hotswap_ros.rollout import sentences
from hotswap_ros.rollout.errors import CommandRefusedError
from hotswap_ros.rollout.exclusion import exclude
from hotswap_ros.rollout.robot_progress import Exclusion
from hotswap_ros.rollout.state import PromotedBy, ProofProgress
from hotswap_ros.rollout.status import Cause, PauseReason, Status, Verb
from hotswap_ros.rollout.steps import StepContext, set_flag
from hotswap_ros.rollout.transitions import Transitions
from hotswap_ros.rollout.verbs import RESUMABLE, VERBS, check_allowed, on_trial


class Operator:
    """Carries out the verbs of an operator, where VERBS allows it."""

    def __init__(
        self, context: StepContext, transitions: Transitions, remark: str, by: str
    ) -> None:
        self._context = context
        self._transitions = transitions
        self._state = context.state
        self._gate_feed = context.gate_feed
        self._now = context.now
        self._remark = remark
        self._by = by

    def do(self, verb: Verb, share: float | None, robot_id: str = '') -> None:
        """Do it. Raises CommandRefusedError, and then nothing has changed."""
        check_allowed(verb, self._state)
        if verb is Verb.SET_SHARE:
            self._set_share(share)
            return
        if verb is Verb.EXCLUDE:
            self._exclude(robot_id)
            return
        {
            Verb.PAUSE: self._pause,
            Verb.RESUME: self._resume,
            Verb.APPROVE: self._approve,
            Verb.REFUSE: self._refuse,
            Verb.SKIP_WAIT: self._skip_wait,
            Verb.ABORT: self._abort,
            Verb.ROLLBACK: self._roll_back,
            Verb.PROMOTE: self._promote,
        }[verb]()

    def _said(self, verb: Verb, share: float = 0.0) -> str:
        return sentences.by_person(verb.value, self._remark, share)

    def _pause(self) -> None:
        self._transitions.pause(PauseReason.BY_HAND, self._said(Verb.PAUSE), self._now)

    def _resume(self) -> None:
        if self._state.is_paused_for(PauseReason.INCONCLUSIVE):
            self._watch_on()
        self._transitions.end_pauses(RESUMABLE, self._said(Verb.RESUME), self._now)

    def _watch_on(self) -> None:
        """
        Ask the gate again after more tasks: see `judged`. The timeout starts again.

        An answer at once would be the same, or a matter of chance.
        """
        state = self._state
        self._gate_feed.reopen()
        seen = self._gate_feed.step_tasks
        if state.proof is not None:
            state.proof = ProofProgress(since=state.held_since or self._now, tasks=seen)
            return
        step = state.step
        asked = step.tasks if isinstance(step, Observe) else 0
        state.tasks_wanted = seen + MIN_TASKS if seen >= asked else asked
        # The end of the pause gives all of it back.
        state.waits_since = state.held_since

    def _approve(self) -> None:
        self._transitions.drop_pauses([PauseReason.APPROVAL], self._now)
        if self._transitions.roll_back_on_harm(self._gate_feed.failures, self._now):
            return
        text = self._said(Verb.APPROVE)
        self._context.say(self._now, EventKind.APPROVED, Level.INFO, text)
        self._transitions.next_step(self._now)

    def _refuse(self) -> None:
        self._transitions.roll_back(Cause.REFUSED, self._said(Verb.REFUSE), self._now)

    def _skip_wait(self) -> None:
        self._transitions.drop_pauses([PauseReason.INCONCLUSIVE], self._now)
        self._gate_feed.judge()
        if self._transitions.roll_back_on_harm(self._gate_feed.failures, self._now):
            return
        text = self._said(Verb.SKIP_WAIT)
        self._context.say(self._now, EventKind.SKIPPED, Level.WARNING, text)
        self._transitions.next_step(self._now)

    def _promote(self) -> None:
        if not (self._by and self._remark):
            phrase = VERBS[Verb.PROMOTE].phrase
            raise CommandRefusedError(phrase, self._state.status.value, sentences.unsigned())
        self._transitions.drop_pauses([PauseReason.INCONCLUSIVE], self._now)
        self._gate_feed.judge()
        if self._transitions.roll_back_on_harm(self._gate_feed.failures, self._now):
            return
        self._state.promoted_by = PromotedBy(by=self._by, remark=self._remark)
        text = sentences.promoted_by(self._by, self._remark)
        self._context.say(self._now, EventKind.OVERRIDE, Level.WARNING, text, alert=True)
        self._transitions.next_step(self._now)

    def _exclude(self, robot_id: str) -> None:
        state = self._state
        robot = state.robots.get(robot_id)
        problem = ''
        if robot is None:
            problem = sentences.not_in_rollout(robot_id, state.robots)
        elif robot.excluded is not Exclusion.NONE:
            problem = sentences.excluded_already(robot_id, robot.why)
        else:
            model_id = state.plan.model_id
            is_there = self._context.view.is_reachable(model_id, robot_id, self._now)
            kind = Exclusion.BY_HAND if is_there else Exclusion.UNREACHABLE
            text = sentences.excluded_by_person(robot_id, self._remark)
            problem = exclude(state, {robot_id: self._said(Verb.EXCLUDE)}, kind)
        if problem:
            phrase = VERBS[Verb.EXCLUDE].phrase
            raise CommandRefusedError(phrase, state.status.value, problem)
        self._context.say(self._now, EventKind.EXCLUDED, Level.WARNING, text, [robot_id])

    def _abort(self) -> None:
        if self._state.status is not Status.ROLLING_BACK:
            self._transitions.roll_back(Cause.CANCELED, self._said(Verb.ABORT), self._now)

    def _roll_back(self) -> None:
        self._transitions.roll_back(Cause.BY_HAND, self._said(Verb.ROLLBACK), self._now)

    def _set_share(self, share: float | None) -> None:
        state, step = self._state, self._state.step
        if share is None or not 0 <= share <= 1:
            phrase = VERBS[Verb.SET_SHARE].phrase
            raise CommandRefusedError(phrase, state.status.value, sentences.bad_share(share))
        if isinstance(step, Ramp):
            set_flag(step, self._context, share)
        else:
            robots = on_trial(state)
            state.put({r: replace(state.robots[r], share=share) for r in robots})
        text = self._said(Verb.SET_SHARE, share)
        self._context.say(self._now, EventKind.SHARE, Level.WARNING, text, sorted(state.shares))
