# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Strategies: pure functions from a plan and a fleet to steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hotswap_ros.models import bucket
from hotswap_ros.plan._plan import Plan, Stage, Strategy
from hotswap_ros.plan._steps import Observe, SetRouting, StageModels, Step


@dataclass(frozen=True)
class Robot:
    """What a strategy needs to know of a robot."""

    robot_id: str
    region: str = ''


def compile_plan(plan: Plan, fleet: Sequence[Robot], salt: str) -> tuple[Step, ...]:
    """
    Return the steps that `plan` means for the robots of `fleet`.

    `salt` keys the choice of cohorts: another rollout, other canaries. Raises ValueError when the
    fleet is empty.
    """
    if not fleet:
        raise ValueError('the fleet has no robots')
    return _STRATEGIES[plan.strategy](plan, fleet, salt)


def select_cohort(fleet: Sequence[Robot], percentage: float, salt: str) -> tuple[str, ...]:
    """
    Return the robots that make up `percentage` of the fleet, at least one.

    A keyed hash orders the robots within each region and the regions are interleaved in proportion
    to their size, so that a cohort is a stable random subset, stratified by region, and a higher
    percentage only adds robots.
    """
    ranked: list[tuple[float, float, str]] = []
    for region in {robot.region for robot in fleet}:
        members = sorted(
            (bucket(salt, robot.robot_id), robot.robot_id)
            for robot in fleet
            if robot.region == region
        )
        ranked += [((i + 0.5) / len(members), h, name) for i, (h, name) in enumerate(members)]
    # The subtrahend keeps 10% of 20 at 2 where the product is 2.0000000000000004.
    count = max(1, math.ceil(percentage * len(fleet) / 100 - 1e-9))
    return tuple(name for _, _, name in sorted(ranked)[:count])


def _canary(plan: Plan, fleet: Sequence[Robot], salt: str) -> tuple[Step, ...]:
    steps: list[Step] = []
    staged: set[str] = set()
    everyone: tuple[str, ...] = ()
    for stage in plan.effective_stages:
        everyone = select_cohort(fleet, stage.percentage, salt)
        new = tuple(robot for robot in everyone if robot not in staged)
        staged.update(new)
        steps += _stage_steps(plan, stage, everyone, new)
    steps.append(
        SetRouting(
            title=f'promote {plan.version} on {_robots(everyone)}',
            robots=everyone,
            candidate_share=0.0,
            promote=True,
            timeout_s=plan.confirm_timeout.total_seconds(),
        )
    )
    return tuple(steps)


def _stage_steps(
    plan: Plan, stage: Stage, cohort: tuple[str, ...], new: tuple[str, ...]
) -> list[Step]:
    share = stage.candidate_share
    timeout_s = plan.confirm_timeout.total_seconds()
    head = f'{stage.percentage:g}%'
    steps: list[Step] = []
    if new:
        steps.append(
            StageModels(
                title=f'{head}: load {plan.version} on {_robots(new)}',
                robots=new,
                timeout_s=timeout_s,
            )
        )
    return [
        *steps,
        SetRouting(
            title=f'{head}: {plan.version} takes {share:.0%} of tasks on {_robots(cohort)}',
            robots=cohort,
            candidate_share=share,
            timeout_s=timeout_s,
        ),
        Observe(
            title=f'{head}: watch {_watched(stage)}',
            robots=cohort,
            tasks=stage.tasks or 0,
            duration_s=stage.duration.total_seconds() if stage.duration else 0.0,
            timeout_s=stage.timeout.total_seconds(),
        ),
    ]


def _watched(stage: Stage) -> str:
    parts = []
    if stage.tasks is not None:
        parts.append(f'{stage.tasks:,} tasks')
    if stage.duration is not None:
        parts.append(f'{stage.duration.total_seconds():g} s')
    return ' and '.join(parts)


def _robots(robots: Sequence[str]) -> str:
    return '1 robot' if len(robots) == 1 else f'{len(robots)} robots'


_STRATEGIES: dict[Strategy, Callable[[Plan, Sequence[Robot], str], tuple[Step, ...]]] = {
    Strategy.CANARY: _canary,
}
