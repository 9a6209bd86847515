# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Shadow: both versions decide, and only the stable version acts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from pydantic import Field, model_validator

from hotswap_ros.plan.base import BasePlan, Strategy
from hotswap_ros.plan.criteria import SuccessCriteria
from hotswap_ros.plan.durations import Duration
from hotswap_ros.plan.stages import Robot, select_cohort
from hotswap_ros.plan.steps import ChooseWinner, SetRouting, Step, Watch


class Shadow(BasePlan):
    """
    The version decides beside the stable one and never acts.

    The rollout ends with a verdict: deploy, keep or retrain. The verdict "deploy" promotes the
    version only with `promote`.
    """

    strategy: Literal[Strategy.SHADOW] = Strategy.SHADOW
    tasks: int | None = Field(None, ge=1, description='Tasks that the shadow has to decide on.')
    duration: Duration | None = Field(None, description='Minimum time.')
    timeout: Duration = Field(timedelta(days=7), description='How long to wait for the tasks.')
    percentage: float = Field(
        100, gt=0, le=100, description='Percentage of the robots on which it shadows.'
    )
    promote: bool = Field(False, description='Whether the verdict "deploy" promotes the version.')

    @model_validator(mode='after')
    def _has_an_end(self) -> Shadow:
        if not (self.tasks or self.duration):
            raise ValueError("a shadow needs an end: add 'tasks', 'duration' or both")
        return self

    def steps(self, fleet: Sequence[Robot], salt: str) -> list[Step]:
        """Load, shadow, watch, and conclude."""
        robots = select_cohort(fleet, self.percentage, salt)
        steps = shadow_steps(
            self, robots, tasks=self.tasks, duration=self.duration, timeout=self.timeout
        )
        steps.append(ChooseWinner(robots=robots, metric='shadow', is_binding=self.promote))
        if self.promote:
            steps.append(self.promote_step(robots))
        return steps


def shadow_steps(
    plan: BasePlan,
    robots: tuple[str, ...],
    *,
    tasks: int | None,
    duration: timedelta | None,
    timeout: timedelta,
    criteria: SuccessCriteria | None = None,
) -> list[Step]:
    """Return the steps that let a version shadow and watch it."""
    watch = Watch(
        name=f'{plan.strategy.value}: shadow',
        criteria=criteria or plan.success_criteria,
        subject='shadow',
    )
    return [
        plan.load_step(robots),
        SetRouting(
            robots=robots, candidate_share=0.0, shadow=True, watch=watch, timeout_s=plan.timeout_s
        ),
        plan.observe_step(robots, tasks, duration, timeout, label='shadow'),
    ]
