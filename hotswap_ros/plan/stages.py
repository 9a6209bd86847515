# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Stages of robots: how cohorts are chosen, and the steps of a stage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import Field, model_validator

from hotswap_ros.models import bucket
from hotswap_ros.plan.section import Section

#: ISO 8601 ("PT15M") or a number of seconds.
Duration = Annotated[timedelta, Field(ge=timedelta(0))]


@dataclass(frozen=True)
class Robot:
    """What a strategy needs to know of a robot; `serves` is its stable version."""

    robot_id: str
    region: str = ''
    serves: str = ''
    labels: tuple[str, ...] = ()


class Stage(Section):
    """
    One step up: a percentage of the robots, watched for a number of tasks and for a time.

    Both must be in before the stage can pass: `tasks` counts tasks that the candidate finished,
    `duration` is the least time; a stage of no tasks and no time is not watched. `timeout` is how
    long to wait for the tasks before the stage is called inconclusive. `control_share` is the
    share of the robots' tasks that stays on the previous version as the concurrent control; by
    default half, and a tenth in the last stage. The larger it is, the fewer tasks a bad candidate
    gets before it is found out, and the longer the stage takes. `max_unreachable` is that of the
    plan, for this stage.
    """

    percentage: float = Field(gt=0, le=100)
    tasks: int | None = Field(None, ge=1)
    duration: Duration | None = None
    timeout: Duration = timedelta(hours=24)
    control_share: float | None = Field(None, ge=0, lt=1)
    max_unreachable: int | None = Field(None, ge=0)

    @model_validator(mode='after')
    def _has_an_end(self) -> Stage:
        if self.tasks is None and self.duration is None:
            raise ValueError("a stage needs 'tasks', 'duration' or both: else it has no end")
        return self

    @property
    def is_watched(self) -> bool:
        """Return whether anything has to come in before the stage can pass."""
        return bool(self.tasks or self.duration)

    @property
    def candidate_share(self) -> float:
        """Return the share of the cohort's tasks that the candidate serves."""
        if self.control_share is not None:
            return 1.0 - self.control_share
        return 0.5 if self.percentage < 100 else 0.9


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


def all_of(fleet: Sequence[Robot]) -> tuple[str, ...]:
    """Return the names of all robots, sorted."""
    return tuple(sorted(robot.robot_id for robot in fleet))
