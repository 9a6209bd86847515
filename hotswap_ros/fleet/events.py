# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Events: what happened, for people; one log takes them all."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from pydantic import BaseModel


class EventKind(str, enum.Enum):
    """
    The kinds of events.

    `doc` says in one sentence what happened, and `may_alert` whether such an event can be an
    alert: something that a person has to know.
    """

    doc: str
    may_alert: bool

    def __new__(cls, value: str, doc: str = '', may_alert: bool = True) -> EventKind:
        """Make a member: its value, its sentence, and whether it may be an alert."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.doc = doc
        member.may_alert = may_alert
        return member

    def __str__(self) -> str:
        """Return the value, which is also the kind in msg/Alert and in reports."""
        return str.__str__(self)

    @classmethod
    def _missing_(cls, value: object) -> EventKind:
        return cls.UNKNOWN

    UNKNOWN = 'unknown', 'An event of a newer version, of a kind that this version does not know.'
    # The beginning of a rollout.
    STARTED = 'started', 'A rollout began, or waits for its deployment window.', False
    OVERRIDE = (
        'override',
        'A person overrides an item of the checklist, or promotes without a proof, by name.',
    )
    # Its steps.
    WINDOW = 'window', 'A step waits for the deployment window.', False
    OPENED = 'opened', 'The deployment window is open.', False
    STEP = 'step', 'A step began.', False
    JOINED = 'joined', 'A new robot takes part.', False
    SETTLING = 'settling', 'A stage waits for the matching control tasks to finish.', False
    GATE = 'gate', 'A stage ended: the verdict of the gate, or why there is none (an alert then).'
    PROOF = 'proof', 'A stage goes on until the candidate is proven.', False
    FLAG = 'flag', 'The share of a flag changed (an alert if it went down).'
    VERDICT = 'verdict', 'A trial or a shadow came to a conclusion.'
    RESTARTED = 'restarted', 'The coordinator was restarted and continues the rollout.'
    # Pauses: see PAUSE_EVENTS in hotswap_ros.rollout.
    BY_HAND = 'by_hand', 'A person paused the rollout.', False
    APPROVAL = 'approval', 'The rollout waits for the approval of a person.'
    INCONCLUSIVE = 'inconclusive', 'The gate could not decide.'
    UNREACHABLE = 'unreachable', 'The rollout paused: too many robots are unreachable.'
    MISSING_DATA = 'missing_data', 'The rollout paused: reachable robots send no counters.'
    FAILED_QUERY = 'failed_query', 'The rollout paused: the gate failed to judge several times.'
    OVERDUE = 'overdue', 'Nobody approved or refused in time.'
    APPROVED = 'approved', 'A person approved the next step.', False
    RESUMED = 'resumed', 'The rollout continues after a pause.', False
    SKIPPED = 'skipped', 'A person skipped the rest of a wait.', False
    EXCLUDED = (
        'excluded',
        'Robots no longer take part: unreachable for too long, failed, or excluded by a person.',
    )
    SHARE = 'share', 'A person set the share of tasks that the candidate takes.', False
    # Rollbacks and ends: see END_EVENTS in hotswap_ros.rollout.
    ROLLBACK = 'rollback', 'A rollback began, by itself or by order of a person.'
    ROLLBACK_PENDING = (
        'rollback_pending',
        'Robots have not confirmed the rollback; they get it when they reconnect.',
    )
    TAKEN_OVER = 'taken_over', 'A newer rollback took over some robots of this one.', False
    DIAGNOSIS = 'diagnosis', 'The most likely cause of the failure.', False
    SUCCEEDED = 'succeeded', 'A rollout succeeded.'
    ROLLED_BACK = 'rolled_back', 'A rollout was rolled back, or an ordered rollback succeeded.'
    FAILED = 'failed', 'A rollout or an ordered rollback failed.'
    ABORTED = 'aborted', 'A person aborted the rollout.'
    SUPERSEDED = 'superseded', 'A newer rollback took over the robots of a rollout or rollback.'
    UNLOAD_PENDING = 'unload_pending', 'Robots have not unloaded the previous version in time.'
    # After a rollback.
    VERIFIED = (
        'verified',
        'Verification ended: whether the previous version succeeds as often as before.',
    )
    ROLLBACK_CONFIRMED = 'rollback_confirmed', 'Robots confirmed a pending rollback.'
    ROLLBACK_DROPPED = (
        'rollback_dropped',
        'A pending rollback was dropped: the robots should serve another version by now.',
        False,
    )
    # Of the fleet: they belong to no rollout.
    QUARANTINED = 'quarantined', 'Two robots use one robot_id or server name, or no longer do.'
    CLOCK = 'clock', 'The clocks of robots are wrong, or correct again.'
    ROBOTS_IGNORED = 'robots_ignored', 'Robots are ignored: there is no room for more.'
    SECOND_COORDINATOR = 'second_coordinator', 'Another coordinator runs in this fleet.'


#: After these a rollback is pending no longer for a robot.
SETTLED = (EventKind.ROLLBACK_CONFIRMED, EventKind.ROLLBACK_DROPPED)


class Level(str, enum.Enum):
    """How much an event matters to a person."""

    INFO = 'info'
    WARNING = 'warning'
    ERROR = 'error'


class Event(BaseModel):
    """
    Something that happened, at `time` (seconds since 1970).

    `rollout_id` is the rollout or rollback that it belongs to; empty: none. `alert`: a person must
    know.
    """

    time: float
    kind: EventKind
    level: Level
    text: str
    robots: tuple[str, ...] = ()
    alert: bool = False
    rollout_id: str = ''


class Say(Protocol):
    """Puts an event into a log."""

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
        """Add an event; `alert`: a person must know."""


class EventLog:
    """Keeps the events of everybody, in the order in which they happened, until they are taken."""

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
        rollout_id: str = '',
    ) -> None:
        """Add an event; `alert`: a person must know; an empty `rollout_id`: of no rollout."""
        self._events.append(
            Event(
                time=now,
                kind=kind,
                level=level,
                text=text,
                robots=tuple(robots),
                alert=alert,
                rollout_id=rollout_id,
            )
        )

    def of(self, rollout_id: str) -> Say:
        """Return `say` for the events of a rollout or rollback."""
        return partial(self.say, rollout_id=rollout_id)

    def take(self) -> list[Event]:
        """Return the events since the last call."""
        events, self._events = self._events, []
        return events
