# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Commands to a robot: those that its desired routing needs and its report does not show yet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from hotswap_ros.fleet.desired import Desired
from hotswap_ros.fleet.reports import RobotReport
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.models import Routing, VersionState, next_generation


@dataclass(frozen=True)
class LoadVersion:
    """Bring a version to READY on a robot."""

    robot_id: str
    server: str
    model_id: str
    version: str


@dataclass(frozen=True)
class UnloadVersion:
    """Release a version on a robot, with `delete_files` its cached copy too."""

    robot_id: str
    server: str
    model_id: str
    version: str
    delete_files: bool = False


@dataclass(frozen=True)
class Route:
    """Make a robot serve a routing."""

    robot_id: str
    server: str
    routing: Routing


Command: TypeAlias = LoadVersion | UnloadVersion | Route


def is_out(entry: Desired, report: RobotReport) -> bool:
    """Return whether the robot itself stopped a desired version: the runner handles that."""
    out = report.breaker is not None and report.breaker.version
    return bool(out) and out in entry.routing.versions


def missing_commands(entry: Desired, view: FleetView) -> list[Command]:
    """Return the commands that a robot still needs, by its newest report."""
    report = view.report(entry.routing.model_id, entry.robot_id)
    if report is None:
        return []
    commands: list[Command] = []
    named_are_ready = all(report.is_ready(version) for version in entry.routing.versions)
    agrees = view.confirms(entry.routing, entry.robot_id) or is_out(entry, report)
    if named_are_ready and not agrees:
        commands.append(Route(entry.robot_id, report.server, entry.routing))
    # Versions in the routing come first: the others take the places that are left.
    needed = tuple(dict.fromkeys((*entry.routing.versions, *entry.resident)))
    absent = [v for v in needed if not _is_coming(report, v)]
    if absent:
        commands += _load_or_make_room(entry, report, needed, absent[0])
    in_use = {*needed, *report.routing.versions}
    commands += [
        UnloadVersion(entry.robot_id, report.server, entry.routing.model_id, version, True)
        for version in entry.retired
        if _is_coming(report, version) and version not in in_use
    ]
    return commands


def _is_coming(report: RobotReport, version: str) -> bool:
    known = report.versions.get(version)
    return (
        known is not None and known.state.is_resident and known.state is not VersionState.DRAINING
    )


def _load_or_make_room(
    entry: Desired, report: RobotReport, needed: tuple[str, ...], version: str
) -> list[Command]:
    where = (entry.robot_id, report.server, entry.routing.model_id)
    resident = report.resident()
    if len(resident) < report.resident_limit:
        return [LoadVersion(*where, version)]
    if any(report.versions[v].state is VersionState.DRAINING for v in resident):
        return []
    in_use = (*report.routing.versions, *needed[: needed.index(version)])
    idle = [v for v in resident if v not in in_use]
    if idle:
        return [UnloadVersion(*where, idle[0])]
    if version not in entry.routing.versions:
        return []
    # Every place is in use: serve the desired version alone as soon as it is ready.
    stable = entry.routing.stable
    alone = replace(
        report.routing.with_stable_alone(
            stable if report.is_ready(stable) else report.routing.stable
        ),
        generation=max(entry.routing.generation, next_generation(report.routing.generation)),
    )
    if alone.versions == report.routing.versions:
        return []
    return [Route(entry.robot_id, report.server, alone)]
