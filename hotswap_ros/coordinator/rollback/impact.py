# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a rollback comes too late for: the tasks of what it puts away, since that was put on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from pydantic import BaseModel

from hotswap_ros.fleet.desired import Desired
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.rollout.robot_progress import Mark

#: By robot, the versions that are put away, with what each had done when a rollout put it on.
Away: TypeAlias = dict[str, dict[str, Mark]]


class Impact(BaseModel):
    """
    Tasks that were finished by versions that were put away.

    `of_rollout` since a rollout put the version on, some of which are missing where a robot was
    started again since (`is_least`); `of_start`, where no such rollout is known, since the robot's
    start.
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
        text = f'{"at least " if self.is_least else ""}{self.tasks:,} tasks'
        if not self.of_start:
            return f'{text} since the rollout began' if self.of_rollout else text
        if not self.of_rollout:
            return f"{text} since the robots' start"
        return f"{text}, {self.of_start:,} of them counted since the robots' start"


def put_away(
    serves: Mapping[str, Desired],
    targets: Mapping[str, Desired],
    marks: Mapping[tuple[str, str], Mark],
) -> Away:
    """Return what targets put away of what robots serve; `marks` are by robot and version."""
    away: Away = {}
    for robot_id, target in targets.items():
        versions = {*serves[robot_id].routing.versions} - {*target.routing.versions}
        away[robot_id] = {v: marks.get((robot_id, v), Mark()) for v in sorted(versions)}
    return {robot_id: versions for robot_id, versions in away.items() if versions}


def impact_of(away: Away, model_id: str, view: FleetView) -> Impact:
    """Count the tasks of what was put away."""
    found = Impact()
    for robot_id, versions in away.items():
        telemetry = view.telemetry(model_id, robot_id)
        for version, marked in versions.items():
            counters = None if telemetry is None else telemetry.versions.get(version)
            if telemetry is None or counters is None:
                continue
            tasks = counters.tasks.finished
            if not marked.boot_id:
                found.of_start += tasks
            elif marked.boot_id == telemetry.boot_id:
                found.of_rollout += max(0, tasks - marked.finished)
            else:
                found.of_rollout += tasks
                found.is_least = True
    return found
