# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a checklist is held against: versions, robots and history, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field


class LabResult(BaseModel):
    """
    What a version did in tests before it saw a robot of the fleet.

    `success` is the share of its tasks that succeeded, `success_by_category` the same in each task
    category.
    """

    model_config = ConfigDict(extra='ignore', frozen=True, allow_inf_nan=False)

    success: float = Field(ge=0, le=1)
    success_by_category: dict[str, float] = Field(default_factory=dict)
    tasks: int = Field(0, ge=0)


@dataclass(frozen=True)
class VersionFacts:
    """
    What is known of a version; `problem` says why nothing is, with the remedy.

    `unbounded` are the outputs whose manifest leaves an element without a lower or upper bound.
    """

    size_bytes: int = 0
    unbounded: tuple[str, ...] = ()
    lab: LabResult | None = None
    problem: str = ''


@dataclass(frozen=True)
class RobotFacts:
    """
    One robot of the plan, as it reports itself.

    `serves` is its stable version, which `can_go_back` says is loaded and warm. `holds` says
    whether the candidate is, `size_bytes` is the candidate's (0: not known) and `warm_latency_ms`
    the 95th percentile of its warm-up there. `counters_age_s` is how old its newest counters are,
    and `clock_skew_s` by how much its clock is ahead of the coordinator's. None for each: not
    known.
    """

    robot_id: str
    serves: str
    can_go_back: bool = True
    resident_limit: int = 2
    disk_free_bytes: int | None = None
    holds: bool = False
    size_bytes: int = 0
    warm_latency_ms: float | None = None
    counters_age_s: float | None = None
    clock_skew_s: float | None = None


@dataclass(frozen=True)
class Rehearsal:
    """A rollback that a robot confirmed: when (seconds since 1970), and how long all took."""

    ended: float
    seconds: float


@dataclass(frozen=True)
class Facts:
    """
    Everything that a checklist is held against, at `now` (seconds since 1970).

    `robots` are those of the plan and `silent` those of its model that are out of reach. `steps`
    of the plan are `watched` by a gate. `versions` has what could be found out about each version;
    `rehearsals` the last confirmed rollback of each robot.
    """

    now: float
    robots: tuple[RobotFacts, ...] = ()
    silent: tuple[str, ...] = ()
    is_watched: bool = True
    versions: Mapping[str, VersionFacts] = field(default_factory=dict)
    rehearsals: Mapping[str, Rehearsal] = field(default_factory=dict)
