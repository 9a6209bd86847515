# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Success criteria: the limits that a candidate must keep, and the method that judges them."""

from __future__ import annotations

import enum
from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic.alias_generators import to_snake

from hotswap_ros import limits
from hotswap_ros.models import LATENCY_EDGES_MS
from hotswap_ros.plan.section import Section
from hotswap_ros.text import points


class Method(str, enum.Enum):
    """The method that judges success; gates/checks/ has the methods."""

    SEQUENTIAL = 'sequential'
    FIXED = 'fixed'
    THRESHOLD = 'threshold'


class Control(str, enum.Enum):
    """The tasks that the candidate is compared with; gates/pairing/ has the comparisons."""

    WITHIN_ROBOTS = 'within_robots'
    ACROSS_ROBOTS = 'across_robots'
    FIXED = 'fixed'
    HISTORY = 'history'


class Preset(str, enum.Enum):
    """Sets of limits, after the model distribution strategies guide."""

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


#: The keys that ask for the checks that may be signals.
_KEYS = {
    'latency': 'maxLatencyMs',
    'latency_increase': 'maxLatencyIncrease',
    'errors': 'maxErrorRate',
    'grave_events': 'graveEvents',
    'categories': 'maxCategoryDrop',
    'progress': 'maxProgressDrop',
    'duration': 'maxDurationIncrease',
    'interventions': 'noMoreInterventions',
    'input_drift': 'maxInputDrift',
}


class SuccessCriteria(Section):
    """
    The limits that the candidate must keep; one that is None is not checked.

    Of the methods, `sequential` looks after every task and keeps `alpha` however often
    it looks; `fixed` tests once at the end of each stage; `threshold` compares the observed rates
    there and keeps no `alpha`.
    """

    preset: Preset | None = Field(
        None,
        description=(
            'Values for limits that are not given. `conservative` (for production): latency '
            'increase 10%, errors 1%, success drop 5 points. `aggressive`: 30%, 5%, 10 points.'
        ),
    )
    method: Method = Field(Method.SEQUENTIAL, description='How success is judged.')
    control: Control = Field(
        Control.WITHIN_ROBOTS, description='What the candidate is compared with.'
    )
    baseline_success_rate: float | None = Field(
        None,
        gt=0,
        lt=1,
        description='The success rate for `control: fixed`. Giving it selects that control.',
    )
    max_success_drop: float = Field(
        0.02,
        ge=0,
        lt=1,
        description=(
            'Tolerated drop in success rate against the control (0.02 means two points). '
            '`maxAccuracyDrop` is another name for it.'
        ),
    )
    max_category_drop: float | None = Field(
        None,
        gt=0,
        lt=1,
        description=(
            "Tolerated drop in any one task category, as a part of the control's rate there (0.5 "
            'means half of it). Not with the controls `fixed` and `history`, nor with '
            '`BlueGreen`.'
        ),
    )
    max_progress_drop: float | None = Field(
        None,
        ge=0,
        lt=1,
        description=(
            'Tolerated drop in the mean progress of tasks (0.02 means two points), as '
            '`maxSuccessDrop` for success. Robots report progress with `report_task`; without, a '
            'success counts as 1 and a failure as 0. Only with `method: sequential` and '
            '`control: within_robots`, as the next four.'
        ),
    )
    max_duration_increase: float | None = Field(
        None,
        ge=0,
        le=100,
        description=(
            "How much longer than the control's tasks may take on average (0.2 means 20%). Needs "
            '`durationLimitS`.'
        ),
    )
    duration_limit_s: float | None = Field(
        None,
        gt=0,
        le=limits.TASK_SECONDS,
        description=(
            'Seconds that a task counts as if it fails or takes longer. A little more than what '
            'tasks usually take.'
        ),
    )
    no_more_interventions: bool = Field(
        False,
        description='Whether people must not have to help more often than with the control.',
    )
    success_metric: Literal['success', 'progress'] = Field(
        'success',
        description=(
            'What `promoteOn: proven` proves: that success is at most `maxSuccessDrop` worse, or '
            'that progress is at most `maxProgressDrop` worse, which takes fewer tasks.'
        ),
    )
    max_latency_ms: float | None = Field(
        None,
        gt=0,
        le=LATENCY_EDGES_MS[-1],
        description="Limit of the 95th percentile of the candidate's inference latency.",
    )
    max_latency_increase: float | None = Field(
        None,
        ge=0,
        le=100,
        description=(
            "How much slower than the control's that percentile may be (0.2 means 20%), rounded "
            'up to the next edge of the latency histogram.'
        ),
    )
    max_error_rate: float | None = Field(
        None, gt=0, lt=1, description='Share of its requests that the candidate may fail.'
    )
    max_stuck_per_robot: int | None = Field(
        10,
        ge=0,
        description=(
            'A robot that gets stuck in more of its last 100 tasks on the candidate than this '
            'stops the rollout at once, unless the control gets stuck as often.'
        ),
    )
    grave_events: tuple[Literal['stuck', 'fallback'], ...] = Field(
        ('stuck', 'fallback'),
        description=(
            'What must not be more frequent than with the control: stuck tasks, and tasks with a '
            'fallback (the guard replaced an answer). `[]` means none.'
        ),
    )
    min_shadow_agreement: float | None = Field(
        None,
        gt=0,
        lt=1,
        description='Share of its decisions that a shadow must make as the stable version does.',
    )
    max_input_drift: float | None = Field(
        None,
        gt=0,
        description=(
            "Limit of the population stability index of any input feature against the manifest's "
            '`input_statistics`. 0.2 is usual.'
        ),
    )
    max_unreachable_share: float | None = Field(
        None,
        ge=0,
        lt=1,
        description=(
            'Share of the robots that may be unreachable. Above it the gate is inconclusive.'
        ),
    )
    sample_ratio_alpha: float | None = Field(
        None,
        ge=0,
        lt=0.5,
        description=(
            'The gate is inconclusive if the observed split of the tasks is less likely than this '
            'under the planned split; 0: the split is not checked. If not given, 0.001 with '
            '`method: sequential` and `control: within_robots`, whose evidence rests on the '
            'split, and otherwise 0.'
        ),
    )
    signals: tuple[
        Literal[
            'latency',
            'latency_increase',
            'errors',
            'grave_events',
            'categories',
            'progress',
            'duration',
            'interventions',
            'input_drift',
        ],
        ...,
    ] = Field(
        (),
        description=(
            'Checks that pause the rollout when they fail, in place of rolling it back, so that a '
            'person decides. `unreachable` and `sample_ratio` always do.'
        ),
    )
    harm_null: Literal['not_worse', 'not_worse_than_tolerance', 'not_worse_on_average'] = Field(
        'not_worse',
        description=(
            'What must be disproved to roll back: that the candidate is not worse at all, not '
            'worse by more than the tolerance, or not worse on average over all tasks so far '
            '(only with `method: sequential` and `control: within_robots`; the average is of '
            'success).'
        ),
    )
    alpha: float = Field(
        0.05,
        gt=0,
        lt=0.5,
        description=(
            'Probability that an equal candidate is rolled back, over the whole rollout and all '
            'checks.'
        ),
    )

    @model_validator(mode='before')
    @classmethod
    def _other_words(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        accuracy = [key for key in ('maxAccuracyDrop', 'max_accuracy_drop') if key in data]
        success = [key for key in ('maxSuccessDrop', 'max_success_drop') if key in data]
        if accuracy and success:
            raise ValueError(
                f"'{accuracy[0]}' and '{success[0]}' are two names of one limit: write one of them"
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
                "control 'fixed' needs 'baselineSuccessRate', the success rate of the previous "
                "version: add it, such as 'baselineSuccessRate: 0.92'"
            )
        if self.control is not Control.FIXED and given is not None:
            raise ValueError(
                f"'baselineSuccessRate' is {given:g}, but control '{self.control.value}' measures "
                "this rate: remove one of them, or set 'control' to 'fixed'"
            )
        return self

    @model_validator(mode='after')
    def _categories_have_a_control(self) -> SuccessCriteria:
        if self.max_category_drop is not None and self.control in (Control.FIXED, Control.HISTORY):
            raise ValueError(
                "'maxCategoryDrop' needs a control at the same time, which control "
                f"'{self.control.value}' does not have: remove 'maxCategoryDrop', or set "
                "'control' to 'within_robots' or 'across_robots'"
            )
        return self

    @model_validator(mode='after')
    def _figures_are_of_drawn_tasks(self) -> SuccessCriteria:
        asked = self.asked_figures
        if asked and self.control is not Control.WITHIN_ROBOTS:
            raise ValueError(
                f"'{asked[0]}' compares tasks whose version was drawn on the same robot, which "
                f"control '{self.control.value}' does not: remove '{asked[0]}', or set 'control' "
                "to 'within_robots'"
            )
        if asked and self.method is not Method.SEQUENTIAL:
            raise ValueError(
                f"'{asked[0]}' is judged after every task, which method '{self.method.value}' "
                f"does not do: remove '{asked[0]}', or set 'method' to 'sequential'"
            )
        return self

    @model_validator(mode='after')
    def _averages_are_of_drawn_tasks(self) -> SuccessCriteria:
        if not self.is_on_average:
            return self
        if self.control is not Control.WITHIN_ROBOTS or self.method is not Method.SEQUENTIAL:
            raise ValueError(
                "'harmNull' is 'not_worse_on_average', which needs control 'within_robots' and "
                f"method 'sequential', found '{self.control.value}' and '{self.method.value}': "
                "set them so, or set 'harmNull' to 'not_worse'"
            )
        return self

    @model_validator(mode='after')
    def _figures_are_complete(self) -> SuccessCriteria:
        if self.max_duration_increase is not None and self.duration_limit_s is None:
            raise ValueError(
                "'maxDurationIncrease' needs 'durationLimitS', the seconds that a failed task "
                "counts as: add it, such as 'durationLimitS: 60'"
            )
        if self.duration_limit_s is not None and self.max_duration_increase is None:
            raise ValueError(
                f"'durationLimitS' is {self.duration_limit_s:g}, but no duration is compared: add "
                "'maxDurationIncrease', such as 0.2, or remove 'durationLimitS'"
            )
        if self.success_metric == 'progress' and self.max_progress_drop is None:
            raise ValueError(
                "'successMetric' is 'progress', but 'maxProgressDrop' is not given: add it, such "
                "as 'maxProgressDrop: 0.02', or remove 'successMetric'"
            )
        return self

    @model_validator(mode='after')
    def _signals_are_checked(self) -> SuccessCriteria:
        for name in self.signals:
            key = _KEYS[name]
            asked = getattr(self, to_snake(key))
            if asked is None or asked is False or asked == ():
                raise ValueError(
                    f"'signals' has '{name}', which is not checked: add '{key}', or remove it"
                )
            if name == self.success_metric:
                raise ValueError(
                    f"'{name}' cannot be in 'signals' and be the 'successMetric': remove one"
                )
        return self

    @property
    def is_on_average(self) -> bool:
        """Return whether a rollback needs evidence that the candidate is worse on average."""
        return self.harm_null == 'not_worse_on_average'

    @property
    def proof_words(self) -> str:
        """Return what is proven of a version that is promoted, in words."""
        if self.success_metric == 'progress':
            return f'at most {points(self.max_progress_drop or 0.0)} lower in progress'
        return f'at most {points(self.max_success_drop)} worse'

    @property
    def asked_figures(self) -> tuple[str, ...]:
        """Return the keys that compare figures of tasks whose version was drawn."""
        return tuple(
            key
            for key, is_asked in (
                ('maxProgressDrop', self.max_progress_drop is not None),
                ('maxDurationIncrease', self.max_duration_increase is not None),
                ('noMoreInterventions', self.no_more_interventions),
            )
            if is_asked
        )

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
