# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""FeatureFlag: the version is everywhere, and a share decides how many tasks it gets."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from hotswap_ros.plan.base import BasePlan, Strategy
from hotswap_ros.plan.criteria import Control
from hotswap_ros.plan.section import Section
from hotswap_ros.plan.stages import Duration, Robot, select_cohort
from hotswap_ros.plan.steps import Ramp, Step, Watch


class FlagEntry(Section):
    """From `after` on, counted from the start, the flag is `share`."""

    after: Duration
    share: float = Field(ge=0, le=1)


class ControlLoop(Section):
    """Every `interval` the flag goes up by `step` while not worse, and down when worse."""

    interval: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(minutes=5)
    step: float = Field(0.1, gt=0, le=1)


class FeatureFlag(BasePlan):
    """
    The flag goes up by `schedule` or by a `control_loop`, on `percentage` of the robots.

    `bucketing` by `tasks` draws for every task; by `robots` a robot serves one version alone,
    and robots are compared with others. A
    flag that has reached 1 is promoted, unless `promote` is false; one whose schedule stops below
    stays there until somebody sets it, skips the wait, or ends the rollout. `timeout` is how long
    an entry waits for enough tasks at the share before it.
    """

    strategy: Literal[Strategy.FEATURE_FLAG] = Strategy.FEATURE_FLAG
    schedule: tuple[FlagEntry, ...] = ()
    control_loop: ControlLoop | None = None
    bucketing: Literal['tasks', 'robots'] = 'tasks'
    timeout: Duration = timedelta(hours=24)
    percentage: float = Field(100, gt=0, le=100)
    promote: bool = True

    @model_validator(mode='after')
    def _goes_one_way(self) -> FeatureFlag:
        if bool(self.schedule) == (self.control_loop is not None):
            raise ValueError("a flag needs either 'schedule' or 'controlLoop': give one of them")
        times = [entry.after for entry in self.schedule]
        shares = [entry.share for entry in self.schedule]
        if any(b <= a for a, b in itertools.pairwise(times)):
            raise ValueError('the times of the schedule must rise: put the entries in order')
        if any(b < a for a, b in itertools.pairwise(shares)):
            raise ValueError(f'the shares of the schedule must not fall, these do: {shares}')
        return self

    def watch(self, stages: int = 1) -> Watch:
        """Return the gate of the flag."""
        watch = super().watch(stages)
        criteria = self.success_criteria
        if self.bucketing == 'robots' and criteria.control is Control.WITHIN_ROBOTS:
            criteria = criteria.model_copy(update={'control': Control.ACROSS_ROBOTS})
        return watch.model_copy(update={'criteria': criteria})

    def steps(self, fleet: Sequence[Robot], salt: str) -> list[Step]:
        """Load everywhere, turn the flag up, promote."""
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
            ),
        ]
        if self.promote:
            steps.append(self.promote_step(robots))
        return steps
