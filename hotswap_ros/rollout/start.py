# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The state of a rollout that begins."""

from __future__ import annotations

from collections.abc import Mapping

from hotswap_ros.fleet.reports import RobotReport
from hotswap_ros.plan import Plan, Robot, Step, compile_plan
from hotswap_ros.rollout.errors import NoRobotsError
from hotswap_ros.rollout.robot_progress import RobotProgress
from hotswap_ros.rollout.state import RolloutState, Status


def robots_of(reports: Mapping[str, RobotReport]) -> list[Robot]:
    """Return the robots that a plan can be compiled for: those that serve something."""
    return [
        Robot(report.robot_id, report.region, report.routing.stable, report.labels)
        for report in reports.values()
        if report.routing.stable
    ]


def steps_of(plan: Plan, reports: Mapping[str, RobotReport], salt: str) -> tuple[Step, ...]:
    """
    Return what a plan means for the robots in reach that serve another version.

    Raises NoRobotsError for none, and PlanError when the plan does not fit the robots.
    """
    fleet = robots_of(reports)
    steps = compile_plan(plan, fleet, salt) if fleet else ()
    if not any(step.robots for step in steps):
        raise NoRobotsError(plan.model_id, plan.version, len(reports))
    return steps


def begin(
    rollout_id: str, plan: Plan, reports: Mapping[str, RobotReport], now: float
) -> RolloutState:
    """
    Return the state of a rollout on the robots in reach that serve another version.

    Raises NoRobotsError for none, and PlanError when the plan does not fit the robots.
    """
    steps = steps_of(plan, reports, rollout_id)
    taking_part = sorted({robot_id for step in steps for robot_id in step.robots})
    return RolloutState(
        rollout_id=rollout_id,
        plan=plan,
        steps=steps,
        robots={r: RobotProgress(reports[r].routing.stable) for r in taking_part},
        status=Status.RUNNING if plan.is_open(now) else Status.PENDING,
        started=now,
        saved_at=now,
    )
