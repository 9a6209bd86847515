# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""FeatureFlag: the version on all robots, for a share of tasks that changes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from hotswap_ros.plan.base import BasePlan, Strategy
from hotswap_ros.plan.criteria import Control
from hotswap_ros.plan.durations import Duration
from hotswap_ros.plan.section import Section
from hotswap_ros.plan.stages import Robot, select_cohort
from hotswap_ros.plan.steps import Ramp, Step, Watch


class FlagEntry(Section):
    """The share from a time after the start on."""

    after: Duration = Field(description='Time since the start of the rollout.')
    share: float = Field(ge=0, le=1, description='Share of tasks from then on.')


class ControlLoop(Section):
    """A loop that raises the share while the candidate is not worse, and lowers it when it is."""

    interval: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        timedelta(minutes=5), description='Time between two changes.'
    )
    step: float = Field(0.1, gt=0, le=1, description='Change of the share.')


class FeatureFlag(BasePlan):
    """
    A share of tasks that a `schedule` or a `control_loop` changes.

    A flag that reaches 1 is promoted, unless `promote` is false. A flag whose schedule ends below
    1 stays there until a person sets the share, skips the wait, or ends the rollout.
    """

    strategy: Literal[Strategy.FEATURE_FLAG] = Strategy.FEATURE_FLAG
    schedule: tuple[FlagEntry, ...] = Field(
        (), description='Shares over time. Give either this or `controlLoop`.'
    )
    control_loop: ControlLoop | None = Field(
        None, description='Lets the gate raise and lower the share.'
    )
    bucketing: Literal['tasks', 'robots'] = Field(
        'tasks',
        description=(
            '`tasks`: the share is a share of tasks. `robots`: a robot serves one version alone, '
            'and robots are compared with other robots.'
        ),
    )
    timeout: Duration = Field(
        timedelta(hours=24),
        description='How long an entry waits for enough tasks at the share before it.',
    )
    percentage: float = Field(
        100, gt=0, le=100, description='Percentage of the robots that take part.'
    )
    promote: bool = Field(
        True, description='Whether the candidate becomes stable when the flag reaches 1.'
    )

    @model_validator(mode='after')
    def _goes_one_way(self) -> FeatureFlag:
        if bool(self.schedule) == (self.control_loop is not None):
            raise ValueError("a flag needs either 'schedule' or 'controlLoop': add one of them")
        times = [entry.after for entry in self.schedule]
        shares = [entry.share for entry in self.schedule]
        if any(b <= a for a, b in itertools.pairwise(times)):
            raise ValueError('the times of the schedule must rise: sort the entries')
        if any(b < a for a, b in itertools.pairwise(shares)):
            raise ValueError(f'the shares of the schedule must not fall: {shares}')
        return self

    def watch(self, stages: int = 1) -> Watch:
        """Return the gate of the flag."""
        watch = super().watch(stages)
        criteria = self.success_criteria
        if self.bucketing == 'robots' and criteria.control is Control.WITHIN_ROBOTS:
            criteria = criteria.model_copy(update={'control': Control.ACROSS_ROBOTS})
        return watch.model_copy(update={'criteria': criteria})

    def steps(self, fleet: Sequence[Robot], salt: str) -> list[Step]:
        """Load on all robots, raise the share, promote."""
        robots = select_cohort(fleet, self.percentage, salt)
        loop = self.control_loop
        steps: list[Step] = [
            self.load_step(robots),
            Ramp(
                robots=robots,
                watch=self.watch(max(1, len(self.schedule))),
                schedule=tuple((e.after.total_seconds(), e.share) for e in self.schedule),
                interval_s=0.0 if loop is None else loop.interval.total_seconds(),
                step=0.0 if loop is None else loop.step,
                by_robots=self.bucketing == 'robots',
                timeout_s=self.timeout.total_seconds(),
                proof=self.proof if self.promote else None,
            ),
        ]
        if self.promote:
            steps.append(self.promote_step(robots))
        return steps
