# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Robots that leave a rollout before its end: by hand, unreachable for too long, or failed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from dataclasses import replace

from hotswap_ros.fleet.view import FleetView
from hotswap_ros.plan import Retire, StageModels, Step
from hotswap_ros.rollout import sentences
from hotswap_ros.rollout.robot_progress import Exclusion, RobotProgress
from hotswap_ros.rollout.state import RolloutState


def exclude(state: RolloutState, why: Mapping[str, str], kind: Exclusion) -> str:
    """
    Let no step wait for these robots any more; return why that is impossible, empty: done.

    `why` has a sentence for each robot. A robot that served the candidate for a share of its
    tasks is to serve the previous version alone; one that was promoted keeps the new one. Both
    are rolled back with the others. A robot that was UNREACHABLE joins like a new robot when it
    is back.
    """
    names = why.keys()
    for step in state.steps[state.step_index :]:
        if _would_be_empty(step, names):
            return sentences.no_robot_left(sorted(names), step.title(state.plan.version))
    state.put({r: _out(state.robots[r], text, kind) for r, text in why.items()})
    state.steps = tuple(
        step if index < state.step_index else _without(step, names)
        for index, step in enumerate(state.steps)
    )
    return ''


def _would_be_empty(step: Step, names: Set[str]) -> bool:
    """Return whether a step loses its last robot; loading and unloading need none."""
    if isinstance(step, (StageModels, Retire)) or not step.robots:
        return False
    return names >= set(step.robots)


def _out(robot: RobotProgress, why: str, kind: Exclusion) -> RobotProgress:
    if robot.promoted:
        return replace(robot, share=None, excluded=kind, why=why)
    return RobotProgress(
        robot.previous,
        mark=robot.mark,
        failed=robot.failed or kind is Exclusion.FAILED,
        excluded=kind,
        why=why,
    )


def _without(step: Step, names: Set[str]) -> Step:
    if names.isdisjoint(step.robots):
        return step
    return step.model_copy(update={'robots': tuple(r for r in step.robots if r not in names)})


def failures_allowed(state: RolloutState) -> int:
    """Return how many robots may have failed by now: a number, or a share of those on trial."""
    step = state.step
    allowed = state.plan.max_failed if step.max_failed is None else step.max_failed
    if isinstance(allowed, int):
        return allowed
    begun = state.where(lambda robot: robot.staged or robot.excluded is Exclusion.FAILED)
    # The summand keeps 2% of 50 at 1 where the product is below it by a rounding error.
    return math.floor(allowed * len(begun) + 1e-9)


def failed_before(state: RolloutState) -> dict[str, str]:
    """Return the robots that failed and were excluded, each with the reason."""
    out = state.excluded_robots.items()
    return {r: record.why for r, record in out if record.excluded is Exclusion.FAILED}


def unreachable_too_long(
    state: RolloutState, robots: tuple[str, ...], view: FleetView, now: float
) -> dict[str, str]:
    """
    Return which of the unreachable robots hold the rollout for longer than the plan allows.

    Each must have been unreachable for so long itself. The time begins again with each start of
    the coordinator, which has not heard before.
    """
    limit_s = state.plan.unreachable_timeout.total_seconds()
    model_id = state.plan.model_id
    return {
        robot_id: sentences.unreachable_for(limit_s)
        for robot_id in robots
        if view.seconds_since_heard(model_id, robot_id, now) >= limit_s
    }
