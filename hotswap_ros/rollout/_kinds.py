# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The kinds of events."""

from __future__ import annotations

import enum


class Kind(str, enum.Enum):
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
        Kind.STARTED,
        Kind.WINDOW,
        Kind.OPENED,
        Kind.STEP,
        Kind.JOINED,
        Kind.SETTLING,
        Kind.BY_HAND,
        Kind.APPROVED,
        Kind.RESUMED,
        Kind.SKIPPED,
        Kind.SHARE,
        Kind.TAKEN_OVER,
        Kind.DIAGNOSIS,
        Kind.WAIVED,
    }
)
#: After these a robot is owed a rollback no longer: it confirmed, or is to serve something else.
SETTLED = (Kind.PAID, Kind.WAIVED)
