# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Observe: wait for tasks and time, then ask the gate. Harm ends a step at any time."""

from __future__ import annotations

from hotswap_ros.fleet.events import EventKind, Level
from hotswap_ros.gates import MIN_TASKS, CheckResult, Verdict
from hotswap_ros.plan import Observe
from hotswap_ros.rollout.steps.context import DONE, WAIT, Move, Outcome, StepContext


def begin(step: Observe, scene: StepContext) -> None:
    """Begin a stage of the gate."""
    scene.watching.begin_stage()


def run(step: Observe, scene: StepContext) -> Outcome:
    """Wait, and judge once everything is in."""
    if not step.is_conclusive:
        return DONE if scene.elapsed_s >= step.duration_s else WAIT
    if scene.watching.control_has_lost:
        return Outcome(Move.DONE, f'the trial ends early: {scene.watching.control_has_lost}')
    wanted = max(step.tasks, scene.state.tasks_wanted)
    timeout_s = max(step.timeout_s, step.duration_s)
    if scene.new_tasks >= wanted and scene.elapsed_s >= step.duration_s:
        return judged(scene, timeout_s)
    return overdue(scene, wanted, timeout_s)


def judged(scene: StepContext, timeout_s: float) -> Outcome:
    """
    Ask the gate, with everything in.

    The tasks that it compares have to have ended first. One that could not decide before, and was
    told to watch on, is asked again whenever as many tasks as the smallest verdict needs have come
    in, until its time is over.
    """
    is_first = scene.state.awaited is None
    if not scene.watching.is_settled(scene.now, timeout_s):
        if is_first:
            text = 'all tasks are in; the last that they are compared with are under way'
            scene.say(scene.now, EventKind.SETTLING, Level.INFO, text)
        return WAIT
    checks = scene.watching.judge()
    if scene.watching.failures:
        return WAIT  # the runner sees to harm
    undecided = [c.sentence for c in checks if c.verdict is not Verdict.PASS] + _unseen(scene)
    if not undecided:
        scene.say(scene.now, EventKind.GATE, Level.INFO, sentences(checks))
        return DONE
    if scene.state.tasks_wanted and waited_s(scene) < timeout_s:
        scene.state.tasks_wanted = scene.new_tasks + MIN_TASKS
        scene.watching.reopen()
        return WAIT
    return Outcome(Move.UNDECIDED, ' '.join(undecided), has_seen=scene.new_tasks > 0)


def _unseen(scene: StepContext) -> list[str]:
    """Return what is missing of a shadow: it may agree with nothing to compare."""
    watch = scene.state.watch
    if watch is None or watch.subject != 'shadow':
        return []
    compared = scene.watching.ledger.shadowed_tasks
    if compared >= MIN_TASKS:
        return []
    return [f'The shadow saw {compared:,} tasks, {MIN_TASKS} are needed.']


def overdue(scene: StepContext, wanted: int, timeout_s: float) -> Outcome:
    """Return that tasks are waited for, or that they have had their time."""
    waited = waited_s(scene)
    if waited < timeout_s:
        return WAIT
    tasks = scene.new_tasks
    text = (
        f'only {tasks:,} of {wanted:,} tasks in {waited:.0f} s: too little to decide: resume to '
        'wait as long again, skip the wait, or abort'
    )
    return Outcome(Move.UNDECIDED, text, has_seen=tasks > 0)


def waited_s(scene: StepContext) -> float:
    """Return for how long tasks have been waited for, in seconds."""
    since = scene.state.waits_since
    return scene.elapsed_s if since is None else scene.now - since


def sentences(checks: tuple[CheckResult, ...]) -> str:
    """Return what checks say."""
    return ' '.join(check.sentence for check in checks) or 'nothing was to be checked'
