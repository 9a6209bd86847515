# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The life of a version on a robot."""

import enum


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
