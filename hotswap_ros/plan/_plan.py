# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The plan file as a type. Keys may be written in camelCase or in snake_case."""

from __future__ import annotations

import enum
import itertools
from datetime import timedelta
from typing import Annotated

from pydantic import Field, model_validator

from hotswap_ros.plan._criteria import Control, SuccessCriteria
from hotswap_ros.plan._section import Section

#: ISO 8601 ("PT15M") or a number of seconds.
Duration = Annotated[timedelta, Field(ge=timedelta(0))]


class Strategy(str, enum.Enum):
    """How a version is brought to the fleet."""

    CANARY = 'Canary'


class Stage(Section):
    """
    One step up: a percentage of the robots, watched for a number of tasks and for a time.

    Both must be in before the stage can pass: `tasks` counts tasks that the candidate finished,
    `duration` is the least time. `timeout` is how long to wait for the tasks before the stage is
    called inconclusive. `control_share` is the share of the robots' tasks that stays on the
    previous version as the concurrent control; by default half, and a tenth in the last stage. The
    larger it is, the fewer tasks a bad candidate gets before it is found out, and the longer the
    stage takes.
    """

    percentage: float = Field(gt=0, le=100)
    tasks: int | None = Field(None, ge=1)
    duration: Duration | None = None
    timeout: Duration = timedelta(hours=24)
    control_share: float | None = Field(None, ge=0, lt=1)

    @model_validator(mode='after')
    def _has_an_end(self) -> Stage:
        if self.tasks is None and self.duration is None:
            raise ValueError("a stage needs 'tasks', 'duration' or both: else it has no end")
        return self

    @property
    def candidate_share(self) -> float:
        """Return the share of the cohort's tasks that the candidate serves."""
        if self.control_share is not None:
            return 1.0 - self.control_share
        return 0.5 if self.percentage < 100 else 0.9


class Plan(Section):
    """
    A rollout as somebody asked for it.

    A canary has either `stages` or the short form `canary_percentage` and `canary_duration`, which
    stands for two stages of that length. `confirm_timeout` is how long reachable robots may take
    to load the version or to confirm a routing; `lease` is how long a robot goes on serving the
    candidate without hearing from the coordinator; `max_unreachable` is how many robots of a
    cohort may be out of reach before the rollout pauses.
    """

    model_id: str = Field(min_length=1)
    version: str = Field(min_length=1)
    strategy: Strategy
    stages: tuple[Stage, ...] = ()
    canary_percentage: float | None = Field(None, gt=0, lt=100)
    canary_duration: Duration | None = None
    success_criteria: SuccessCriteria = SuccessCriteria()
    confirm_timeout: Duration = timedelta(minutes=2)
    lease: Annotated[Duration, Field(ge=timedelta(seconds=3))] = timedelta(seconds=10)
    max_unreachable: int = Field(0, ge=0)

    @model_validator(mode='after')
    def _stages_climb_to_everybody(self) -> Plan:
        if self.stages and self.canary_percentage is not None:
            raise ValueError("give either 'stages' or 'canaryPercentage', not both")
        if (self.canary_percentage is None) != (self.canary_duration is None):
            raise ValueError("'canaryPercentage' and 'canaryDuration' go together: give both")
        stages = self.effective_stages
        if not stages:
            raise ValueError("a canary needs 'stages', or 'canaryPercentage' and 'canaryDuration'")
        percentages = [stage.percentage for stage in stages]
        if any(b <= a for a, b in itertools.pairwise(percentages)):
            raise ValueError(
                f'the percentages of the stages must rise, these do not: {percentages}'
            )
        if percentages[-1] != 100:
            raise ValueError(
                f'the last stage stops at {percentages[-1]:g}%: end with a stage of 100'
            )
        self._require_control(stages)
        return self

    def _require_control(self, stages: tuple[Stage, ...]) -> None:
        control = self.success_criteria.control
        for number, stage in enumerate(stages):
            if stage.control_share != 0:
                continue
            where = f'stages.{number}.controlShare is 0'
            if control is Control.WITHIN_ROBOTS:
                raise ValueError(
                    f'{where}, but the candidate is compared within robots: give it a share, or '
                    "set 'control' of the success criteria to 'across_robots'"
                )
            if control is Control.ACROSS_ROBOTS and stage.percentage == 100:
                raise ValueError(
                    f'{where} at 100%, which leaves no control: give it a share, such as 0.1'
                )

    @property
    def effective_stages(self) -> tuple[Stage, ...]:
        """Return the stages, the short form written out."""
        if self.canary_percentage is None:
            return self.stages
        return (
            Stage(percentage=self.canary_percentage, duration=self.canary_duration),
            Stage(percentage=100, duration=self.canary_duration),
        )
