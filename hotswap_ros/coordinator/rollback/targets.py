# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Targets of an ordered rollback: the version that each robot should serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hotswap_ros.fleet.desired import Desired
from hotswap_ros.fleet.desired_fleet import DesiredFleet
from hotswap_ros.fleet.reports import RobotReport
from hotswap_ros.models import Routing
from hotswap_ros.rollout.errors import NothingToRollBackError, UnknownRobotError


def desired_as_reported(report: RobotReport) -> Desired:
    """Return the desired routing of a robot that never had one: the version that it serves."""
    stable = report.routing.stable
    resident = (stable,) if stable else ()
    return Desired(report.robot_id, Routing(report.model_id, stable), resident)


def find_targets(
    model_id: str,
    version: str,
    robot_ids: Sequence[str],
    reports: Mapping[str, RobotReport],
    desired: DesiredFleet,
) -> dict[str, Desired]:
    """
    Return what robots should serve after a rollback: the named robots, or all for an empty list.

    An empty version is the one that each robot served before its last rollout, and for a robot
    that was rolled back the one that it was rolled back to. Raises UnknownRobotError and
    NothingToRollBackError.
    """
    unknown = [robot_id for robot_id in robot_ids if robot_id not in reports]
    if unknown:
        raise UnknownRobotError(unknown, sorted(reports))
    targets = {}
    for robot_id in robot_ids or reports:
        known = desired.get(model_id, robot_id)
        to = version or ('' if known is None else known.previous)
        if to:
            targets[robot_id] = Desired(
                robot_id,
                Routing(model_id, to),
                resident=(to,),
                # An order without a version that comes twice must not lead forward again.
                previous=to,
            )
    if not targets:
        raise NothingToRollBackError(model_id, len(reports))
    return targets
