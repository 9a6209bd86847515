# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the engine answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from numpy.typing import NDArray

from hotswap_ros.models import Cause


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
    cause: Cause | None
    latency_ms: float
    detail: str = ''
    is_safe_decision: bool = False


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """The version that a reported task is counted for, and the task's category."""

    version: str
    category: str
