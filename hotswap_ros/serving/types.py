# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Answers of the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from numpy.typing import NDArray

from hotswap_ros.models import FailureCause


class Decision(NamedTuple):
    """
    The outputs for one observation, and the version that decided.

    With `fallback`, `version` is the stable one, `cause` says why it answered for another, and
    `detail` is the error message of the runtime, if it raised. With `is_safe_decision`, stable
    failed too, and `outputs` is the safe decision of its manifest. `latency_ms` is the time from
    the request to its answer.
    """

    outputs: dict[str, NDArray[Any]]
    version: str
    fallback: bool
    cause: FailureCause | None
    latency_ms: float
    detail: str = ''
    is_safe_decision: bool = False


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
