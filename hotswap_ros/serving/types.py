# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the engine answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from numpy.typing import NDArray

from hotswap_ros.models import FailureCause


class Decision(NamedTuple):
    """
    What the policy puts out for one observation, and which version decided.

    With `fallback`, `version` is the stable one, `cause` says why it answered for another, and
    `detail` what the runtime said, if it raised. With `is_safe_decision` stable failed too, and
    `outputs` is what its manifest declares safe. `latency_ms` is from taking the request to its
    answer.
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
    """The version that a reported task is counted for, and the task's category."""

    version: str
    category: str


@dataclass(frozen=True, slots=True)
class ShadowComparison:
    """
    Both decisions on one observation.

    `distance` is under the shadow's metric, in the unit of its outputs, `agreement` whether it is
    within its tolerance. A shadow that failed has a `cause`, no outputs and an infinite distance.
    Latencies are those of the runs; the shadow's is one in the lowest scheduling class.
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
