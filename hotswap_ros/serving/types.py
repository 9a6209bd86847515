# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Answers of the engine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from numpy.typing import NDArray

from hotswap_ros import limits
from hotswap_ros.models import PROGRESS_UNIT, Chunk, FailureCause, TaskCounts, succeeded
from hotswap_ros.serving.errors import InvalidReportError


class Decision(NamedTuple):
    """
    The outputs for one observation, and the version that decided.

    With `fallback`, `version` is the stable one, `cause` says why it answered for another, and
    `detail` is the error message of the runtime, if it raised. With `is_safe_decision`, stable
    failed too, and `outputs` is the safe decision of its manifest. `latency_ms` is the time from
    the request to its answer. `chunk` says how to play outputs that have several steps.
    """

    outputs: dict[str, NDArray[Any]]
    version: str
    fallback: bool
    cause: FailureCause | None
    latency_ms: float
    detail: str = ''
    is_safe_decision: bool = False
    chunk: Chunk | None = None


@dataclass(frozen=True, slots=True)
class TaskReport:
    """
    How a task ended, as robot code reports it.

    `progress` is the part of the task that was done, 0 to 1; None: 1 if it succeeded, else 0.
    `duration_s` is the time from its begin to its end in seconds; None: measured from the first
    observation to the report. `interventions` counts how often a person had to help. Raises
    InvalidReportError.
    """

    success: bool
    stuck: bool = False
    progress: float | None = None
    duration_s: float | None = None
    interventions: int = 0

    def __post_init__(self) -> None:
        if self.progress is not None and not 0 <= self.progress <= 1:
            remedy = 'report the part of the task that was done, from 0 to 1, or leave it out'
            raise InvalidReportError('progress', self.progress, remedy)
        if self.duration_s is not None and not 0 <= self.duration_s <= limits.TASK_SECONDS:
            remedy = f'report seconds, from 0 to {limits.TASK_SECONDS:,.0f}, or leave it out'
            raise InvalidReportError('duration_s', self.duration_s, remedy)
        if not 0 <= self.interventions <= limits.INTERVENTIONS:
            remedy = f'report a number from 0 to {limits.INTERVENTIONS:,}'
            raise InvalidReportError('interventions', self.interventions, remedy)

    def counts(self, measured_s: float) -> TaskCounts:
        """Return what it adds to the counts; `measured_s` is its duration if not reported."""
        won = succeeded(self.success, self.stuck)
        duration_s = measured_s if self.duration_s is None else self.duration_s
        progress = float(won) if self.progress is None else self.progress
        return TaskCounts(
            finished=1,
            succeeded=int(won),
            stuck=int(self.stuck),
            progress=round(PROGRESS_UNIT * progress),
            progress_reports=int(self.progress is not None),
            duration_ms=math.ceil(1e3 * duration_s) if won else 0,
            interventions=self.interventions,
        )


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """The version that a reported task counts for, and the category of the task."""

    version: str
    category: str


@dataclass(frozen=True, slots=True)
class ShadowComparison:
    """
    The decisions of stable and shadow on one observation.

    `distance` is by the metric of the shadow, in the unit of its outputs; `agreement` is whether
    it is within the tolerance. A shadow that failed has a `cause`, no outputs and an infinite
    distance. Latencies are those of the runs; the shadow runs in the lowest scheduling class.
    """

    task_id: str
    stable_version: str
    shadow_version: str
    stable_outputs: dict[str, NDArray[Any]]
    shadow_outputs: dict[str, NDArray[Any]]
    distance: float
    agreement: bool
    stable_latency_ms: float
    shadow_latency_ms: float
    cause: FailureCause | None = None
