# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What robots are to serve after a rollback that somebody orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hotswap_ros.fleet.desired import Desired
from hotswap_ros.fleet.desired_fleet import DesiredFleet
from hotswap_ros.fleet.reports import RobotReport
from hotswap_ros.models import Routing
from hotswap_ros.rollout.errors import NothingToRollBackError, UnknownRobotError


def what_it_serves(report: RobotReport) -> Desired:
    """Return that a robot of which nobody ever said anything is to stay on what it serves."""
    stable = report.routing.stable
    return Desired(report.robot_id, Routing(report.model_id, stable), resident=(stable,))


def find_targets(
    model_id: str,
    version: str,
    robot_ids: Sequence[str],
    reports: Mapping[str, RobotReport],
    desired: DesiredFleet,
) -> dict[str, Desired]:
    """
    Return what robots are to serve after a rollback: of all that were heard, or of those named.

    An empty version is what each served before. Raises UnknownRobotError and
    NothingToRollBackError.
    """
    unknown = [robot_id for robot_id in robot_ids if robot_id not in reports]
    if unknown:
        raise UnknownRobotError(unknown, sorted(reports))
    targets = {}
    for robot_id in robot_ids or reports:
        serves = reports[robot_id].routing
        held = desired.get(model_id, robot_id)
        to = version or ('' if held is None else held.previous)
        if to:
            targets[robot_id] = Desired(
                robot_id,
                Routing(model_id, to),
                resident=(to,),
                previous=serves.stable if serves.stable != to else '',
            )
    if not targets:
        raise NothingToRollBackError(model_id, len(reports))
    return targets
