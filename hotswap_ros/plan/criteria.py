# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the candidate must hold, and how that is judged."""

from __future__ import annotations

import enum
from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic.alias_generators import to_snake

from hotswap_ros.models import LATENCY_EDGES_MS
from hotswap_ros.plan.section import Section


class Method(str, enum.Enum):
    """How success is judged."""

    SEQUENTIAL = 'sequential'
    FIXED = 'fixed'
    THRESHOLD = 'threshold'


class Control(str, enum.Enum):
    """What the candidate is compared with."""

    WITHIN_ROBOTS = 'within_robots'
    ACROSS_ROBOTS = 'across_robots'
    FIXED = 'fixed'
    HISTORY = 'history'


class Preset(str, enum.Enum):
    """Criteria that go together, after the model distribution strategies guide."""

    CONSERVATIVE = 'conservative'
    AGGRESSIVE = 'aggressive'


_PRESETS: dict[str, dict[str, float]] = {
    Preset.CONSERVATIVE: {
        'max_latency_increase': 0.1,
        'max_error_rate': 0.01,
        'max_success_drop': 0.05,
    },
    Preset.AGGRESSIVE: {
        'max_latency_increase': 0.3,
        'max_error_rate': 0.05,
        'max_success_drop': 0.1,
    },
}


class SuccessCriteria(Section):
    """
    What the candidate must hold; a criterion that is None is not checked.

    `preset` fills in those that are not given: `conservative` is for production, `aggressive` for
    development.

    `max_success_drop` is the tolerated loss in success rate against the control (0.02: two
    points); a plan may call it `maxAccuracyDrop`. `max_category_drop` is the tolerated loss
    in any one task category as a part of the control's rate there (0.5: half of it).
    `max_latency_ms` limits the 95th percentile of the candidate's inference latency,
    `max_latency_increase` that percentile against the control's (0.2: a fifth more),
    `max_error_rate` the share of its requests that fail, `max_stuck_per_robot` its stuck tasks on
    any one robot. `grave_events` must not be more frequent than with the control.
    `min_shadow_agreement` is the share of decisions that a shadow has to make as the stable
    version does; `max_input_drift` the population stability index of any input feature against
    the manifest's training statistics. `max_unreachable_share` of the robots may be out of reach,
    and `sample_ratio_alpha` is the probability below which the split of the tasks is not believed
    to be the one that was asked for: beyond either, nothing can be decided.

    `method`: `sequential` looks after every task and keeps its promise all the same; `fixed` tests
    once at the end of each stage; `threshold` compares the observed rates there, as people do by
    hand. `control` is what the candidate is compared with; `baseline_success_rate` is the number
    for `fixed`, and stands for that control. `harm_null` is what has to be disproved to roll
    back: that the candidate is not worse at all, or not worse by more than the tolerance. `alpha`
    is the probability of rolling back an equal candidate, over the whole rollout and all checks
    together.
    """

    preset: Preset | None = None
    method: Method = Method.SEQUENTIAL
    control: Control = Control.WITHIN_ROBOTS
    baseline_success_rate: float | None = Field(None, gt=0, lt=1)
    max_success_drop: float = Field(0.02, ge=0, lt=1)
    max_category_drop: float | None = Field(None, gt=0, lt=1)
    max_latency_ms: float | None = Field(None, gt=0, le=LATENCY_EDGES_MS[-1])
    max_latency_increase: float | None = Field(None, ge=0, le=100)
    max_error_rate: float | None = Field(None, gt=0, lt=1)
    max_stuck_per_robot: int | None = Field(10, ge=0)
    grave_events: tuple[Literal['stuck', 'fallback'], ...] = ('stuck', 'fallback')
    min_shadow_agreement: float | None = Field(None, gt=0, lt=1)
    max_input_drift: float | None = Field(None, gt=0)
    max_unreachable_share: float | None = Field(None, ge=0, lt=1)
    sample_ratio_alpha: float | None = Field(None, gt=0, lt=0.5)
    harm_null: Literal['not_worse', 'not_worse_than_tolerance'] = 'not_worse'
    alpha: float = Field(0.05, gt=0, lt=0.5)

    @model_validator(mode='before')
    @classmethod
    def _other_words(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        accuracy = [key for key in ('maxAccuracyDrop', 'max_accuracy_drop') if key in data]
        success = [key for key in ('maxSuccessDrop', 'max_success_drop') if key in data]
        if accuracy and success:
            raise ValueError(
                f"'{accuracy[0]}' and '{success[0]}' are two names of one limit: give one of them"
            )
        data = {'maxSuccessDrop' if key in accuracy else key: data[key] for key in data}
        if {'baselineSuccessRate', 'baseline_success_rate'} & data.keys():
            data.setdefault('control', Control.FIXED)
        return _with_preset(data)

    @model_validator(mode='after')
    def _control_and_number_agree(self) -> SuccessCriteria:
        given = self.baseline_success_rate
        if self.control is Control.FIXED and given is None:
            raise ValueError(
                "control 'fixed' needs the number that it stands for: add "
                "'baselineSuccessRate: 0.92' with the rate of the previous version"
            )
        if self.control is not Control.FIXED and given is not None:
            raise ValueError(
                f"'baselineSuccessRate' is {given:g}, but 'control' is '{self.control.value}', "
                "which measures it: leave one of the two out, or set 'control' to 'fixed'"
            )
        return self

    @model_validator(mode='after')
    def _categories_have_a_control(self) -> SuccessCriteria:
        if self.max_category_drop is not None and self.control in (Control.FIXED, Control.HISTORY):
            raise ValueError(
                "'maxCategoryDrop' needs a control at the same time, but 'control' is "
                f"'{self.control.value}': remove it, or compare within_robots or across_robots"
            )
        return self

    @property
    def needs_other_robots(self) -> bool:
        """Whether robots without the candidate are the control."""
        return self.control is Control.ACROSS_ROBOTS


def _with_preset(data: dict[str, Any]) -> dict[str, Any]:
    name = data.get('preset')
    preset = _PRESETS.get(name) if isinstance(name, str) else None
    if preset is None:
        return data
    given = {to_snake(str(key)) for key in data}
    return {**data, **{key: value for key, value in preset.items() if key not in given}}
