# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Canary: a small cohort first, and more when it holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, model_validator

from hotswap_ros.plan._base import Strategy
from hotswap_ros.plan._stages import Duration, Robot, Stage
from hotswap_ros.plan._steps import Step
from hotswap_ros.plan.strategies._staged import StagedPlan, check_stages, staged_steps


class Canary(StagedPlan):
    """
    Cohorts that grow, each watched beside a control.

    Either `stages` or the short form `canary_percentage` and `canary_duration`, which stands for
    two stages of that length. Without `promote` the stages may end earlier, and nothing stays.
    """

    strategy: Literal[Strategy.CANARY] = Strategy.CANARY
    stages: tuple[Stage, ...] = ()
    canary_percentage: float | None = Field(None, gt=0, lt=100)
    canary_duration: Duration | None = None

    @model_validator(mode='after')
    def _stages_climb_to_everybody(self) -> Canary:
        if self.stages and self.canary_percentage is not None:
            raise ValueError("give either 'stages' or 'canaryPercentage', not both")
        if (self.canary_percentage is None) != (self.canary_duration is None):
            raise ValueError("'canaryPercentage' and 'canaryDuration' go together: give both")
        if not self.effective_stages:
            raise ValueError("a canary needs 'stages', or 'canaryPercentage' and 'canaryDuration'")
        check_stages(self)
        return self

    @property
    def effective_stages(self) -> tuple[Stage, ...]:
        """Return the stages, the short form written out."""
        if self.canary_percentage is None:
            return self.stages
        canary = Stage(percentage=self.canary_percentage, duration=self.canary_duration)
        everybody = Stage(percentage=100, duration=self.canary_duration)
        return (canary, everybody) if self.promote else (canary,)

    def steps(self, fleet: Sequence[Robot], salt: str) -> list[Step]:
        """Load, share and watch for each stage, then promote everywhere."""
        return staged_steps(self, fleet, salt)
