# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The compiler of plans: from a plan and a fleet to steps."""

from __future__ import annotations

from collections.abc import Sequence

from hotswap_ros.plan.errors import PlanError, refuse_unknown
from hotswap_ros.plan.plan import Plan
from hotswap_ros.plan.stages import Robot
from hotswap_ros.plan.steps import ChooseWinner, Ramp, SetRouting, Step
from hotswap_ros.plan.strategies import stop_serving


def compile_plan(plan: Plan, fleet: Sequence[Robot], salt: str) -> tuple[Step, ...]:
    """
    Return the steps of `plan` for the robots of `fleet`, which are the reachable ones.

    Robots that already serve the version get no steps. `salt` keys the choice of cohorts, so that
    each rollout has other canaries. Raises PlanError when the plan does not fit the fleet, and
    ValueError when the fleet is empty.
    """
    if not fleet:
        raise ValueError('the fleet has no robots')
    robots = _with_labels(plan, fleet)
    plan.fit(robots)
    moving = [robot for robot in robots if robot.serves != plan.version]
    steps = plan.steps(moving, salt) if moving else []
    return (*steps, *_stop_at_the_end(plan, steps))


def _with_labels(plan: Plan, fleet: Sequence[Robot]) -> list[Robot]:
    known = {label for robot in fleet for label in robot.labels}
    refuse_unknown(plan.labels, known, "labels: no reachable robot has '{}'")
    robots = [robot for robot in fleet if plan.means(robot)]
    if not robots:
        labels = ', '.join(plan.labels)
        raise PlanError([f'labels: no reachable robot has all of {labels}: remove some labels'])
    return robots


def _stop_at_the_end(plan: Plan, steps: Sequence[Step]) -> list[Step]:
    """Return the steps that stop serving a candidate that the rollout does not promote."""
    routed = [step for step in steps if isinstance(step, (SetRouting, Ramp))]
    promoted = {
        name
        for step in routed
        if isinstance(step, SetRouting) and step.promote
        for name in step.robots
    }
    touched = {name for step in routed for name in step.robots}
    found: list[Step] = []
    if touched - promoted:
        found.append(stop_serving(plan, tuple(touched - promoted)))
    if promoted and any(isinstance(step, ChooseWinner) and step.is_binding for step in steps):
        found.append(stop_serving(plan, tuple(touched & promoted), if_kept=True))
    return found
