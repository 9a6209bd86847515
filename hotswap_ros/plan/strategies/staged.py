# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What canary and progressive rollouts share: cohorts that grow, each watched."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

from pydantic import Field, model_validator

from hotswap_ros.plan.base import Approval, BasePlan, Strategy
from hotswap_ros.plan.criteria import Control
from hotswap_ros.plan.stages import Duration, Robot, Stage, select_cohort
from hotswap_ros.plan.steps import Observe, SetRouting, Step, WaitForApproval, Watch


class StagedPlan(BasePlan):
    """A plan of stages. Without `promote` they may end earlier, and nothing stays."""

    promote: bool = True


def check_stages(plan: StagedPlan) -> None:
    """Raise ValueError for stages that do not climb to everybody or leave no control."""
    stages = plan.effective_stages
    percentages = [stage.percentage for stage in stages]
    if any(b <= a for a, b in itertools.pairwise(percentages)):
        raise ValueError(f'the percentages of the stages must rise, these do not: {percentages}')
    if plan.promote and percentages[-1] != 100:
        raise ValueError(f'the last stage stops at {percentages[-1]:g}%: end with a stage of 100')
    if not any(stage.is_watched for stage in stages):
        raise ValueError(
            'no stage is watched: give one a duration or tasks, or use strategy Direct'
        )
    _require_control(stages, plan.success_criteria.control)


def _require_control(stages: tuple[Stage, ...], control: Control) -> None:
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


def staged_steps(
    plan: StagedPlan, fleet: Sequence[Robot], salt: str, approval: Approval | None = None
) -> list[Step]:
    """Return the steps of cohorts that grow, with an approval before each but the first."""
    watch = plan.watch(sum(stage.is_watched for stage in plan.effective_stages))
    steps: list[Step] = []
    staged: set[str] = set()
    everyone: tuple[str, ...] = ()
    for number, stage in enumerate(plan.effective_stages):
        if approval is not None and number:
            steps.append(approval_step(approval, f'{stage.percentage:g}%', everyone))
        everyone = select_cohort(fleet, stage.percentage, salt)
        new = tuple(robot for robot in everyone if robot not in staged)
        staged.update(new)
        steps += _stage_steps(plan, stage, everyone, new, watch)
    if plan.promote:
        steps.append(plan.promote_step(everyone))
    return steps


def approval_step(approval: Approval, label: str, robots: tuple[str, ...]) -> WaitForApproval:
    """Return the step that waits for a person's word."""
    return WaitForApproval(
        robots=robots,
        label=label,
        timeout_s=approval.timeout.total_seconds(),
        on_timeout=approval.on_timeout,
    )


def _stage_steps(
    plan: StagedPlan, stage: Stage, cohort: tuple[str, ...], new: tuple[str, ...], watch: Watch
) -> list[Step]:
    share = stage.candidate_share
    label = f'{stage.percentage:g}%'
    lost = stage.max_unreachable
    steps: list[Step] = []
    if new:
        steps.append(plan.load_step(new, label=label, max_unreachable=lost))
    if stage.percentage == 100 and plan.promote and not stage.is_watched:
        return steps  # promoted at once
    steps.append(
        SetRouting(
            robots=cohort,
            label=label,
            candidate_share=share,
            watch=watch,
            max_unreachable=lost,
            timeout_s=plan.timeout_s,
        )
    )
    if stage.is_watched:
        steps.append(
            Observe(
                robots=cohort,
                label=label,
                tasks=stage.tasks or 0,
                duration_s=stage.duration.total_seconds() if stage.duration else 0.0,
                max_unreachable=lost,
                timeout_s=stage.timeout.total_seconds(),
            )
        )
    return steps


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
