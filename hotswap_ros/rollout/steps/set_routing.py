# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Set routing: the cohort serves the routing of the step, and reports it."""

from __future__ import annotations

import math
from dataclasses import replace

from hotswap_ros.plan import SetRouting
from hotswap_ros.rollout import sentences
from hotswap_ros.rollout.robot_progress import RobotProgress
from hotswap_ros.rollout.steps.context import DONE, Outcome, StepContext, late


def begin(step: SetRouting, context: StepContext) -> None:
    """Ask the cohort for the routing."""
    state = context.state
    if step.promote:
        # Robots report whole seconds without a rounding error.
        state.activate_at = math.ceil(context.now + step.together_s) if step.together_s else 0.0
    state.put({r: _asked(step, context, r, state.robots[r]) for r in step.robots})


def _asked(
    step: SetRouting, context: StepContext, robot_id: str, robot: RobotProgress
) -> RobotProgress:
    serves = step.promote or step.candidate_share
    return replace(
        robot,
        share=step.candidate_share or None,
        shadows=step.shadow and not step.promote,
        promoted=step.promote or robot.promoted,
        mark=context.mark(robot_id) if serves else robot.mark,
    )


def run(step: SetRouting, context: StepContext) -> Outcome:
    """Wait until all reachable robots of the cohort report it."""
    waiting = context.waiting() & context.cohort.robots
    if not waiting:
        return DONE
    return late(context, step.timeout_s + step.together_s, sentences.not_confirmed, waiting)
