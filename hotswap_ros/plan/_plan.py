# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The plan file as a type. Keys may be written in camelCase or in snake_case."""

from __future__ import annotations

import difflib
import enum
import itertools
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.alias_generators import to_camel

from hotswap_ros.models import LATENCY_EDGES_MS

#: ISO 8601 ("PT15M") or a number of seconds.
Duration = Annotated[timedelta, Field(ge=timedelta(0))]


class Strategy(str, enum.Enum):
    """How a version is brought to the fleet."""

    CANARY = 'Canary'


class _Section(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra='forbid',
        frozen=True,
        allow_inf_nan=False,
    )

    @model_validator(mode='before')
    @classmethod
    def _keys_are_known(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        spellings = {name: name for name in cls.model_fields}
        spellings |= {to_camel(name): name for name in cls.model_fields}
        seen: dict[str, str] = {}
        for key in data:
            name = spellings.get(key)
            if name is None:
                raise ValueError(_unknown_key(key, spellings))
            if name in seen:
                raise ValueError(f"'{seen[name]}' and '{key}' are one key: write it once")
            seen[name] = key
        return data

    @field_validator('*', mode='before')
    @classmethod
    def _yes_is_no_number(cls, value: Any) -> Any:
        # YAML reads "yes" and "on" as true, which would otherwise pass for 1.
        if isinstance(value, bool):
            raise ValueError(f"must not be '{'yes' if value else 'no'}': write a value")
        return value


def _unknown_key(key: object, spellings: dict[str, str]) -> str:
    near = difflib.get_close_matches(str(key), spellings, n=1, cutoff=0.5)
    known = ', '.join(to_camel(name) for name in dict.fromkeys(spellings.values()))
    remedy = f"did you mean '{near[0]}'?" if near else f'known here: {known}'
    return f"unknown key '{key}': {remedy}"


class SuccessCriteria(_Section):
    """
    What the candidate must hold; a criterion that is None is not checked.

    `max_success_drop` is the tolerated loss in success rate against the control (0.02: two
    points). `max_latency_ms` limits the 95th percentile of the candidate's inference latency,
    `max_error_rate` the share of its requests that fail, `max_stuck_per_robot` its stuck tasks on
    any one robot.

    `harm_null` is what has to be disproved to roll back: that the candidate is not worse at all,
    or not worse by more than the tolerance. `alpha` is the probability of rolling back an equal
    candidate, over the whole rollout and all checks together.
    """

    max_success_drop: float = Field(0.02, ge=0, lt=1)
    max_latency_ms: float | None = Field(None, gt=0, le=LATENCY_EDGES_MS[-1])
    max_error_rate: float | None = Field(None, gt=0, lt=1)
    max_stuck_per_robot: int | None = Field(10, ge=0)
    harm_null: Literal['not_worse', 'not_worse_than_tolerance'] = 'not_worse'
    alpha: float = Field(0.05, gt=0, lt=0.5)


class Stage(_Section):
    """
    One step up: a percentage of the robots, watched for a number of tasks and for a time.

    Both must be in before the stage can pass: `tasks` counts tasks that the candidate finished,
    `duration` is the least time. `timeout` is how long to wait for the tasks before the stage is
    called inconclusive. `control_share` is the share of the robots' tasks that stays on the
    previous version as the concurrent control; by default half, and a tenth in the last stage.
    """

    percentage: float = Field(gt=0, le=100)
    tasks: int | None = Field(None, ge=1)
    duration: Duration | None = None
    timeout: Duration = timedelta(hours=24)
    control_share: float | None = Field(None, gt=0, lt=1)

    @model_validator(mode='after')
    def _has_an_end(self) -> Stage:
        if self.tasks is None and self.duration is None:
            raise ValueError("a stage needs 'tasks', 'duration' or both: else it has no end")
        return self

    @property
    def candidate_share(self) -> float:
        """Return the share of the cohort's tasks that the candidate serves."""
        if self.control_share is not None:
            return 1.0 - self.control_share
        return 0.5 if self.percentage < 100 else 0.9


class Plan(_Section):
    """
    A rollout as somebody asked for it.

    A canary has either `stages` or the short form `canary_percentage` and `canary_duration`, which
    stands for two stages of that length. `confirm_timeout` is how long reachable robots may take
    to load the version or to confirm a routing; `lease` is how long a robot goes on serving the
    candidate without hearing from the coordinator; `max_unreachable` is how many robots of a
    cohort may be out of reach before the rollout pauses.
    """

    model_id: str = Field(min_length=1)
    version: str = Field(min_length=1)
    strategy: Strategy
    stages: tuple[Stage, ...] = ()
    canary_percentage: float | None = Field(None, gt=0, lt=100)
    canary_duration: Duration | None = None
    success_criteria: SuccessCriteria = SuccessCriteria()
    confirm_timeout: Duration = timedelta(minutes=2)
    lease: Annotated[Duration, Field(ge=timedelta(seconds=3))] = timedelta(seconds=10)
    max_unreachable: int = Field(0, ge=0)

    @model_validator(mode='after')
    def _stages_climb_to_everybody(self) -> Plan:
        if self.stages and self.canary_percentage is not None:
            raise ValueError("give either 'stages' or 'canaryPercentage', not both")
        if (self.canary_percentage is None) != (self.canary_duration is None):
            raise ValueError("'canaryPercentage' and 'canaryDuration' go together: give both")
        stages = self.effective_stages
        if not stages:
            raise ValueError("a canary needs 'stages', or 'canaryPercentage' and 'canaryDuration'")
        percentages = [stage.percentage for stage in stages]
        if any(b <= a for a, b in itertools.pairwise(percentages)):
            raise ValueError(
                f'the percentages of the stages must rise, these do not: {percentages}'
            )
        if percentages[-1] != 100:
            raise ValueError(
                f'the last stage stops at {percentages[-1]:g}%: end with a stage of 100'
            )
        return self

    @property
    def effective_stages(self) -> tuple[Stage, ...]:
        """Return the stages, the short form written out."""
        if self.canary_percentage is None:
            return self.stages
        return (
            Stage(percentage=self.canary_percentage, duration=self.canary_duration),
            Stage(percentage=100, duration=self.canary_duration),
        )
