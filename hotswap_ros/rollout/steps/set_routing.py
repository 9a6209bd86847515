# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Set routing: the cohort serves what the step says, and reports so."""

from __future__ import annotations

import math

from hotswap_ros.plan import SetRouting
from hotswap_ros.rollout.steps.context import DONE, Outcome, StepContext, late


def begin(step: SetRouting, scene: StepContext) -> None:
    """Wish for the routing."""
    state = scene.state
    state.shadowed.difference_update(step.robots)
    if step.promote:
        state.promoted.update(step.robots)
        # Whole seconds come back from the robots as they went there.
        state.activate_at = math.ceil(scene.now + step.together_s) if step.together_s else 0.0
    elif step.shadow:
        state.shadowed.update(step.robots)
    if step.promote or step.candidate_share:
        state.touched.update(step.robots)
    if step.candidate_share:
        state.shares.update(dict.fromkeys(step.robots, step.candidate_share))
    else:
        for robot_id in step.robots:
            state.shares.pop(robot_id, None)


def run(step: SetRouting, scene: StepContext) -> Outcome:
    """Wait until all of the cohort that are in reach report it."""
    waiting = scene.waiting() & scene.cohort.robots
    if not waiting:
        return DONE
    return late(scene, step.timeout_s + step.together_s, 'confirm the routing', waiting)
