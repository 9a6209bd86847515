# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The status of a rollout, why it is paused or did not succeed, and what people can say to it."""

from __future__ import annotations

import enum


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
    MISSING_DATA = 'missing_data'
    FAILED_QUERY = 'failed_query'


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
    BY_HAND = 'by_hand'
    REFUSED = 'refused'
    INCONCLUSIVE = 'inconclusive'
    CHECKLIST_FAILED = 'checklist_failed'


class Verb(str, enum.Enum):
    """What an operator can say to a rollout."""

    PAUSE = 'pause'
    RESUME = 'resume'
    APPROVE = 'approve'
    REFUSE = 'refuse'
    SKIP_WAIT = 'skip_wait'
    ABORT = 'abort'
    ROLLBACK = 'rollback'
    SET_SHARE = 'set_share'
    PROMOTE = 'promote'
    EXCLUDE = 'exclude'


#: Verbs that begin a later step: a copy of one must not pass the step after that as well.
LEADS_ON = frozenset({Verb.APPROVE, Verb.SKIP_WAIT, Verb.PROMOTE})
