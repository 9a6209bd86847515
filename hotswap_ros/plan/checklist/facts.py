# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The facts that a checklist is compared with: versions, robots and history, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from hotswap_ros.models import Interface


class LabResult(BaseModel):
    """
    The results of a version in tests before it ran on a robot of the fleet.

    `success` is the share (0 to 1) of its tasks that succeeded, `success_by_category` the same in
    each task category.
    """

    model_config = ConfigDict(extra='ignore', frozen=True, allow_inf_nan=False)

    success: float = Field(ge=0, le=1)
    success_by_category: dict[str, float] = Field(default_factory=dict)
    tasks: int = Field(0, ge=0)


@dataclass(frozen=True)
class VersionFacts:
    """
    The facts on a version; `problem` says why they are not known, with the remedy.

    `unbounded` are the outputs that have an element without a lower or upper bound in the
    manifest. `interface` has its inputs and outputs, None: not known.
    """

    size_bytes: int = 0
    unbounded: tuple[str, ...] = ()
    lab: LabResult | None = None
    problem: str = ''
    interface: Interface | None = None


@dataclass(frozen=True)
class RobotFacts:
    """
    One robot of the plan, as it reports itself.

    `serves` is its stable version, empty for none; `is_stable_ready` says that this version is
    loaded and warm. `holds` says that the candidate is loaded, `size_bytes` is the size of the
    candidate (0: not known) and `warm_latency_ms` the 95th percentile of its warm-up on the robot.
    `counters_age_s` is the age of its newest counters. Its clock is `clock_skew_s` ahead of the
    coordinator's. None stands for what is not known.
    """

    robot_id: str
    serves: str
    is_stable_ready: bool = True
    resident_limit: int = 2
    disk_free_bytes: int | None = None
    holds: bool = False
    size_bytes: int = 0
    warm_latency_ms: float | None = None
    counters_age_s: float | None = None
    clock_skew_s: float | None = None


@dataclass(frozen=True)
class Rehearsal:
    """A rollback that a robot confirmed: its end in seconds since 1970, and how long it took."""

    ended: float
    seconds: float


@dataclass(frozen=True)
class Facts:
    """
    All facts that a checklist is compared with, at `now` (seconds since 1970).

    `robots` are the reachable robots of the plan and `unreachable` the other robots of its model.
    `is_watched` says whether a gate watches the plan. `versions` has the facts on each version,
    `rehearsals` the last confirmed rollback of each robot.
    """

    now: float
    robots: tuple[RobotFacts, ...] = ()
    unreachable: tuple[str, ...] = ()
    is_watched: bool = True
    versions: Mapping[str, VersionFacts] = field(default_factory=dict)
    rehearsals: Mapping[str, Rehearsal] = field(default_factory=dict)
