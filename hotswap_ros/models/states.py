# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Why an answer of a version was not accepted."""

from __future__ import annotations

import enum


class FailureCause(str, enum.Enum):
    """Why an answer was not accepted. Numbered from 1 in this order by `msg/Decision.msg`."""

    EXCEPTION = 'exception'
    OUTPUT = 'output'
    NOT_FINITE = 'not_finite'
    OUT_OF_BOUNDS = 'out_of_bounds'
    DEADLINE = 'deadline'
    CRASH = 'crash'
    RATE_LIMIT = 'rate_limit'


class VersionState(str, enum.Enum):
    """State of one version on one robot; the order is that of a life without trouble."""

    ABSENT = 'absent'
    FETCHING = 'fetching'
    VERIFYING = 'verifying'
    LOADING = 'loading'
    WARMING = 'warming'
    READY = 'ready'
    DRAINING = 'draining'
    RELEASED = 'released'
    FAILED = 'failed'

    @property
    def is_resident(self) -> bool:
        """Return whether a version in this state takes one of the robot's places."""
        return self in _RESIDENT


_RESIDENT = frozenset(
    {
        VersionState.FETCHING,
        VersionState.VERIFYING,
        VersionState.LOADING,
        VersionState.WARMING,
        VersionState.READY,
        VersionState.DRAINING,
    }
)
