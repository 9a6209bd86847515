# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""ABTesting: two versions at the same time, then the better one on all robots."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field, model_validator

from hotswap_ros.plan.base import BasePlan, Strategy
from hotswap_ros.plan.criteria import Control, SuccessCriteria
from hotswap_ros.plan.durations import Duration
from hotswap_ros.plan.errors import PlanError
from hotswap_ros.plan.section import Section
from hotswap_ros.plan.stages import Robot, all_of, select_cohort
from hotswap_ros.plan.steps import ChooseWinner, SetRouting, Step, Watch
from hotswap_ros.text import counted


class ModelVersion(Section):
    """A version of a model."""

    model_id: str = Field(min_length=1, description='The model.')
    version: str = Field(min_length=1, description='The version.')


class WinnerCriteria(Section):
    """
    The conditions under which B wins; see ChooseWinner.

    `accuracy` is another name for `success_rate`; `cost` is the computing time per task.
    """

    metric: Literal['accuracy', 'success_rate', 'latency', 'cost'] = Field(
        'success_rate',
        description=(
            'What is compared. `success_rate` (also called `accuracy`): improvement in points. '
            '`latency`: 95th percentile, improvement as a part (0.02 means 2% less). `cost`: '
            'computing time per task, improvement as a part.'
        ),
    )
    minimum_improvement: float = Field(
        0.0, ge=0, lt=1, description='How much better B has to be at least.'
    )
    significance: float = Field(0.05, gt=0, lt=0.5, description='Level of the two-sided test.')


class ABTesting(BasePlan):
    """
    A comparison of `model_a`, which the robots serve, with `model_b`.

    A robot hosts one model. If the models have different names, the version of B is looked up
    among the versions of A's model. If B wins by `winner_criteria`, it is promoted on all robots
    of the test; without a winner A stays. Harm by either version ends the test early.
    """

    strategy: Literal[Strategy.AB_TESTING] = Strategy.AB_TESTING
    model_a: ModelVersion = Field(description='The version that the robots serve.')
    model_b: ModelVersion = Field(description='The version that is compared with it.')
    test_duration: Duration | None = Field(None, description='Minimum time of the test.')
    tasks: int | None = Field(None, ge=1, description='Tasks that each version has to finish.')
    timeout: Duration = Field(timedelta(days=30), description='How long to wait for the tasks.')
    assignment: Literal['robots', 'tasks'] = Field(
        'robots',
        description=(
            '`robots`: half of the robots get B, chosen by a keyed hash. `tasks`: every robot '
            'serves both versions.'
        ),
    )
    percentage: float = Field(
        100, gt=0, le=100, description='Percentage of the robots that take part.'
    )
    winner_criteria: WinnerCriteria = Field(WinnerCriteria(), description='When B wins.')

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
            raise ValueError("an A/B test needs an end: add 'testDuration', 'tasks' or both")
        for name, given, meant in (
            ('modelId', self.model_id, self.model_a.model_id),
            ('version', self.version, self.model_b.version),
        ):
            if given != meant:
                raise ValueError(
                    f"'{name}' is '{given}', but 'modelA' and 'modelB' say '{meant}': remove it"
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
        """Return the gate that watches both versions; A loses early if B is better by enough."""
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
                update={'criteria': criteria, 'control_criteria': criteria.model_copy(update=of_a)}
            )
        )

    def steps(self, fleet: Sequence[Robot], salt: str) -> list[Step]:
        """Assign robots or tasks, watch, choose, and promote the winner."""
        _refuse_other_versions(self, fleet)
        everyone = select_cohort(fleet, self.percentage, salt)
        robots_b = everyone
        if self.assignment == 'robots':
            robots_b = _half(fleet, everyone, salt)
        rest = tuple(robot for robot in everyone if robot not in robots_b)
        share = 0.5 if self.assignment == 'tasks' else 1.0
        steps: list[Step] = [
            self.load_step(robots_b),
            SetRouting(
                robots=robots_b,
                candidate_share=share,
                watch=self.watch(),
                timeout_s=self.timeout_s,
            ),
            self.observe_step(
                everyone, self.tasks, self.test_duration, self.timeout, each_arm=True
            ),
            _choice(self, everyone),
        ]
        if rest:
            steps.append(self.load_step(rest))
        return [*steps, self.promote_step(everyone)]

    def admits(self, robot: Robot) -> bool:
        """Return False: no robot joins a running test, whose robots are already assigned."""
        return False


def _section(data: dict[Any, Any], *names: str) -> dict[str, Any]:
    """Return one of the models with keys in camelCase; empty if it is missing."""
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
                    f"assignment: 'robots' needs at least two reachable robots, the fleet has "
                    f"{counted(all_of(fleet))}: set assignment to 'tasks'"
                )
            ]
        )
    members = [robot for robot in fleet if robot.robot_id in everyone]
    # Another key than for the choice of `everyone`: the two choices must be independent.
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
        needs_proof=metric != 'success_rate' and plan.proof is not None,
    )
