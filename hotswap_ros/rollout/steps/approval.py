# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Wait for approval: hold until a person approves or refuses, or the time is over."""

from __future__ import annotations

from hotswap_ros.fleet.events import EventKind, Level
from hotswap_ros.plan import WaitForApproval
from hotswap_ros.rollout import sentences
from hotswap_ros.rollout.status import Cause, PauseReason
from hotswap_ros.rollout.steps.context import WAIT, Move, Outcome, StepContext


def begin(step: WaitForApproval, context: StepContext) -> None:
    """Nothing is asked for yet."""
    context.state.is_overdue = False


def run(step: WaitForApproval, context: StepContext) -> Outcome:
    """Hold; once the time is over, do what the plan says."""
    if not context.state.is_paused_for(PauseReason.APPROVAL):
        text = sentences.approval_needed(step.title(context.state.plan.version))
        return Outcome(Move.PAUSE, text, reason=PauseReason.APPROVAL)
    if context.elapsed_s < step.timeout_s or context.state.is_overdue:
        return WAIT
    text = sentences.approval_late(step.timeout_s, step.on_timeout)
    if step.on_timeout == 'continue':
        return Outcome(Move.DONE, text)
    if step.on_timeout == 'rollback':
        return Outcome(Move.BACK, text, cause=Cause.TIMED_OUT)
    context.state.is_overdue = True
    context.say(context.now, EventKind.OVERDUE, Level.WARNING, text, step.robots, alert=True)
    return WAIT
