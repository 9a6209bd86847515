# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Causes of failed answers, and states of versions."""

from __future__ import annotations

import enum


class FailureCause(str, enum.Enum):
    """
    Cause of a failed answer. `msg/Decision.msg` numbers them from 1 in this order.

    BUSY_COMPUTER is no error of the version: the robot's computer did not run it in time.
    """

    EXCEPTION = 'exception'
    OUTPUT = 'output'
    NOT_FINITE = 'not_finite'
    OUT_OF_BOUNDS = 'out_of_bounds'
    DEADLINE = 'deadline'
    CRASH = 'crash'
    RATE_LIMIT = 'rate_limit'
    BUSY_COMPUTER = 'busy_computer'


class VersionState(str, enum.Enum):
    """State of one version on one robot, in the order of a life without failures."""

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
        """Return whether a version in this state counts for the resident limit."""
        return self not in _NOT_RESIDENT


_NOT_RESIDENT = frozenset({VersionState.ABSENT, VersionState.RELEASED, VersionState.FAILED})
