# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Observe: wait for tasks and time, then ask the gate. Harm ends the step at any time."""

from __future__ import annotations

from hotswap_ros.fleet.events import EventKind, Level
from hotswap_ros.gates import MIN_TASKS, Verdict
from hotswap_ros.plan import Observe
from hotswap_ros.rollout import sentences
from hotswap_ros.rollout.steps.context import DONE, WAIT, Move, Outcome, StepContext
from hotswap_ros.rollout.steps.proof import proven


def begin(step: Observe, context: StepContext) -> None:
    """Begin a stage of the gate."""
    context.gate_feed.begin_stage()


def run(step: Observe, context: StepContext) -> Outcome:
    """Wait for the tasks and the time of the step, then ask the gate."""
    if not step.is_conclusive:
        return DONE if context.elapsed_s >= step.duration_s else WAIT
    if context.gate_feed.control_has_lost:
        return Outcome(Move.DONE, sentences.ends_early(context.gate_feed.control_has_lost))
    if context.state.proof is not None and context.state.awaits_proof:
        return proven(context)
    wanted = max(step.tasks, context.state.tasks_wanted)
    timeout_s = max(step.timeout_s, step.duration_s)
    if context.gate_feed.step_tasks < wanted or context.elapsed_s < step.duration_s:
        return overdue(context, wanted, timeout_s)
    if step.tasks and _few_of_their_own(context) and waited_s(context) < timeout_s:
        return WAIT
    return proven(context, judged(context, timeout_s))


def judged(context: StepContext, timeout_s: float) -> Outcome:
    """
    Ask the gate for its verdict, once the step has its tasks.

    It first waits until all tasks that the gate compares have finished. A gate that could not
    decide and was told to continue judges again after every MIN_TASKS new tasks, until the
    timeout.
    """
    is_first = context.state.awaited is None
    if not context.gate_feed.is_settled(context.now, timeout_s):
        if is_first:
            context.say(context.now, EventKind.SETTLING, Level.INFO, sentences.settling())
        return WAIT
    checks = context.gate_feed.judge()
    if context.gate_feed.failures or context.gate_feed.new_signals:
        return WAIT  # the runner rolls back on harm, and pauses on signals
    decided = (Verdict.PASS, Verdict.FAIL)  # a signal that was said
    undecided = [c.sentence for c in checks if c.verdict not in decided]
    undecided += _unseen(context) or _few_of_their_own(context)
    if not undecided:
        text = sentences.passed(check.sentence for check in checks)
        context.say(context.now, EventKind.GATE, Level.INFO, text)
        return DONE
    if context.state.tasks_wanted and waited_s(context) < timeout_s:
        context.state.tasks_wanted = context.gate_feed.step_tasks + MIN_TASKS
        context.gate_feed.reopen()
        return WAIT
    return Outcome(Move.UNDECIDED, ' '.join(undecided), has_seen=_has_seen(context))


def _has_seen(context: StepContext) -> bool:
    """Return whether the step has any task, also on the robots that are new in it."""
    is_silent = _counts_new(context) and not context.tasks_of_new(1)
    return context.gate_feed.step_tasks > 0 and not is_silent


def _counts_new(context: StepContext) -> bool:
    watch = context.state.watch
    return bool(context.cohort.new) and watch is not None and watch.subject == 'candidate'


def _few_of_their_own(context: StepContext) -> list[str]:
    """
    Return that the step has too few tasks of its own, on the robots that are new in it.

    Without them, a stage would pass on the counts of the stages before, on other robots.
    """
    step, feed = context.state.step, context.gate_feed
    asked = step.tasks if isinstance(step, Observe) else 0
    wanted = min(asked or MIN_TASKS, MIN_TASKS)
    if feed.step_tasks < wanted:
        return [sentences.few_in_stage(feed.step_tasks, wanted)]
    found = context.tasks_of_new(wanted) if _counts_new(context) else wanted
    if found >= wanted:
        return []
    version, robots = context.state.plan.version, len(context.cohort.new)
    return [sentences.few_of_their_own(version, robots, found, wanted)]


def _unseen(context: StepContext) -> list[str]:
    """Return that a shadow was compared in too few tasks; its checks do not count them."""
    watch = context.state.watch
    if watch is None or watch.subject != 'shadow':
        return []
    compared = context.gate_feed.trial_counts.shadowed_tasks
    if compared >= MIN_TASKS:
        return []
    return [sentences.too_few_compared(compared, MIN_TASKS)]


def overdue(context: StepContext, wanted: int, timeout_s: float) -> Outcome:
    """Wait for tasks until the timeout; then the gate cannot decide."""
    waited = waited_s(context)
    if waited < timeout_s:
        return WAIT
    tasks = context.gate_feed.step_tasks
    text = sentences.too_few_tasks(tasks, wanted, waited)
    return Outcome(Move.UNDECIDED, text, has_seen=_has_seen(context))


def waited_s(context: StepContext) -> float:
    """Return for how many seconds the step has waited for tasks."""
    since = context.state.waits_since
    return context.elapsed_s if since is None else context.now - since
