# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""ProgressiveRollout: cumulative stages of given length, with or without a person's approval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, model_validator

from hotswap_ros.plan._base import Approval, Strategy
from hotswap_ros.plan._stages import Robot, Stage
from hotswap_ros.plan._steps import Step
from hotswap_ros.plan.strategies._staged import StagedPlan, check_stages, staged_steps


class ProgressiveRollout(StagedPlan):
    """
    Stages one after the other; a stage of no duration and no tasks is not watched.

    Without `auto_progress` a person approves every stage after the first, as `approval` says.
    Without `promote` the stages may end earlier, and nothing stays.
    """

    strategy: Literal[Strategy.PROGRESSIVE_ROLLOUT] = Strategy.PROGRESSIVE_ROLLOUT
    stages: tuple[Stage, ...] = Field(min_length=1)
    auto_progress: bool = True
    approval: Approval = Approval()

    @model_validator(mode='after')
    def _stages_climb_to_everybody(self) -> ProgressiveRollout:
        if self.auto_progress and self.approval != Approval():
            raise ValueError(
                "'approval' says how to wait for a person, and 'autoProgress' waits for nobody: "
                "set it to false, or remove 'approval'"
            )
        check_stages(self)
        return self

    @property
    def effective_stages(self) -> tuple[Stage, ...]:
        """Return the stages."""
        return self.stages

    def steps(self, fleet: Sequence[Robot], salt: str) -> list[Step]:
        """Load, share and watch for each stage, then promote everywhere."""
        return staged_steps(self, fleet, salt, None if self.auto_progress else self.approval)
