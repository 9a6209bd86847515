# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Canary and ProgressiveRollout: cohorts that grow, each one watched."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

from pydantic import Field, model_validator

from hotswap_ros.plan.base import Approval, BasePlan, Strategy
from hotswap_ros.plan.criteria import Control
from hotswap_ros.plan.durations import Duration
from hotswap_ros.plan.stages import Robot, Stage, select_cohort
from hotswap_ros.plan.steps import Proof, SetRouting, Step, WaitForApproval, Watch


class StagedPlan(BasePlan):
    """
    A plan of stages; without `promote` they may end below 100%.

    With `spread` thin every robot holds the candidate from the first stage on and gives it a small
    share of its tasks. That finds harm with fewer tasks than a large share on few robots. How many
    tasks the candidate gets is bounded by the share, and by the lease, after which a robot that
    hears nothing serves stable alone.
    """

    spread: Literal['cohorts', 'thin'] = Field(
        'cohorts',
        description=(
            '`cohorts`: each stage has more robots. `thin`: each stage has all robots, and a '
            'larger `share` of their tasks.'
        ),
    )

    promote: bool = Field(
        True,
        description=(
            'Whether the candidate becomes stable at the end. If not, the stages may end below '
            '100% and the robots return to the previous version.'
        ),
    )


def check_stages(plan: StagedPlan) -> None:
    """Raise ValueError for stages that do not rise to all robots, or that leave no control."""
    stages = plan.effective_stages
    if plan.spread == 'thin' or any(stage.share is not None for stage in stages):
        _check_shares(plan, stages)
        return
    percentages = [stage.percentage for stage in stages]
    if any(b <= a for a, b in itertools.pairwise(percentages)):
        raise ValueError(f'the percentages of the stages must rise: {percentages}')
    if plan.promote and percentages[-1] != 100:
        raise ValueError(f'the last stage has {percentages[-1]:g}%: add a stage of 100%')
    if not any(stage.is_watched for stage in stages):
        raise ValueError(
            "no stage is watched: add 'duration' or 'tasks' to one, or use strategy Direct"
        )
    _require_control(stages, plan.success_criteria.control)


def _check_shares(plan: StagedPlan, stages: tuple[Stage, ...]) -> None:
    if plan.spread != 'thin':
        raise ValueError("'share' needs 'spread: thin': add it, or write 'percentage' instead")
    if plan.success_criteria.control is Control.ACROSS_ROBOTS:
        raise ValueError(
            "with 'spread: thin' every robot has both versions: remove 'control: across_robots'"
        )
    shares = [stage.share for stage in stages if stage.share is not None]
    if len(shares) < len(stages):
        raise ValueError("with 'spread: thin' every stage needs a 'share', such as 0.1")
    if any(b <= a for a, b in itertools.pairwise(shares)):
        raise ValueError(f'the shares of the stages must rise: {shares}')
    if not all(stage.is_watched for stage in stages):
        raise ValueError("a stage is not watched: add 'duration' or 'tasks' to it")


def _require_control(stages: tuple[Stage, ...], control: Control) -> None:
    for number, stage in enumerate(stages):
        if stage.control_share != 0:
            continue
        where = f'stages.{number}.controlShare is 0'
        if control is Control.WITHIN_ROBOTS:
            raise ValueError(
                f"{where}, but control 'within_robots' needs a share: set one, such as 0.1, or "
                "set 'control' of the success criteria to 'across_robots'"
            )
        if control is Control.ACROSS_ROBOTS and stage.percentage == 100:
            raise ValueError(f'{where} at 100%, which leaves no control: set a share, such as 0.1')


def staged_steps(
    plan: StagedPlan, fleet: Sequence[Robot], salt: str, approval: Approval | None = None
) -> list[Step]:
    """Return the steps of the stages, with an approval before each stage but the first."""
    watch = plan.watch(sum(stage.is_watched for stage in plan.effective_stages))
    steps: list[Step] = []
    staged: set[str] = set()
    everyone: tuple[str, ...] = ()
    last = max(n for n, stage in enumerate(plan.effective_stages) if stage.is_watched)
    for number, stage in enumerate(plan.effective_stages):
        if approval is not None and number:
            steps.append(approval_step(approval, stage.label, everyone))
        everyone = select_cohort(fleet, stage.percentage, salt)
        new = tuple(robot for robot in everyone if robot not in staged)
        staged.update(new)
        proof = plan.proof if plan.promote and number == last else None
        steps += _stage_steps(plan, stage, everyone, new, watch, proof)
    if plan.promote:
        steps.append(plan.promote_step(everyone))
    return steps


def approval_step(approval: Approval, label: str, robots: tuple[str, ...]) -> WaitForApproval:
    """Return the step that waits for a person to approve."""
    return WaitForApproval(
        robots=robots,
        label=label,
        timeout_s=approval.timeout.total_seconds(),
        on_timeout=approval.on_timeout,
    )


def _stage_steps(
    plan: StagedPlan,
    stage: Stage,
    cohort: tuple[str, ...],
    new: tuple[str, ...],
    watch: Watch,
    proof: Proof | None,
) -> list[Step]:
    share, label = stage.candidate_share(plan.promotes_on), stage.label
    limits = {'max_unreachable': stage.max_unreachable, 'max_failed': stage.max_failed}
    steps: list[Step] = []
    if new:
        steps.append(plan.load_step(new, label=label, **limits))
    if stage.percentage == 100 and plan.promote and not stage.is_watched:
        return steps  # The promotion follows at once.
    steps.append(
        SetRouting(
            robots=cohort,
            label=label,
            candidate_share=share,
            watch=watch,
            timeout_s=plan.timeout_s,
            **limits,
        )
    )
    if stage.is_watched:
        steps.append(
            plan.observe_step(
                cohort,
                stage.tasks,
                stage.duration,
                stage.timeout,
                label=label,
                proof=proof,
                **limits,
            )
        )
    return steps


class Canary(StagedPlan):
    """
    Cohorts that grow, each one watched beside a control.

    The keys are `stages`, or the short form `canary_percentage` and `canary_duration`.
    """

    strategy: Literal[Strategy.CANARY] = Strategy.CANARY
    stages: tuple[Stage, ...] = Field((), description='The stages.')
    canary_percentage: float | None = Field(
        None,
        gt=0,
        lt=100,
        description=(
            'Short form with `canaryDuration`, instead of `stages`: a stage of this percentage, '
            'then all robots.'
        ),
    )
    canary_duration: Duration | None = Field(
        None, description='Minimum time of each of these two stages.'
    )

    @model_validator(mode='after')
    def _stages_climb_to_everybody(self) -> Canary:
        if self.stages and self.canary_percentage is not None:
            raise ValueError("'stages' and 'canaryPercentage' exclude each other: remove one")
        if (self.canary_percentage is None) != (self.canary_duration is None):
            raise ValueError("'canaryPercentage' and 'canaryDuration' go together: add the other")
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
        """Load, share and watch for each stage, then promote on all robots."""
        return staged_steps(self, fleet, salt)


class ProgressiveRollout(StagedPlan):
    """Stages one after the other; without `auto_progress` a person approves each but the first."""

    strategy: Literal[Strategy.PROGRESSIVE_ROLLOUT] = Strategy.PROGRESSIVE_ROLLOUT
    stages: tuple[Stage, ...] = Field(min_length=1, description='The stages.')
    auto_progress: bool = Field(
        True, description='If `false`, a person approves every stage after the first.'
    )
    approval: Approval = Field(
        Approval(), description='How long to wait for an approval, and what happens without one.'
    )

    @model_validator(mode='after')
    def _stages_climb_to_everybody(self) -> ProgressiveRollout:
        if self.auto_progress and self.approval != Approval():
            raise ValueError(
                "'approval' has no effect with 'autoProgress', which waits for nobody: set "
                "'autoProgress' to false, or remove 'approval'"
            )
        check_stages(self)
        return self

    @property
    def effective_stages(self) -> tuple[Stage, ...]:
        """Return the stages."""
        return self.stages

    def steps(self, fleet: Sequence[Robot], salt: str) -> list[Step]:
        """Load, share and watch for each stage, then promote on all robots."""
        return staged_steps(self, fleet, salt, None if self.auto_progress else self.approval)
