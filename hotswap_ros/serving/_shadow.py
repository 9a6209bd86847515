# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Shadowing: a version decides beside the stable one, in its worker, and never acts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.models import Cause, Comparison, Metric


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
    cause: Cause | None = None


class Primary(NamedTuple):
    """Whose decision a shadow's is compared with."""

    task_id: str
    version: str
    latency_ms: float


class Verdict(NamedTuple):
    """What the worker found out about one sample; `drops` are samples that came to nothing."""

    comparison: ShadowComparison | None
    drops: int = 0


Listener = Callable[[list[Verdict]], None]


def distance_of(
    metric: Metric, ones: Mapping[str, NDArray[Any]], others: Mapping[str, NDArray[Any]]
) -> float:
    """Return the distance over all elements of all of `ones`."""
    differences = np.concatenate(
        [
            (array.astype(np.float64) - others[name].astype(np.float64)).ravel()
            for name, array in ones.items()
        ]
    )
    if metric is Metric.MAX:
        return float(np.abs(differences).max())
    length = float(np.linalg.norm(differences))
    return length / math.sqrt(differences.size) if metric is Metric.RMS else length


def agrees(comparison: Comparison, distance: float) -> bool:
    """Return whether a distance is within the tolerance."""
    return distance <= comparison.tolerance
