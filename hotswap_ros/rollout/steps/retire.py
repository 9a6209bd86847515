# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Retire: the cohort unloads the previous version."""

from __future__ import annotations

from dataclasses import replace

from hotswap_ros.fleet.events import EventKind, Level
from hotswap_ros.plan import Retire
from hotswap_ros.rollout import sentences
from hotswap_ros.rollout.steps.context import DONE, WAIT, Outcome, StepContext


def begin(step: Retire, context: StepContext) -> None:
    """Ask the cohort to hold the new version only."""
    state = context.state
    state.put({r: replace(state.robots[r], retired=True) for r in step.robots})


def run(step: Retire, context: StepContext) -> Outcome:
    """Wait until it is unloaded; a robot that is late does not hold the rollout."""
    left = sorted(context.cohort.those('hold', lambda robot_id: _holds(context, robot_id)))
    if not left:
        return DONE
    if context.elapsed_s < step.timeout_s:
        return WAIT
    text = sentences.not_unloaded(left)
    context.say(context.now, EventKind.UNLOAD_PENDING, Level.WARNING, text, left, alert=True)
    return DONE


def _holds(context: StepContext, robot_id: str) -> bool:
    state = context.state
    report = context.view.report(state.plan.model_id, robot_id)
    return report is None or state.robots[robot_id].previous in report.resident()
