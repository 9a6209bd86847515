# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""BlueGreen: the new version (green) on all robots beside the previous one (blue), then a swap."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from pydantic import Field, model_validator

from hotswap_ros.plan.base import Approval, BasePlan, Strategy
from hotswap_ros.plan.criteria import Control, SuccessCriteria
from hotswap_ros.plan.durations import Duration
from hotswap_ros.plan.errors import refuse_unknown
from hotswap_ros.plan.stages import Robot, all_of
from hotswap_ros.plan.steps import Retire, SetRouting, Step, Watch
from hotswap_ros.plan.strategies.shadow import shadow_steps
from hotswap_ros.plan.strategies.staged import approval_step

#: The default of `min_shadow_agreement`.
_LEAST_AGREEMENT = 0.9


class BlueGreen(BasePlan):
    """
    Green beside blue on all robots: validated as a shadow, swapped at one instant, watched.

    During validation green has to decide as blue does, in 90% of decisions unless the criteria say
    otherwise. After the swap, green is compared with blue's earlier results on the same robots, or
    with a fixed rate. During `retention` one command reverses the swap. Then blue is released, and
    deleted from the caches of all robots but `backup_robots`.

    There is no task of green to prove anything with before the swap. With `promote_on` proven the
    watch after the swap does not pass without a proof, and blue stays loaded until then.
    """

    strategy: Literal[Strategy.BLUE_GREEN] = Strategy.BLUE_GREEN
    validation_tasks: int = Field(
        1000,
        ge=1,
        description='Tasks that the new version decides on as a shadow before the swap.',
    )
    validation_duration: Duration = Field(
        timedelta(0), description='Minimum time of the validation.'
    )
    validation_timeout: Duration = Field(
        timedelta(days=7), description='How long to wait for the tasks of the validation.'
    )
    approval: Approval | None = Field(None, description='If given, a person approves the swap.')
    swap_delay: Duration = Field(
        timedelta(seconds=5),
        description='Time between the command and the swap, so that every robot hears it.',
    )
    watch_duration: Duration = Field(
        timedelta(hours=4), description='How long the new version is watched after the swap.'
    )
    watch_tasks: int | None = Field(
        None, ge=1, description='Tasks that the new version has to finish after the swap.'
    )
    watch_timeout: Duration = Field(
        timedelta(days=7), description='How long to wait for these tasks.'
    )
    retention: Duration = Field(
        timedelta(days=7),
        description=(
            'How long the previous version stays loaded after that, so that the swap can be '
            'reversed.'
        ),
    )
    backup_robots: tuple[str, ...] = Field(
        (), description='Robots that keep the previous version after `retention`.'
    )

    @model_validator(mode='after')
    def _has_no_control_after_the_swap(self) -> BlueGreen:
        if self.success_criteria.max_category_drop is not None:
            raise ValueError(
                "'maxCategoryDrop' needs a control at the same time, and BlueGreen has none after "
                "the swap: remove it, or add a Canary with it before BlueGreen in 'phases'"
            )
        return self

    def watch(self, stages: int = 1) -> Watch:
        """Return the gate after the swap, which has no control at the same time."""
        criteria = self.success_criteria
        if criteria.control is not Control.FIXED:
            criteria = criteria.model_copy(update={'control': Control.HISTORY})
        return super().watch(stages).model_copy(update={'criteria': criteria})

    @property
    def _of_validation(self) -> SuccessCriteria:
        criteria = self.success_criteria
        if criteria.min_shadow_agreement is not None:
            return criteria
        return criteria.model_copy(update={'min_shadow_agreement': _LEAST_AGREEMENT})

    def fit(self, fleet: Sequence[Robot]) -> None:
        """Refuse backup robots that are not reachable."""
        known = {robot.robot_id for robot in fleet}
        problem = "backupRobots: no reachable robot is named '{}'"
        refuse_unknown(self.backup_robots, known, problem)

    def steps(self, fleet: Sequence[Robot], salt: str) -> list[Step]:
        """Load, shadow, validate, swap, watch, retain, retire."""
        robots = all_of(fleet)
        steps = shadow_steps(
            self,
            robots,
            tasks=self.validation_tasks,
            duration=self.validation_duration,
            timeout=self.validation_timeout,
            criteria=self._of_validation,
        )
        if self.approval is not None:
            steps.append(approval_step(self.approval, 'swap', robots))
        swap = SetRouting(
            robots=robots,
            candidate_share=1.0,
            promote=True,
            together_s=self.swap_delay.total_seconds(),
            timeout_s=self.timeout_s,
            watch=self.watch(),
        )
        return [*steps, swap, *self._after_the_swap(robots)]

    def _after_the_swap(self, robots: tuple[str, ...]) -> list[Step]:
        steps: list[Step] = [
            self.observe_step(
                robots,
                self.watch_tasks,
                self.watch_duration,
                self.watch_timeout,
                proof=self.proof,
            )
        ]
        if self.retention:
            kept = self.retention
            steps.append(self.observe_step(robots, None, kept, kept, is_conclusive=False))
        retired = tuple(robot for robot in robots if robot not in self.backup_robots)
        if retired:
            steps.append(Retire(robots=retired, timeout_s=self.timeout_s))
        return steps
