# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The kinds of events."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Protocol

from pydantic import BaseModel, field_validator


class EventKind(str, enum.Enum):
    """What events tell of: docs/interfaces.md says each in a sentence."""

    STARTED = 'started'
    OVERRIDE = 'override'
    WINDOW = 'window'
    OPENED = 'opened'
    STEP = 'step'
    JOINED = 'joined'
    SETTLING = 'settling'
    GATE = 'gate'
    FLAG = 'flag'
    VERDICT = 'verdict'
    RESTARTED = 'restarted'
    # Why it pauses, see PauseReason, and what ends that.
    BY_HAND = 'by_hand'
    APPROVAL = 'approval'
    INCONCLUSIVE = 'inconclusive'
    UNREACHABLE = 'unreachable'
    MISSING_DATA = 'missing_data'
    FAILED_QUERY = 'failed_query'
    OVERDUE = 'overdue'
    APPROVED = 'approved'
    RESUMED = 'resumed'
    SKIPPED = 'skipped'
    SHARE = 'share'
    # How it goes back, and ends, see Status.
    ROLLBACK = 'rollback'
    OWED = 'owed'
    TAKEN_OVER = 'taken_over'
    DIAGNOSIS = 'diagnosis'
    SUCCEEDED = 'succeeded'
    ROLLED_BACK = 'rolled_back'
    FAILED = 'failed'
    ABORTED = 'aborted'
    SUPERSEDED = 'superseded'
    VERIFIED = 'verified'
    PAID = 'paid'
    WAIVED = 'waived'
    # Of no rollout.
    QUARANTINED = 'quarantined'
    CLOCK = 'clock'
    SECOND_COORDINATOR = 'second_coordinator'


#: What never is an alert: nobody has to do anything about it.
QUIET = frozenset(
    {
        EventKind.STARTED,
        EventKind.WINDOW,
        EventKind.OPENED,
        EventKind.STEP,
        EventKind.JOINED,
        EventKind.SETTLING,
        EventKind.BY_HAND,
        EventKind.APPROVED,
        EventKind.RESUMED,
        EventKind.SKIPPED,
        EventKind.SHARE,
        EventKind.TAKEN_OVER,
        EventKind.DIAGNOSIS,
        EventKind.WAIVED,
    }
)

#: After these a robot is owed a rollback no longer: it confirmed, or is to serve something else.
SETTLED = (EventKind.PAID, EventKind.WAIVED)


class Level(str, enum.Enum):
    """How much an event matters to a person."""

    INFO = 'info'
    WARNING = 'warning'
    ERROR = 'error'


class Event(BaseModel):
    """
    Something that happened: `kind` says what, see Kind. `alert`: a person must know.

    `time` is in seconds since 1970.
    """

    time: float
    kind: str
    level: Level
    text: str
    robots: tuple[str, ...] = ()
    alert: bool = False

    @field_validator('kind', mode='before')
    @classmethod
    def _plain(cls, kind: str) -> str:
        return kind.value if isinstance(kind, EventKind) else kind


class Say(Protocol):
    """Tells people what happened."""

    def __call__(
        self,
        now: float,
        kind: EventKind,
        level: Level,
        text: str,
        robots: Sequence[str] = (),
        *,
        alert: bool = False,
    ) -> None:
        """Put down what happened; `alert`: a person must know."""


class EventLog:
    """Keeps events until they are taken."""

    def __init__(self) -> None:
        self._events: list[Event] = []

    def say(
        self,
        now: float,
        kind: EventKind,
        level: Level,
        text: str,
        robots: Sequence[str] = (),
        *,
        alert: bool = False,
    ) -> None:
        """Put down what happened; `alert`: a person must know."""
        self._events.append(
            Event(time=now, kind=kind, level=level, text=text, robots=tuple(robots), alert=alert)
        )

    def take(self) -> list[Event]:
        """Return what happened since the last call."""
        events, self._events = self._events, []
        return events
