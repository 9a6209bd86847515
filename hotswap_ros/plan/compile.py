# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""From a plan and a fleet to steps."""

from __future__ import annotations

from collections.abc import Sequence

from hotswap_ros.plan.errors import PlanError, names_near
from hotswap_ros.plan.plan import Plan
from hotswap_ros.plan.stages import Robot
from hotswap_ros.plan.steps import ChooseWinner, Ramp, SetRouting, Step
from hotswap_ros.plan.strategies import put_back


def compile_plan(plan: Plan, fleet: Sequence[Robot], salt: str) -> tuple[Step, ...]:
    """
    Return the steps that `plan` means for the robots of `fleet`, those that are in reach.

    Robots that serve the version already are left alone. `salt` keys the choice of cohorts:
    another rollout, other canaries. Raises PlanError when the plan does not fit the fleet, and
    ValueError when the fleet is empty.
    """
    if not fleet:
        raise ValueError('the fleet has no robots')
    meant = _with_labels(plan, fleet)
    plan.fit(meant)
    moving = [robot for robot in meant if robot.serves != plan.version]
    steps = plan.steps(moving, salt) if moving else []
    return (*steps, *_put_back_at_the_end(plan, steps))


def _with_labels(plan: Plan, fleet: Sequence[Robot]) -> list[Robot]:
    known = {label for robot in fleet for label in robot.labels}
    problems = [
        f"labels: no robot in reach has '{label}': {names_near(label, known)}"
        for label in plan.labels
        if label not in known
    ]
    meant = [robot for robot in fleet if plan.means(robot)]
    if not meant and not problems:
        problems = [f'labels: no robot in reach has all of {", ".join(plan.labels)}: ask for less']
    if problems:
        raise PlanError(problems)
    return meant


def _put_back_at_the_end(plan: Plan, steps: Sequence[Step]) -> list[Step]:
    """Let nobody go on with a version on trial when the rollout ends, whichever way it ends."""
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
        found.append(put_back(plan, tuple(touched - promoted)))
    if promoted and any(isinstance(step, ChooseWinner) and step.is_binding for step in steps):
        found.append(put_back(plan, tuple(touched & promoted), if_kept=True))
    return found
