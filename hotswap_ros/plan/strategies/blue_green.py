# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""BlueGreen: the new version everywhere beside the old, then one swap."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from pydantic import Field, model_validator

from hotswap_ros.plan.base import Approval, BasePlan, Strategy
from hotswap_ros.plan.criteria import Control, SuccessCriteria
from hotswap_ros.plan.errors import PlanError, names_near
from hotswap_ros.plan.stages import Duration, Robot, all_of
from hotswap_ros.plan.steps import Observe, Retire, SetRouting, Step, Watch
from hotswap_ros.plan.strategies.shadow import shadow_steps
from hotswap_ros.plan.strategies.staged import approval_step

#: Of green's decisions, so many are like blue's at least, where the plan does not say.
_LEAST_AGREEMENT = 0.9


class BlueGreen(BasePlan):
    """
    Green beside blue on all robots, validated as a shadow, swapped at one instant, watched.

    Green shadows `validation_tasks` for `validation_duration` at least and has to decide as blue
    does, nine times in ten where `min_shadow_agreement` says nothing. With `approval` a person
    has to agree to the swap. `swap_delay` seconds are given to every robot to hear of it. For
    `watch_duration` it is held against what blue did before, or a fixed number; for `retention`
    the swap can be reversed with one command; then blue is released on all but `backup_robots`,
    and deleted from their caches.
    """

    strategy: Literal[Strategy.BLUE_GREEN] = Strategy.BLUE_GREEN
    validation_tasks: int = Field(1000, ge=1)
    validation_duration: Duration = timedelta(0)
    validation_timeout: Duration = timedelta(days=7)
    approval: Approval | None = None
    swap_delay: Duration = timedelta(seconds=5)
    watch_duration: Duration = timedelta(hours=4)
    watch_tasks: int | None = Field(None, ge=1)
    watch_timeout: Duration = timedelta(days=7)
    retention: Duration = timedelta(days=7)
    backup_robots: tuple[str, ...] = ()

    @model_validator(mode='after')
    def _has_no_control_after_the_swap(self) -> BlueGreen:
        if self.success_criteria.max_category_drop is not None:
            raise ValueError(
                "'maxCategoryDrop' needs a control at the same time, which BlueGreen has not "
                "after the swap: remove it, or give 'phases' a Canary with it before the swap"
            )
        return self

    def watch(self, stages: int = 1) -> Watch:
        """Return the gate after the swap: nobody is left to be the control at the same time."""
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
        """Refuse backup robots that are not in reach."""
        known = {robot.robot_id for robot in fleet}
        problems = [
            f"backupRobots: no robot '{name}' is in reach: {names_near(name, known)}"
            for name in self.backup_robots
            if name not in known
        ]
        if problems:
            raise PlanError(problems)

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
            Observe(
                robots=robots,
                tasks=self.watch_tasks or 0,
                duration_s=self.watch_duration.total_seconds(),
                timeout_s=self.watch_timeout.total_seconds(),
            )
        ]
        if self.retention:
            kept_s = self.retention.total_seconds()
            steps.append(
                Observe(
                    robots=robots,
                    tasks=0,
                    duration_s=kept_s,
                    timeout_s=kept_s,
                    is_conclusive=False,
                )
            )
        retired = tuple(robot for robot in robots if robot not in self.backup_robots)
        if retired:
            steps.append(Retire(robots=retired, timeout_s=self.timeout_s))
        return steps
