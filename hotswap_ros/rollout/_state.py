# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Everything that a rollout is, as one value that the journal can keep."""

from __future__ import annotations

import enum
from typing import Any

from pydantic import BaseModel, Field

from hotswap_ros.plan import Plan, Step


class Status(str, enum.Enum):
    """Where a rollout is. The last five are terminal."""

    PENDING = 'pending'
    RUNNING = 'running'
    PAUSED = 'paused'
    ROLLING_BACK = 'rolling_back'
    SUCCEEDED = 'succeeded'
    ROLLED_BACK = 'rolled_back'
    FAILED = 'failed'
    ABORTED = 'aborted'
    SUPERSEDED = 'superseded'

    @property
    def is_terminal(self) -> bool:
        """Return whether a rollout never leaves this status."""
        return self in _TERMINAL


_TERMINAL = frozenset(
    {Status.SUCCEEDED, Status.ROLLED_BACK, Status.FAILED, Status.ABORTED, Status.SUPERSEDED}
)


class PauseReason(str, enum.Enum):
    """Why a rollout is paused."""

    NONE = 'none'
    BY_HAND = 'by_hand'
    APPROVAL = 'approval'
    INCONCLUSIVE = 'inconclusive'
    UNREACHABLE = 'unreachable'


class Cause(str, enum.Enum):
    """Why a rollout did not succeed."""

    NONE = 'none'
    UNKNOWN_VERSION = 'unknown_version'
    DIGEST_MISMATCH = 'digest_mismatch'
    STAGING_FAILED = 'staging_failed'
    GATE_FAILED = 'gate_failed'
    CANCELED = 'canceled'
    TIMED_OUT = 'timed_out'
    SUPERSEDED = 'superseded'


class Level(str, enum.Enum):
    """How much an event matters to a person."""

    INFO = 'info'
    WARNING = 'warning'
    ERROR = 'error'


class Event(BaseModel):
    """Something that happened; `time` in seconds since 1970. `alert`: a person must know."""

    time: float
    kind: str
    level: Level
    text: str
    robots: tuple[str, ...] = ()
    alert: bool = False


class StepRecord(BaseModel):
    """When a step began and ended, in seconds since 1970."""

    started: float
    ended: float | None = None


class RolloutState(BaseModel):
    """
    The whole of a rollout. Times are seconds since 1970.

    `previous` maps every robot of the plan to the version that it served before. `staged`,
    `shares` and `promoted` are what the steps asked for so far; what each robot should serve
    follows from them and from `status`. `gate` is the gate's dump, taken with `saved_at`.
    """

    rollout_id: str
    plan: Plan
    steps: tuple[Step, ...]
    previous: dict[str, str]
    started: float
    status: Status = Status.RUNNING
    pause_reason: PauseReason = PauseReason.NONE
    cause: Cause = Cause.NONE
    reason: str = ''
    ended: float | None = None
    step_index: int = 0
    step_records: list[StepRecord] = Field(default_factory=list)
    paused_at: float | None = None
    rolling_back_since: float | None = None
    saved_at: float = 0.0
    tasks_at_step_start: int = 0
    staged: set[str] = Field(default_factory=set)
    shares: dict[str, float] = Field(default_factory=dict)
    promoted: set[str] = Field(default_factory=set)
    gate: dict[str, Any] | None = None
    gate_complete: bool = False

    @property
    def robots(self) -> tuple[str, ...]:
        """Return the robots of the plan, sorted."""
        return tuple(sorted(self.previous))

    @property
    def step(self) -> Step:
        """Return the step that is running, or the last one."""
        return self.steps[min(self.step_index, len(self.steps) - 1)]
