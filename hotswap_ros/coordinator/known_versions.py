# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Versions of which the coordinator knows that robots have or had them."""

from __future__ import annotations

from hotswap_ros.coordinator.journal import Journal
from hotswap_ros.fleet.desired_fleet import DesiredFleet
from hotswap_ros.fleet.reports import VersionReport
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.models import VersionState

_NEVER_SEEN = (VersionState.ABSENT, VersionState.FAILED)


def known_versions(
    model_id: str, view: FleetView, desired: DesiredFleet, journal: Journal
) -> set[str]:
    """
    Return the versions of a model that robots report, that they served, or that the journal names.

    A robot reports only what it was asked for since its start: there may be more versions in its
    cache. Raises JournalError.
    """
    known = journal.versions_had(model_id)
    for robot_id, report in view.reports(model_id).items():
        entry = desired.get(model_id, robot_id)
        known |= {report.routing.stable, '' if entry is None else entry.previous}
        known |= {name for name, found in report.versions.items() if _was_there(found)}
    return known - {''}


def _was_there(found: VersionReport) -> bool:
    """Return whether the robot found the version: one that failed later has a digest."""
    return bool(found.digest) or found.state not in _NEVER_SEEN
