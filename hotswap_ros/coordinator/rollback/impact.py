# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The impact of a version: the tasks that it had finished until a rollback replaced it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from pydantic import BaseModel

from hotswap_ros.coordinator import sentences
from hotswap_ros.fleet.desired import Desired
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.models.counter_delta import CounterTracker, rise
from hotswap_ros.rollout.robot_progress import Mark

#: By robot, the replaced versions, with what each had done when a rollout began to serve it.
Replaced: TypeAlias = dict[str, dict[str, Mark]]


class Impact(BaseModel):
    """
    The tasks that replaced versions had finished.

    `of_rollout` counts since a rollout began to serve the version; if a robot was restarted since
    then, some are missing (`is_least`). `of_start` counts since the robot's start, where no such
    rollout is known.
    """

    of_rollout: int = 0
    of_start: int = 0
    is_least: bool = False

    @property
    def tasks(self) -> int:
        """Return all of them."""
        return self.of_rollout + self.of_start

    def __str__(self) -> str:
        """Return it for people."""
        return sentences.impact(self.of_rollout, self.of_start, self.is_least)


def replaced_versions(
    serves: Mapping[str, Desired],
    targets: Mapping[str, Desired],
    marks: Mapping[tuple[str, str], Mark],
) -> Replaced:
    """Return the versions that robots serve and targets lack; `marks` are by robot and version."""
    replaced: Replaced = {}
    for robot_id, target in targets.items():
        versions = {*serves[robot_id].routing.versions} - {*target.routing.versions}
        replaced[robot_id] = {v: marks.get((robot_id, v), Mark()) for v in sorted(versions)}
    return {robot_id: versions for robot_id, versions in replaced.items() if versions}


def impact_of(replaced: Replaced, model_id: str, view: FleetView) -> Impact:
    """Count the tasks of replaced versions."""
    found, tracker = Impact(), CounterTracker(rise)
    for robot_id, versions in replaced.items():
        telemetry = view.telemetry(model_id, robot_id)
        for version, mark in versions.items():
            counters = None if telemetry is None else telemetry.versions.get(version)
            if telemetry is None or counters is None:
                continue
            finished = counters.tasks.finished
            if not mark.boot_id:
                found.of_start += finished
                continue
            tracker.refer(robot_id, mark.boot_id, {version: (mark.finished,)})
            delta = tracker.advance(robot_id, telemetry.boot_id, {version: (finished,)})
            found.of_rollout += 0 if delta is None else delta.counts[version][0]
            found.is_least |= tracker.is_least(robot_id)
    return found
