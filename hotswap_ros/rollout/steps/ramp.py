# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Ramp: the flag goes up by schedule, or up and down on the gate's word."""

from __future__ import annotations

from hotswap_ros.fleet.events import EventKind, Level
from hotswap_ros.gates import MIN_TASKS, Verdict, next_share
from hotswap_ros.gates import Ramp as Loop
from hotswap_ros.models import bucket
from hotswap_ros.plan import Ramp
from hotswap_ros.rollout.state import Cause, RampState
from hotswap_ros.rollout.steps.context import DONE, WAIT, Move, Outcome, StepContext
from hotswap_ros.rollout.steps.observe import judged, overdue


def begin(step: Ramp, scene: StepContext) -> None:
    """Turn the flag off on the cohort, and let the gate see it so."""
    scene.watching.begin_stage()
    scene.state.ramp = RampState(next_at=scene.now)
    set_flag(step, scene, 0.0)


def run(step: Ramp, scene: StepContext) -> Outcome:
    """Move the flag when its time has come."""
    ramp = scene.state.ramp
    assert ramp is not None
    return _by_schedule(step, scene, ramp) if step.schedule else _by_loop(step, scene, ramp)


def set_flag(step: Ramp, scene: StepContext, share: float) -> None:
    """Set the share of the cohort's tasks, or of its robots, that the candidate serves."""
    state = scene.state
    assert state.ramp is not None
    state.ramp.share = share
    state.ramp.tasks = scene.watching.candidate_tasks
    for robot_id in step.robots:
        is_in = bucket(state.rollout_id, robot_id) < share
        own = (1.0 if is_in else 0.0) if step.by_robots else share
        state.shares[robot_id] = own
        if own:
            state.touched.add(robot_id)
    scene.rewish()


def _by_schedule(step: Ramp, scene: StepContext, ramp: RampState) -> Outcome:
    if ramp.entries == len(step.schedule):
        return DONE if ramp.share >= 1 else WAIT
    after_s, share = step.schedule[ramp.entries]
    if scene.elapsed_s < after_s:
        return WAIT
    if ramp.share and share > ramp.share:
        outcome = _may_go_up(step, scene, ramp)
        if outcome.move is not Move.DONE:
            return outcome
    ramp.entries += 1
    scene.state.tasks_wanted = 0
    scene.state.waits_since = None
    scene.watching.reopen()
    if share > ramp.share:  # one that somebody has set higher stays
        text = f'the flag goes from {ramp.share:.0%} to {share:.0%}'
        set_flag(step, scene, share)
        scene.say(scene.now, EventKind.FLAG, Level.INFO, text, step.robots)
    return WAIT


def _may_go_up(step: Ramp, scene: StepContext, ramp: RampState) -> Outcome:
    """Return DONE when the gate has seen enough tasks at this share, and no harm."""
    state = scene.state
    if state.waits_since is None:
        state.waits_since = scene.now
    wanted = max(ramp.tasks - state.tasks_at_step_start + MIN_TASKS, state.tasks_wanted)
    if scene.new_tasks >= wanted:
        return judged(scene, step.timeout_s)
    return overdue(scene, wanted, step.timeout_s)


def _by_loop(step: Ramp, scene: StepContext, ramp: RampState) -> Outcome:
    if scene.now < ramp.next_at:
        return WAIT
    ramp.next_at = scene.now + step.interval_s
    checks = scene.watching.judge()
    scene.state.gate_complete = False
    new_tasks = scene.watching.candidate_tasks - ramp.tasks
    move = next_share(ramp.share, checks, new_tasks, Loop(up=step.step, down=step.step))
    level = Level.WARNING if move.verdict is Verdict.FAIL else Level.INFO
    scene.say(scene.now, EventKind.FLAG, level, move.sentence, alert=level is Level.WARNING)
    if move.verdict is Verdict.FAIL and not move.share:
        return Outcome(Move.BACK, move.sentence, cause=Cause.GATE_FAILED)
    if move.share != ramp.share or move.verdict is Verdict.PASS:
        set_flag(step, scene, move.share)
    return DONE if move.share >= 1 and move.verdict is Verdict.PASS else WAIT
