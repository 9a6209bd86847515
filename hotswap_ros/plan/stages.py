# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Stages and cohorts: a percentage of the robots, and the choice of these robots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from pydantic import Field, model_validator

from hotswap_ros.models import bucket
from hotswap_ros.plan.durations import Duration
from hotswap_ros.plan.limits import MaxFailed
from hotswap_ros.plan.promotion import PromoteOn
from hotswap_ros.plan.section import Section


@dataclass(frozen=True)
class Robot:
    """A robot as strategies know it; `serves` is its stable version."""

    robot_id: str
    region: str = ''
    serves: str = ''
    labels: tuple[str, ...] = ()


class Stage(Section):
    """
    A percentage of the robots, watched for a number of tasks, for a time, or for both.

    The stage can pass when both are complete; a stage of no tasks and no time is not watched. The
    larger `control_share` is, the fewer tasks a bad candidate gets before the gate finds it, and
    the longer the stage takes. With `share` instead of a percentage it is a stage of all robots.
    """

    percentage: float = Field(
        100,
        gt=0,
        le=100,
        description=(
            'Percentage of the robots: a stable random choice, spread over the regions, at least '
            'one robot. Percentages rise to 100. Required, unless there is a `share`.'
        ),
    )
    share: float | None = Field(
        None,
        gt=0,
        lt=1,
        description=(
            "With `spread: thin`: the candidate's share of the tasks of all robots, instead of "
            '`percentage` and `controlShare`. Shares rise.'
        ),
    )
    tasks: int | None = Field(
        None, ge=1, description='Tasks that the candidate has to finish in this stage.'
    )
    duration: Duration | None = Field(None, description='Minimum time of the stage.')
    timeout: Duration = Field(
        timedelta(hours=24),
        description=(
            'How long to wait for the tasks, or for `duration` if that is longer. After it the '
            'gate is inconclusive.'
        ),
    )
    control_share: float | None = Field(
        None,
        ge=0,
        lt=1,
        description=(
            "Share of the robots' tasks that stays on the previous version, as the control. The "
            'default with `promoteOn: proven` is 0.9 below half of the robots, and 0.5 from there '
            'on; with `noHarm` it is 0.5, and 0.1 at 100%. 0 is possible only where other robots '
            'or a number are the control.'
        ),
    )
    max_unreachable: int | None = Field(
        None, ge=0, description='Replaces `maxUnreachable` of the plan for this stage.'
    )
    max_failed: MaxFailed | None = Field(
        None, description='Replaces `maxFailed` of the plan for this stage.'
    )

    @model_validator(mode='after')
    def _is_complete(self) -> Stage:
        if self.share is None and 'percentage' not in self.model_fields_set:
            raise ValueError("a stage needs 'percentage', or 'share' with 'spread: thin': add it")
        for name, given in (('percentage', self.percentage), ('controlShare', self.control_share)):
            if self.share is not None and given not in (None, 100):
                raise ValueError(f"'share' and '{name}' exclude each other: remove one")
        if self.tasks is None and self.duration is None:
            raise ValueError("a stage needs an end: add 'tasks', 'duration' or both")
        return self

    @property
    def is_watched(self) -> bool:
        """Return whether the stage waits for tasks or for a time."""
        return bool(self.tasks or self.duration)

    @property
    def label(self) -> str:
        """Return the name of the stage, for people."""
        if self.share is not None:
            return f'{100 * self.share:g}% of tasks'
        return f'{self.percentage:g}%'

    def candidate_share(self, promotes_on: PromoteOn) -> float:
        """
        Return the share of the cohort's tasks that the candidate serves.

        Harm on few robots is found with the fewest tasks of the candidate beside a large control,
        and a proof on many with the fewest tasks in all beside an equal one.
        """
        if self.share is not None:
            return self.share
        if self.control_share is not None:
            return 1.0 - self.control_share
        if promotes_on is PromoteOn.PROVEN:
            return 0.1 if self.percentage < 50 else 0.5
        return 0.5 if self.percentage < 100 else 0.9


def select_cohort(fleet: Sequence[Robot], percentage: float, salt: str) -> tuple[str, ...]:
    """
    Return the ids of the robots that are `percentage` (0 to 100) of the fleet, at least one.

    A hash with the key `salt` orders the robots of each region, and the regions are interleaved in
    proportion to their size. So a cohort is a stable random subset, stratified by region, and a
    higher percentage only adds robots.
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
