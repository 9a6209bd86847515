# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Retire: the previous version leaves the cohort's memory."""

from __future__ import annotations

from hotswap_ros.fleet.events import EventKind, Level
from hotswap_ros.plan import Retire
from hotswap_ros.rollout.steps.context import DONE, WAIT, Outcome, StepContext
from hotswap_ros.text import counted


def begin(step: Retire, scene: StepContext) -> None:
    """Wish for the new version alone."""
    scene.state.retired.update(step.robots)


def run(step: Retire, scene: StepContext) -> Outcome:
    """Wait until it is gone; who is late is told again and again, but holds nobody up."""
    left = sorted(scene.cohort.those('hold', lambda robot_id: _holds(scene, robot_id)))
    if not left:
        return DONE
    if scene.elapsed_s < step.timeout_s:
        return WAIT
    text = f'{counted(left)} still to release what was there before: {", ".join(left[:5])}'
    scene.say(scene.now, EventKind.OWED, Level.WARNING, text, left, alert=True)
    return DONE


def _holds(scene: StepContext, robot_id: str) -> bool:
    state = scene.state
    report = scene.view.report(state.plan.model_id, robot_id)
    return report is None or state.previous[robot_id] in report.resident()
