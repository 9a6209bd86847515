# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Observe: wait for tasks and time, then ask the gate. Harm ends a step at any time."""

from __future__ import annotations

from hotswap_ros.fleet.events import EventKind, Level
from hotswap_ros.gates import MIN_TASKS, CheckResult, Verdict
from hotswap_ros.plan import Observe
from hotswap_ros.rollout.steps.context import DONE, WAIT, Move, Outcome, StepContext


def begin(step: Observe, context: StepContext) -> None:
    """Begin a stage of the gate."""
    context.gate_feed.begin_stage()


def run(step: Observe, context: StepContext) -> Outcome:
    """Wait, and judge once everything is in."""
    if not step.is_conclusive:
        return DONE if context.elapsed_s >= step.duration_s else WAIT
    if context.gate_feed.control_has_lost:
        return Outcome(Move.DONE, f'the trial ends early: {context.gate_feed.control_has_lost}')
    wanted = max(step.tasks, context.state.tasks_wanted)
    timeout_s = max(step.timeout_s, step.duration_s)
    if context.gate_feed.step_tasks >= wanted and context.elapsed_s >= step.duration_s:
        return judged(context, timeout_s)
    return overdue(context, wanted, timeout_s)


def judged(context: StepContext, timeout_s: float) -> Outcome:
    """
    Ask the gate, with everything in.

    The tasks that it compares have to have ended first. One that could not decide before, and was
    told to watch on, is asked again whenever as many tasks as the smallest verdict needs have come
    in, until its time is over.
    """
    is_first = context.state.awaited is None
    if not context.gate_feed.is_settled(context.now, timeout_s):
        if is_first:
            text = 'all tasks are in: waiting for the matching control tasks to finish'
            context.say(context.now, EventKind.SETTLING, Level.INFO, text)
        return WAIT
    checks = context.gate_feed.judge()
    if context.gate_feed.failures:
        return WAIT  # the runner sees to harm
    undecided = [c.sentence for c in checks if c.verdict is not Verdict.PASS] + _unseen(context)
    if not undecided:
        context.say(context.now, EventKind.GATE, Level.INFO, sentences(checks))
        return DONE
    if context.state.tasks_wanted and waited_s(context) < timeout_s:
        context.state.tasks_wanted = context.gate_feed.step_tasks + MIN_TASKS
        context.gate_feed.reopen()
        return WAIT
    return Outcome(Move.UNDECIDED, ' '.join(undecided), has_seen=context.gate_feed.step_tasks > 0)


def _unseen(context: StepContext) -> list[str]:
    """Return what is missing of a shadow: it may agree with nothing to compare."""
    watch = context.state.watch
    if watch is None or watch.subject != 'shadow':
        return []
    compared = context.gate_feed.trial_counts.shadowed_tasks
    if compared >= MIN_TASKS:
        return []
    return [f'The shadow saw {compared:,} tasks, {MIN_TASKS} are needed.']


def overdue(context: StepContext, wanted: int, timeout_s: float) -> Outcome:
    """Return that tasks are waited for, or that they have had their time."""
    waited = waited_s(context)
    if waited < timeout_s:
        return WAIT
    tasks = context.gate_feed.step_tasks
    text = (
        f'only {tasks:,} of {wanted:,} tasks in {waited:.0f} s: too little to decide: resume to '
        'wait as long again, skip the wait, or abort'
    )
    return Outcome(Move.UNDECIDED, text, has_seen=tasks > 0)


def waited_s(context: StepContext) -> float:
    """Return for how long tasks have been waited for, in seconds."""
    since = context.state.waits_since
    return context.elapsed_s if since is None else context.now - since


def sentences(checks: tuple[CheckResult, ...]) -> str:
    """Return what checks say."""
    return ' '.join(check.sentence for check in checks) or 'nothing was to be checked'
