# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Phases: plans one after the other; each one starts when the previous one has passed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag, field_validator, model_validator
from pydantic.alias_generators import to_camel

from hotswap_ros.plan.base import BasePlan, Strategy, strategy_of
from hotswap_ros.plan.stages import Robot, Stage
from hotswap_ros.plan.steps import SetRouting, Step, Watch
from hotswap_ros.plan.strategies.ab_testing import ABTesting
from hotswap_ros.plan.strategies.blue_green import BlueGreen
from hotswap_ros.plan.strategies.direct import Direct
from hotswap_ros.plan.strategies.feature_flag import FeatureFlag
from hotswap_ros.plan.strategies.regional import RegionalRollout
from hotswap_ros.plan.strategies.shadow import Shadow
from hotswap_ros.plan.strategies.staged import Canary, ProgressiveRollout

#: The strategies that can be an entry of `phases`: all but Phases itself.
Single: TypeAlias = (
    Annotated[Direct, Tag('Direct')]
    | Annotated[RegionalRollout, Tag('RegionalRollout')]
    | Annotated[Canary, Tag('Canary')]
    | Annotated[ProgressiveRollout, Tag('ProgressiveRollout')]
    | Annotated[ABTesting, Tag('ABTesting')]
    | Annotated[BlueGreen, Tag('BlueGreen')]
    | Annotated[Shadow, Tag('Shadow')]
    | Annotated[FeatureFlag, Tag('FeatureFlag')]
)
#: Keys of the whole plan, which its phases cannot change.
_OF_THE_WHOLE = (
    'labels',
    'lease',
    'unreachable_timeout',
    'on_unreachable',
    'max_missing',
    'missing_after',
    'max_failed_queries',
    'deployment_windows',
    'checklist',
)
#: Keys that a phase takes from the whole plan, unless it has them itself.
_INHERITED = (
    'model_id',
    'version',
    'success_criteria',
    'confirm_timeout',
    'max_unreachable',
    'max_failed',
    'on_inconclusive',
    *_OF_THE_WHOLE,
)
#: Keys that only the last phase takes from it, because only the last phase promotes.
_OF_THE_LAST = ('promote_on', 'proof_budget')
#: Strategies that start without a candidate: robots of an earlier phase stop serving it first.
_FROM_SCRATCH = (ABTesting, BlueGreen, Shadow)
_CAN_PROMOTE_LATER = {
    Strategy.CANARY,
    Strategy.PROGRESSIVE_ROLLOUT,
    Strategy.SHADOW,
    Strategy.FEATURE_FLAG,
}


class Phases(BasePlan):
    """
    Plans in sequence for one version; each one inherits the keys that it does not have.

    Only the last phase promotes. Each phase has a gate of its own and an equal part of `alpha`.
    """

    strategy: Literal[Strategy.PHASES] = Strategy.PHASES
    phases: tuple[Annotated[Single, Discriminator(strategy_of)], ...] = Field(
        description='Plans that run one after the other, each with a gate of its own.'
    )

    @model_validator(mode='before')
    @classmethod
    def _inherit(cls, data: Any) -> Any:
        phases = data.get('phases') if isinstance(data, dict) else None
        if not isinstance(phases, (list, tuple)):
            return data
        last = len(phases) - 1
        filled = [_filled_in(data, phase, is_last=i == last) for i, phase in enumerate(phases)]
        return {**data, 'phases': filled}

    @field_validator('phases', mode='after')
    @classmethod
    def _only_the_last_promotes(cls, phases: tuple[BasePlan, ...]) -> tuple[BasePlan, ...]:
        if len(phases) < 2:
            raise ValueError('there must be at least two phases: write a single one as a plan')
        for number, phase in enumerate(phases[:-1]):
            if phase.strategy not in _CAN_PROMOTE_LATER:
                raise ValueError(
                    f'entry {number} is {phase.strategy.value}, which promotes: make it the last'
                )
            if getattr(phase, 'promote', False):
                raise ValueError(
                    f"entry {number} has 'promote', but only the last entry promotes: remove it"
                )
        return phases

    @model_validator(mode='after')
    def _one_version(self) -> Phases:
        for number, phase in enumerate(self.phases):
            for name, given, meant in (
                ('modelId', phase.model_id, self.model_id),
                ('version', phase.version, self.version),
            ):
                if given != meant:
                    raise ValueError(
                        f"phases.{number}.{name} is '{given}', but the plan says '{meant}': "
                        'remove it, a rollout has one version'
                    )
            for name in _OF_THE_WHOLE:
                if getattr(phase, name) != getattr(self, name):
                    raise ValueError(
                        f'phases.{number}.{to_camel(name)} must be the same for the whole plan: '
                        "write it beside 'phases'"
                    )
        return self

    @property
    def effective_stages(self) -> tuple[Stage, ...]:
        """Return the stages of all phases."""
        return tuple(stage for phase in self.phases for stage in phase.effective_stages)

    def fit(self, fleet: Sequence[Robot]) -> None:
        """Check that every phase fits the fleet."""
        for phase in self.phases:
            phase.fit(fleet)

    def steps(self, fleet: Sequence[Robot], salt: str) -> list[Step]:
        """Return the steps of the phases, with the same choice of robots in all of them."""
        steps: list[Step] = []
        for number, phase in enumerate(self.phases, start=1):
            shared = tuple(dict.fromkeys(name for step in steps for name in step.robots))
            before = self.phases[number - 2] if number > 1 else phase
            if shared and (isinstance(phase, _FROM_SCRATCH) or isinstance(before, Shadow)):
                steps.append(stop_serving(phase, shared))
            steps += [self._of_phase(step, phase, number) for step in phase.steps(fleet, salt)]
        return steps

    def admits(self, robot: Robot) -> bool:
        """Return whether every phase admits the robot."""
        return all(phase.admits(robot) for phase in self.phases)

    def _of_phase(self, step: Step, phase: BasePlan, number: int) -> Step:
        lost = phase.max_unreachable if step.max_unreachable is None else step.max_unreachable
        failed = phase.max_failed if step.max_failed is None else step.max_failed
        update: dict[str, Any] = {
            'label': f'phase {number}' + (f', {step.label}' if step.label else ''),
            'max_unreachable': lost,
            'max_failed': failed,
            'on_inconclusive': phase.on_inconclusive,
        }
        if step.watch is not None:
            update['watch'] = self._part_of_alpha(step.watch, number)
        return step.model_copy(update=update)

    def _part_of_alpha(self, watch: Watch, number: int) -> Watch:
        alpha = watch.criteria.alpha / len(self.phases)
        criteria = watch.criteria.model_copy(update={'alpha': alpha})
        return watch.model_copy(update={'name': f'{number}: {watch.name}', 'criteria': criteria})


def stop_serving(plan: BasePlan, robots: tuple[str, ...], *, if_kept: bool = False) -> SetRouting:
    """Return the step after which the robots serve their stable version only."""
    return SetRouting(
        robots=tuple(sorted(robots)),
        candidate_share=0.0,
        timeout_s=plan.timeout_s,
        if_kept=if_kept,
    )


def _filled_in(data: dict[Any, Any], phase: Any, *, is_last: bool) -> Any:
    if not isinstance(phase, dict):
        return phase
    filled = dict(phase)
    for name in (*_INHERITED, *(_OF_THE_LAST if is_last else ())):
        alias = Phases.model_fields[name].alias
        given = next((data[key] for key in (alias, name) if key in data), None)
        if given is not None and not {alias, name} & phase.keys():
            filled[name] = given
    if not is_last and phase.get('strategy') in _CAN_PROMOTE_LATER and 'promote' not in phase:
        filled['promote'] = False
    return filled
