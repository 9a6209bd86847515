# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The state of a rollout that begins."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hotswap_ros.fleet.reports import RobotReport
from hotswap_ros.models import differences
from hotswap_ros.plan import Plan, PlanError, Robot, Step, VersionFacts, compile_plan
from hotswap_ros.rollout import sentences
from hotswap_ros.rollout.errors import NoRobotsError
from hotswap_ros.rollout.robot_progress import RobotProgress
from hotswap_ros.rollout.state import RolloutState
from hotswap_ros.rollout.status import Status


def robots_of(plan: Plan, reports: Mapping[str, RobotReport]) -> list[Robot]:
    """Return the robots for which a plan can be compiled: most need a version to compare with."""
    return [r for r in map(_robot, reports.values()) if r.serves or not plan.needs_previous]


def _robot(report: RobotReport) -> Robot:
    return Robot(report.robot_id, report.region, report.routing.stable, report.labels)


def steps_of(
    plan: Plan,
    reports: Mapping[str, RobotReport],
    salt: str,
    versions: Mapping[str, VersionFacts],
) -> tuple[Step, ...]:
    """
    Return what a plan means for the reachable robots that serve another version.

    Raises NoRobotsError for none, and PlanError when the plan does not fit the robots, or its
    version what they serve, by the interfaces in `versions`.
    """
    fleet = robots_of(plan, reports)
    steps = compile_plan(plan, fleet, salt) if fleet else ()
    if not any(step.robots for step in steps):
        known = {robot.robot_id for robot in fleet}
        idle = [r for r in reports if r not in known and plan.means(_robot(reports[r]))]
        if idle:
            raise PlanError([sentences.nothing_to_compare(plan.strategy.value, idle)])
        raise NoRobotsError(plan.model_id, plan.version, len(reports))
    serve = {reports[robot_id].routing.stable for step in steps for robot_id in step.robots}
    _require_interface(plan.version, serve, versions)
    return steps


def _require_interface(
    version: str, previous: Collection[str], versions: Mapping[str, VersionFacts]
) -> None:
    """Refuse a version that does not take and put out what the previous versions do."""
    own = versions.get(version, VersionFacts()).interface
    problems = []
    for name in sorted(previous):
        other = versions.get(name, VersionFacts()).interface
        if own is None or other is None:
            continue
        found = [one.words(name, version) for one in differences(other, own)]
        if found:
            problems.append(sentences.other_interface(version, name, found))
    if problems:
        raise PlanError(problems)


def begin(
    rollout_id: str,
    plan: Plan,
    reports: Mapping[str, RobotReport],
    now: float,
    versions: Mapping[str, VersionFacts] | None = None,
) -> RolloutState:
    """
    Return the state of a rollout on the reachable robots that serve another version.

    `versions` is what is known of model versions: a diagnosis needs their lab results. Raises
    NoRobotsError for none, and PlanError when the plan does not fit the robots, or its version
    what they serve.
    """
    versions = versions or {}
    steps = steps_of(plan, reports, rollout_id, versions)
    labs = {name: facts.lab for name, facts in versions.items()}
    taking_part = sorted({robot_id for step in steps for robot_id in step.robots})
    return RolloutState(
        rollout_id=rollout_id,
        plan=plan,
        steps=steps,
        robots={r: RobotProgress(reports[r].routing.stable) for r in taking_part},
        status=Status.RUNNING if plan.is_open(now) else Status.PENDING,
        started=now,
        saved_at=now,
        lab={name: dict(lab.success_by_category) for name, lab in labs.items() if lab is not None},
    )
