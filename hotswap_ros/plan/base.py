# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What all plans have in common. Keys may be written in camelCase or in snake_case."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from hotswap_ros.plan.checklist.items import Checklist
from hotswap_ros.plan.criteria import SuccessCriteria
from hotswap_ros.plan.section import Section
from hotswap_ros.plan.stages import Duration, Robot, Stage
from hotswap_ros.plan.steps import SetRouting, StageModels, Step, Watch
from hotswap_ros.plan.windows import DeploymentWindow


class Strategy(str, enum.Enum):
    """How a version is brought to the fleet."""

    DIRECT = 'Direct'
    REGIONAL_ROLLOUT = 'RegionalRollout'
    CANARY = 'Canary'
    PROGRESSIVE_ROLLOUT = 'ProgressiveRollout'
    AB_TESTING = 'ABTesting'
    BLUE_GREEN = 'BlueGreen'
    SHADOW = 'Shadow'
    FEATURE_FLAG = 'FeatureFlag'
    PHASES = 'Phases'


def strategy_of(data: Any) -> str | None:
    """Return which strategy a plan, or the data of one, names: the discriminator of plans."""
    found = data.get('strategy') if isinstance(data, dict) else getattr(data, 'strategy', None)
    return found.value if isinstance(found, Strategy) else found


class Approval(Section):
    """How long to wait for a person's approval, and what happens when nobody gives it."""

    timeout: Duration = timedelta(hours=24)
    on_timeout: Literal['pause', 'rollback', 'continue'] = 'pause'


class BasePlan(Section):
    """
    A rollout as somebody asked for it; each strategy is a class of its own.

    Robots take part that have all of the `labels`; none: every robot.
    `confirm_timeout` is how long reachable robots may take to load the version or to confirm a
    routing; `lease` is how long a robot goes on serving the candidate without hearing from the
    coordinator. `max_unreachable` is how many robots of a cohort may be out of reach before the
    rollout pauses, `max_missing` how many that are in reach may send no counters for
    `missing_after`, and `max_failed_queries` how many times in a row the gate may fail to judge.
    `on_inconclusive` is what becomes of a stage whose gate cannot decide. The rollout starts and
    advances within `deployment_windows` only; none: at any time. It does not start while its
    `checklist` blocks it; None: nothing is asked.
    """

    #: Whether robots that are heard of later belong with those of their region.
    is_regional: ClassVar[bool] = False

    model_id: str = Field(min_length=1)
    version: str = Field(min_length=1)
    strategy: Strategy
    labels: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    success_criteria: SuccessCriteria = SuccessCriteria()
    confirm_timeout: Duration = timedelta(minutes=2)
    lease: Annotated[Duration, Field(ge=timedelta(seconds=3))] = timedelta(seconds=10)
    max_unreachable: int = Field(0, ge=0)
    max_missing: int = Field(0, ge=0)
    missing_after: Annotated[Duration, Field(ge=timedelta(seconds=3))] = timedelta(minutes=2)
    max_failed_queries: int = Field(3, ge=0)
    on_inconclusive: Literal['pause', 'continue', 'rollback'] = 'pause'
    deployment_windows: tuple[DeploymentWindow, ...] = ()
    checklist: Checklist | None = None

    def fit(self, fleet: Sequence[Robot]) -> None:
        """Raise PlanError when the plan names what the robots in reach do not have."""

    def steps(self, fleet: Sequence[Robot], salt: str) -> list[Step]:
        """
        Return the steps for the robots of `fleet`, none of which serves the version.

        `salt` keys every choice among them. Raises PlanError when these robots do not do.
        """
        raise NotImplementedError

    def admits(self, robot: Robot) -> bool:
        """Return whether a robot that is heard of later may join, if its labels are right."""
        return True

    def means(self, robot: Robot) -> bool:
        """Return whether a robot has the labels that are asked for."""
        return set(self.labels) <= set(robot.labels)

    def is_open(self, now: float) -> bool:
        """Return whether the rollout may start and advance, at seconds since 1970."""
        windows = self.deployment_windows
        return not windows or any(window.is_open(now) for window in windows)

    @property
    def effective_stages(self) -> tuple[Stage, ...]:
        """Return the stages, a short form written out; empty for a strategy without stages."""
        return ()

    @property
    def timeout_s(self) -> float:
        """Return `confirm_timeout` in seconds."""
        return self.confirm_timeout.total_seconds()

    def load_step(self, robots: tuple[str, ...], **more: Any) -> StageModels:
        """Return the step that loads the version; `more` are fields."""
        return StageModels(robots=robots, timeout_s=self.timeout_s, **more)

    def promote_step(self, robots: tuple[str, ...], label: str = '') -> SetRouting:
        """Return the step that makes the version the stable one."""
        return SetRouting(
            robots=robots,
            label=label,
            candidate_share=0.0,
            promote=True,
            timeout_s=self.timeout_s,
        )

    def watch(self, stages: int = 1) -> Watch:
        """Return the gate of the plan."""
        return Watch(
            name=self.strategy.value, criteria=self.success_criteria, stages=max(1, stages)
        )

    @classmethod
    def _remedy(cls, key: object, spellings: dict[str, str]) -> str:
        others = [
            other.__name__
            for other in _strategies()
            if key in other.model_fields or key in _aliases(other)
        ]
        if others:
            return f'it belongs to {" and ".join(others)}, this is {cls.__name__}: remove it'
        return super()._remedy(key, spellings)


def _strategies(root: type[BasePlan] = BasePlan) -> list[type[BasePlan]]:
    """Return the classes that are not the root of others."""
    found = [one for child in root.__subclasses__() for one in _strategies(child)]
    return found or [root]


def _aliases(plan: type[BasePlan]) -> set[str | None]:
    return {field.alias for field in plan.model_fields.values()}
