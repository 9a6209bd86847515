# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Shadow: both decide, the stable version acts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from pydantic import Field, model_validator

from hotswap_ros.plan.base import BasePlan, Strategy
from hotswap_ros.plan.criteria import SuccessCriteria
from hotswap_ros.plan.stages import Duration, Robot, select_cohort
from hotswap_ros.plan.steps import ChooseWinner, Observe, SetRouting, Step, Watch


class Shadow(BasePlan):
    """
    The version decides beside the stable one on `percentage` of the robots and never acts.

    It ends with a verdict: deploy, keep or retrain. Only with `promote` does a verdict to deploy
    promote it.
    """

    strategy: Literal[Strategy.SHADOW] = Strategy.SHADOW
    tasks: int | None = Field(None, ge=1)
    duration: Duration | None = None
    timeout: Duration = timedelta(days=7)
    percentage: float = Field(100, gt=0, le=100)
    promote: bool = False

    @model_validator(mode='after')
    def _has_an_end(self) -> Shadow:
        if not (self.tasks or self.duration):
            raise ValueError("a shadow needs 'tasks', 'duration' or both: else it has no end")
        return self

    def steps(self, fleet: Sequence[Robot], salt: str) -> list[Step]:
        """Load, shadow, watch, and say what to do."""
        robots = select_cohort(fleet, self.percentage, salt)
        steps = shadow_steps(
            self,
            robots,
            tasks=self.tasks,
            duration=self.duration,
            timeout=self.timeout,
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
            robots=robots,
            candidate_share=0.0,
            shadow=True,
            watch=watch,
            timeout_s=plan.timeout_s,
        ),
        Observe(
            robots=robots,
            label='shadow',
            tasks=tasks or 0,
            duration_s=duration.total_seconds() if duration else 0.0,
            timeout_s=timeout.total_seconds(),
        ),
    ]
