# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The base of all plans: the keys and steps that they share."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from hotswap_ros.plan.checklist.items import Checklist
from hotswap_ros.plan.checklist.presets import ChecklistPreset
from hotswap_ros.plan.criteria import Control, Method, SuccessCriteria
from hotswap_ros.plan.durations import Duration
from hotswap_ros.plan.limits import MaxFailed
from hotswap_ros.plan.promotion import PromoteOn, ProofBudget
from hotswap_ros.plan.section import Section
from hotswap_ros.plan.stages import Robot, Stage
from hotswap_ros.plan.steps import Observe, Proof, SetRouting, StageModels, Step, Watch
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
    """Return the strategy that a plan, or the data of one, names: the discriminator of plans."""
    found = data.get('strategy') if isinstance(data, dict) else getattr(data, 'strategy', None)
    return found.value if isinstance(found, Strategy) else found


class Approval(Section):
    """A wait for the approval of a person, and what happens without one."""

    timeout: Duration = Field(timedelta(hours=24), description='How long to wait for an approval.')
    on_timeout: Literal['pause', 'rollback', 'continue'] = Field(
        'pause', description='What happens when nobody approves in time.'
    )


class BasePlan(Section):
    """
    A rollout as a person asked for it; each strategy is a class of its own.

    Keys may be written in camelCase or in snake_case.
    """

    #: Whether a robot that joins late belongs to the robots of its region.
    is_regional: ClassVar[bool] = False
    #: Whether a gate compares successes before the promotion.
    can_prove: ClassVar[bool] = True
    #: Whether a robot that serves nothing yet is left out.
    needs_previous: ClassVar[bool] = True

    model_id: str = Field(
        min_length=1, description='The model (named policy). `ABTesting` takes it from `modelA`.'
    )
    version: str = Field(
        min_length=1,
        description=(
            "The version to roll out, as text (`'24'`, not `24`). `ABTesting` takes it from "
            '`modelB`.'
        ),
    )
    strategy: Strategy = Field(
        description=(
            'How the version is brought to the fleet. Leave it out where `phases` are given.'
        )
    )
    labels: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (),
        description=(
            'Labels that a robot must have to take part, all of them, such as `[gripper=jaw]`. '
            'Empty means every robot.'
        ),
    )
    success_criteria: SuccessCriteria = Field(
        SuccessCriteria(), description='What the candidate must hold.'
    )
    confirm_timeout: Duration = Field(
        timedelta(minutes=2),
        description=(
            'How long reachable robots may take to load a version or to confirm a routing. After '
            'it they have failed, see `maxFailed`.'
        ),
    )
    lease: Annotated[Duration, Field(ge=timedelta(seconds=3))] = Field(
        timedelta(seconds=10),
        description='How long a robot serves the candidate without hearing the coordinator.',
    )
    max_unreachable: int = Field(
        0,
        ge=0,
        description=(
            'How many robots of the cohort may be unreachable before the rollout pauses. It '
            'resumes when enough robots are back. A quarantined robot counts as unreachable.'
        ),
    )
    unreachable_timeout: Annotated[Duration, Field(ge=timedelta(seconds=10))] = Field(
        timedelta(hours=1),
        description=(
            'How long unreachable robots may keep the rollout paused before `onUnreachable` '
            'applies.'
        ),
    )
    on_unreachable: Literal['ask', 'exclude', 'rollback'] = Field(
        'ask',
        description=(
            'What happens after `unreachableTimeout`: alert and ask a person, exclude the robots '
            'and continue without them, or roll back. An excluded robot joins again like a new '
            'robot when it is back.'
        ),
    )
    max_failed: MaxFailed = Field(
        0,
        description=(
            'How many robots may fail to load the version, or to confirm a routing, before the '
            'rollout is rolled back: a number, or a share of the robots that take part so far, '
            'such as `0.02`. Robots that fail are excluded and keep the previous version.'
        ),
    )
    max_missing: int = Field(
        0,
        ge=0,
        description=(
            'How many reachable robots may send no counters for `missingAfter` before the rollout '
            'pauses. It resumes when enough counters arrive.'
        ),
    )
    missing_after: Annotated[Duration, Field(ge=timedelta(seconds=3))] = Field(
        timedelta(minutes=2),
        description='Time without counters after which the counters of a robot are missing.',
    )
    max_failed_queries: int = Field(
        3,
        ge=0,
        description=(
            'How many times in a row the gate itself may fail to judge before the rollout pauses.'
        ),
    )
    on_inconclusive: Literal['pause', 'continue', 'rollback'] = Field(
        'pause',
        description=(
            'What happens when a gate cannot decide: pause and ask a person, continue, or roll '
            'back. If a stage has no task at all, the rollout pauses, unless this says '
            '`rollback`.'
        ),
    )
    promote_on: PromoteOn | None = Field(
        None,
        description=(
            '`proven`: a version is promoted only once the gate has shown that it is at most '
            '`maxSuccessDrop` worse. `noHarm`: it is promoted if the gate has not shown that it '
            'is worse. The default is `proven` with `checklist: production` and `noHarm` without.'
        ),
    )
    proof_budget: ProofBudget = Field(
        ProofBudget(),
        description=(
            'With `proven`: how far the last stage goes on for a proof. After it the gate is '
            'inconclusive, and a person decides.'
        ),
    )
    deployment_windows: tuple[DeploymentWindow, ...] = Field(
        (),
        description=(
            'The rollout starts and takes steps forward only within these windows. It watches, '
            'and rolls back, at any time. Empty means at any time.'
        ),
    )
    checklist: Checklist | None = Field(
        None,
        description=(
            'What must be true before the rollout starts: a preset, or a mapping. Left out: '
            'nothing is checked.'
        ),
    )

    @model_validator(mode='after')
    def _compares_figures_it_has(self) -> BasePlan:
        asked = self.success_criteria.asked_figures
        if asked and self.watch().criteria.control is not Control.WITHIN_ROBOTS:
            raise ValueError(
                f"'{asked[0]}' compares tasks whose version was drawn on the same robot, which "
                f'this {self.strategy.value} does not do: remove it, or add a Canary with it '
                "before this one in 'phases'"
            )
        return self

    @model_validator(mode='after')
    def _proves_what_it_can(self) -> BasePlan:
        if self.promote_on is PromoteOn.PROVEN and not self._is_able_to_prove:
            raise ValueError(f"'promoteOn' is 'proven', but {self._why_not_proven}")
        if self.promote_on is PromoteOn.NO_HARM and self.proof_budget != ProofBudget():
            raise ValueError(
                "'proofBudget' has no effect with 'promoteOn: noHarm': remove one of them"
            )
        return self

    @property
    def _is_able_to_prove(self) -> bool:
        return self.can_prove and self.success_criteria.method is Method.SEQUENTIAL

    @property
    def _why_not_proven(self) -> str:
        if not self.can_prove:
            name = self.strategy.value
            return (
                f'strategy {name} compares nothing: choose a strategy with stages, or write '
                "'promoteOn: noHarm'"
            )
        method = self.success_criteria.method.value
        return (
            f"method '{method}' shows no such thing: set 'method' of the success criteria to "
            "'sequential', or write 'promoteOn: noHarm'"
        )

    @property
    def promotes_on(self) -> PromoteOn:
        """Return what promotes the version, the default filled in."""
        if self.promote_on is not None:
            return self.promote_on
        checklist = self.checklist
        is_production = checklist is not None and checklist.preset is ChecklistPreset.PRODUCTION
        is_proven = is_production and self._is_able_to_prove
        return PromoteOn.PROVEN if is_proven else PromoteOn.NO_HARM

    @property
    def proof(self) -> Proof | None:
        """Return what the last stage may spend on a proof; None: no harm is enough."""
        if self.promotes_on is PromoteOn.NO_HARM:
            return None
        budget = self.proof_budget
        return Proof(tasks=budget.tasks, duration_s=budget.duration.total_seconds())

    def fit(self, fleet: Sequence[Robot]) -> None:
        """Raise PlanError when the plan names what no reachable robot has."""

    def steps(self, fleet: Sequence[Robot], salt: str) -> list[Step]:
        """
        Return the steps for the robots of `fleet`, none of which serves the version.

        `salt` keys every random choice of robots. Raises PlanError when the plan does not fit
        these robots.
        """
        raise NotImplementedError

    def admits(self, robot: Robot) -> bool:
        """Return whether a robot with the right labels may join late."""
        return True

    def means(self, robot: Robot) -> bool:
        """Return whether a robot has all labels of the plan."""
        return set(self.labels) <= set(robot.labels)

    def is_open(self, now: float) -> bool:
        """Return whether the rollout may start and advance at `now`, in seconds since 1970."""
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

    def observe_step(
        self,
        robots: tuple[str, ...],
        tasks: int | None,
        duration: timedelta | None,
        timeout: timedelta,
        **more: Any,
    ) -> Observe:
        """Return the step that watches for tasks, a time, or both; `more` are fields."""
        return Observe(
            robots=robots,
            tasks=tasks or 0,
            duration_s=duration.total_seconds() if duration else 0.0,
            timeout_s=timeout.total_seconds(),
            **more,
        )

    def promote_step(self, robots: tuple[str, ...], label: str = '') -> SetRouting:
        """Return the step that makes the version the stable one."""
        return SetRouting(
            robots=robots, label=label, candidate_share=0.0, promote=True, timeout_s=self.timeout_s
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
    """Return the classes without subclasses."""
    found = [one for child in root.__subclasses__() for one in _strategies(child)]
    return found or [root]


def _aliases(plan: type[BasePlan]) -> set[str | None]:
    return {field.alias for field in plan.model_fields.values()}
