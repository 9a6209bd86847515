# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Ramp: the share of a flag rises by schedule, or rises and falls with the gate's verdicts."""

from __future__ import annotations

from dataclasses import replace

from hotswap_ros.fleet.events import EventKind, Level
from hotswap_ros.gates import MIN_TASKS, Verdict, next_share
from hotswap_ros.gates import Ramp as Loop
from hotswap_ros.models import bucket
from hotswap_ros.plan import Ramp
from hotswap_ros.rollout import sentences
from hotswap_ros.rollout.robot_progress import RobotProgress
from hotswap_ros.rollout.state import RampState
from hotswap_ros.rollout.status import Cause
from hotswap_ros.rollout.steps.context import DONE, WAIT, Move, Outcome, StepContext
from hotswap_ros.rollout.steps.observe import judged, overdue
from hotswap_ros.rollout.steps.proof import proven


def begin(step: Ramp, context: StepContext) -> None:
    """Set the share to 0 on the cohort, and begin a stage of the gate."""
    context.gate_feed.begin_stage()
    context.state.ramp = RampState(next_at=context.now)
    set_flag(step, context, 0.0)


def run(step: Ramp, context: StepContext) -> Outcome:
    """Change the share when it is time."""
    ramp = context.state.ramp
    assert ramp is not None
    return _by_schedule(step, context, ramp) if step.schedule else _by_loop(step, context, ramp)


def set_flag(step: Ramp, context: StepContext, share: float) -> None:
    """Set the share of the cohort's tasks, or of its robots, that the candidate serves."""
    state = context.state
    assert state.ramp is not None
    state.ramp.share = share
    state.ramp.tasks = context.gate_feed.candidate_tasks
    state.put({r: _with_share(step, context, r, share) for r in step.robots})


def _with_share(step: Ramp, context: StepContext, robot_id: str, share: float) -> RobotProgress:
    robot = context.state.robots[robot_id]
    if step.by_robots:
        share = float(bucket(context.state.rollout_id, robot_id) < share)
    return replace(robot, share=share, mark=context.mark(robot_id) if share else robot.mark)


def _by_schedule(step: Ramp, context: StepContext, ramp: RampState) -> Outcome:
    if ramp.entries == len(step.schedule):
        return proven(context) if ramp.share >= 1 else WAIT
    after_s, share = step.schedule[ramp.entries]
    if context.elapsed_s < after_s:
        return WAIT
    if ramp.share and share > ramp.share:
        outcome = _may_go_up(step, context, ramp)
        if share >= 1:  # where no control is left to prove anything with
            outcome = proven(context, outcome)
        if outcome.move is not Move.DONE:
            return outcome
    ramp.entries += 1
    context.state.tasks_wanted = 0
    context.state.waits_since = None
    context.gate_feed.reopen()
    if share > ramp.share:  # a higher share that a person has set stays
        text = sentences.share_raised(ramp.share, share)
        set_flag(step, context, share)
        context.say(context.now, EventKind.FLAG, Level.INFO, text, step.robots)
    return WAIT


def _may_go_up(step: Ramp, context: StepContext, ramp: RampState) -> Outcome:
    """Return DONE when the gate has seen enough tasks at this share, and no harm."""
    state = context.state
    if state.proof is not None and state.awaits_proof:
        return DONE
    if state.waits_since is None:
        state.waits_since = context.now
    wanted = max(ramp.tasks - state.tasks_at_step_start + MIN_TASKS, state.tasks_wanted)
    if context.gate_feed.step_tasks >= wanted:
        return judged(context, step.timeout_s)
    return overdue(context, wanted, step.timeout_s)


def _by_loop(step: Ramp, context: StepContext, ramp: RampState) -> Outcome:
    if context.now < ramp.next_at:
        return WAIT
    ramp.next_at = context.now + step.interval_s
    checks = context.gate_feed.judge()
    context.state.gate_complete = False
    new_tasks = context.gate_feed.candidate_tasks - ramp.tasks
    move = next_share(ramp.share, checks, new_tasks, Loop(up=step.step, down=step.step))
    level = Level.WARNING if move.verdict is Verdict.FAIL else Level.INFO
    context.say(context.now, EventKind.FLAG, level, move.sentence, alert=level is Level.WARNING)
    if move.verdict is Verdict.FAIL and not move.share:
        return Outcome(Move.BACK, move.sentence, cause=Cause.GATE_FAILED)
    if move.share >= 1 and context.state.awaits_proof:
        return proven(context)
    if move.share != ramp.share or move.verdict is Verdict.PASS:
        set_flag(step, context, move.share)
    return DONE if move.share >= 1 and move.verdict is Verdict.PASS else WAIT
