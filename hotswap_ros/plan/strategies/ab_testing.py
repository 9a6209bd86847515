# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""ABTesting: two versions at the same time, and the better one for everybody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field, model_validator

from hotswap_ros.plan.base import BasePlan, Strategy
from hotswap_ros.plan.criteria import Control, SuccessCriteria
from hotswap_ros.plan.errors import PlanError
from hotswap_ros.plan.section import Section
from hotswap_ros.plan.stages import Duration, Robot, all_of, select_cohort
from hotswap_ros.plan.steps import ChooseWinner, Observe, SetRouting, Step, Watch
from hotswap_ros.text import counted


class ModelVersion(Section):
    """A version of a model."""

    model_id: str = Field(min_length=1)
    version: str = Field(min_length=1)


class WinnerCriteria(Section):
    """
    When B wins; see ChooseWinner. `accuracy` is another name for `success_rate`.

    `cost` is the computing time that a version takes for a task.
    """

    metric: Literal['accuracy', 'success_rate', 'latency', 'cost'] = 'success_rate'
    minimum_improvement: float = Field(0.0, ge=0, lt=1)
    significance: float = Field(0.05, gt=0, lt=0.5)


class ABTesting(BasePlan):
    """
    `model_a`, which the robots serve, against `model_b`, for `test_duration` and `tasks` of each.

    Robots host one model each and versions are looked up in A's: the versions of B under a name of
    its own must be there as versions of A. `assignment` deals out `robots` by a keyed hash, half
    of them to each, or every robot's `tasks`. `percentage` of the robots take part. B wins as
    `winner_criteria` say and is then promoted on all of them; without a winner A stays. Harm by
    either ends the test early.
    """

    strategy: Literal[Strategy.AB_TESTING] = Strategy.AB_TESTING
    model_a: ModelVersion
    model_b: ModelVersion
    test_duration: Duration | None = None
    tasks: int | None = Field(None, ge=1)
    timeout: Duration = timedelta(days=30)
    assignment: Literal['robots', 'tasks'] = 'robots'
    percentage: float = Field(100, gt=0, le=100)
    winner_criteria: WinnerCriteria = WinnerCriteria()

    @model_validator(mode='before')
    @classmethod
    def _name_the_model(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        a, b = (_section(data, *names) for names in (('modelA', 'model_a'), ('modelB', 'model_b')))
        filled = dict(data)
        if not {'modelId', 'model_id'} & data.keys() and 'modelId' in a:
            filled['modelId'] = a['modelId']
        if 'version' not in data and 'version' in b:
            filled['version'] = b['version']
        return filled

    @model_validator(mode='after')
    def _is_a_test(self) -> ABTesting:
        if not (self.tasks or self.test_duration):
            raise ValueError("a test needs 'testDuration', 'tasks' or both: else it has no end")
        for name, given, meant in (
            ('modelId', self.model_id, self.model_a.model_id),
            ('version', self.version, self.model_b.version),
        ):
            if given != meant:
                raise ValueError(
                    f"'{name}' is '{given}', but the models to compare say '{meant}': remove it"
                )
        if self.model_a.version == self.version:
            raise ValueError(f"'{self.version}' cannot be compared with itself: name two versions")
        asked = self.success_criteria.control
        if asked not in (SuccessCriteria().control, self._control):
            raise ValueError(
                f"successCriteria.control is '{asked.value}', but with assignment "
                f"'{self.assignment}' it is '{self._control.value}': remove it"
            )
        return self

    @property
    def _control(self) -> Control:
        by_robots = self.assignment == 'robots'
        return Control.ACROSS_ROBOTS if by_robots else Control.WITHIN_ROBOTS

    def watch(self, stages: int = 1) -> Watch:
        """Return the gate that guards both: A has lost early when B is better by enough."""
        criteria = self.success_criteria.model_copy(update={'control': self._control})
        least = self.winner_criteria.minimum_improvement
        by_success = self.winner_criteria.metric in ('accuracy', 'success_rate')
        of_a: dict[str, object] = {'alpha': self.winner_criteria.significance}
        if by_success and least:
            of_a |= {'max_success_drop': least, 'harm_null': 'not_worse_than_tolerance'}
        return (
            super()
            .watch(stages)
            .model_copy(
                update={
                    'criteria': criteria,
                    'control_criteria': criteria.model_copy(update=of_a),
                }
            )
        )

    def steps(self, fleet: Sequence[Robot], salt: str) -> list[Step]:
        """Deal out, watch, choose, and promote the winner."""
        _refuse_other_versions(self, fleet)
        everyone = select_cohort(fleet, self.percentage, salt)
        group_b = everyone
        if self.assignment == 'robots':
            group_b = _half(fleet, everyone, salt)
        rest = tuple(robot for robot in everyone if robot not in group_b)
        share = 0.5 if self.assignment == 'tasks' else 1.0
        steps: list[Step] = [
            self.load_step(group_b),
            SetRouting(
                robots=group_b,
                candidate_share=share,
                watch=self.watch(),
                timeout_s=self.timeout_s,
            ),
            Observe(
                robots=everyone,
                tasks=self.tasks or 0,
                duration_s=self.test_duration.total_seconds() if self.test_duration else 0.0,
                each_arm=True,
                timeout_s=self.timeout.total_seconds(),
            ),
            _choice(self, everyone),
        ]
        if rest:
            steps.append(self.load_step(rest))
        return [*steps, self.promote_step(everyone)]

    def admits(self, robot: Robot) -> bool:
        """Nobody joins a test that is under way: the robots were dealt out when it began."""
        return False


def _section(data: dict[Any, Any], *names: str) -> dict[str, Any]:
    """Return one of the models, its keys in camelCase; empty when it is not there."""
    found = next((data[name] for name in names if name in data), None)
    if isinstance(found, ModelVersion):
        return found.model_dump(by_alias=True)
    if not isinstance(found, dict):
        return {}
    renamed = {'model_id': 'modelId'}
    return {renamed.get(str(key), str(key)): value for key, value in found.items()}


def _refuse_other_versions(plan: ABTesting, fleet: Sequence[Robot]) -> None:
    others = [robot for robot in fleet if robot.serves not in ('', plan.model_a.version)]
    if others:
        names = ', '.join(f'{r.robot_id} ({r.serves})' for r in others[:5])
        more = ' …' if len(others) > 5 else ''
        raise PlanError(
            [
                (
                    f'modelA: {counted(others)} do not serve {plan.model_a.version}: {names}'
                    f'{more}: roll it out to them first, with strategy Direct'
                )
            ]
        )


def _half(fleet: Sequence[Robot], everyone: tuple[str, ...], salt: str) -> tuple[str, ...]:
    if len(everyone) < 2:
        raise PlanError(
            [
                (
                    f"assignment: 'robots' needs two robots at least, {counted(all_of(fleet))} in "
                    "reach: use assignment 'tasks'"
                )
            ]
        )
    members = [robot for robot in fleet if robot.robot_id in everyone]
    # A key of its own: else the arms would go with who takes part.
    return select_cohort(members, 50, f'{salt}/arms')


def _choice(plan: ABTesting, robots: tuple[str, ...]) -> ChooseWinner:
    asked = plan.winner_criteria
    metric: Literal['success_rate', 'latency', 'cost'] = (
        'success_rate' if asked.metric == 'accuracy' else asked.metric
    )
    return ChooseWinner(
        robots=robots,
        metric=metric,
        minimum_improvement=asked.minimum_improvement,
        significance=asked.significance,
    )
