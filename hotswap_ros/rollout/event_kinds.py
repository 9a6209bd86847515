# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Kinds of the events that tell of a pause and of an end."""

from __future__ import annotations

from collections.abc import Mapping

from hotswap_ros.fleet.events import EventKind
from hotswap_ros.rollout.status import PauseReason, Status

PAUSE_EVENTS: Mapping[PauseReason, EventKind] = {
    PauseReason.BY_HAND: EventKind.BY_HAND,
    PauseReason.APPROVAL: EventKind.APPROVAL,
    PauseReason.INCONCLUSIVE: EventKind.INCONCLUSIVE,
    PauseReason.UNREACHABLE: EventKind.UNREACHABLE,
    PauseReason.MISSING_DATA: EventKind.MISSING_DATA,
    PauseReason.FAILED_QUERY: EventKind.FAILED_QUERY,
}
END_EVENTS: Mapping[Status, EventKind] = {
    Status.SUCCEEDED: EventKind.SUCCEEDED,
    Status.ROLLED_BACK: EventKind.ROLLED_BACK,
    Status.FAILED: EventKind.FAILED,
    Status.ABORTED: EventKind.ABORTED,
    Status.SUPERSEDED: EventKind.SUPERSEDED,
}
