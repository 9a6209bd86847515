# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The breaker: takes out a version that fails again and again; the engine's lock guards it."""

from __future__ import annotations

from dataclasses import dataclass

from hotswap_ros.models import FailureCause

#: Failures in a row after which a version is out, unless told otherwise.
BREAKER_LIMIT = 5


@dataclass(frozen=True, slots=True)
class OpenBreaker:
    """
    Why a version is out: it failed `count` requests in a row, or lost its worker too often.

    `cause` is that of the last failure. It stays out until a routing with a generation above
    `generation` is put in force.
    """

    version: str
    cause: FailureCause
    count: int
    generation: int


class Breaker:
    """Counts failures in a row, and opens when there are `limit` of them; 0: never."""

    __slots__ = ('_limit', 'count', 'opened')

    def __init__(self, limit: int) -> None:
        if limit < 0:
            raise ValueError(f'breaker_limit is {limit}: use 1 or more failures, or 0 for never')
        self._limit = limit
        self.count = 0
        self.opened: OpenBreaker | None = None

    def record_failure(self, version: str, cause: FailureCause, generation: int) -> bool:
        """Count a failure; returns whether it opened the breaker."""
        self.count += 1
        if self.count != self._limit:
            return False
        self.force(version, cause, generation)
        return True

    def force(self, version: str, cause: FailureCause, generation: int) -> None:
        """Open for a version that will not come back, however many requests it failed."""
        self.opened = OpenBreaker(version, cause, self.count, generation)

    def record_success(self) -> None:
        """Begin to count anew."""
        self.count = 0

    def close(self) -> None:
        """Give the next routing's candidate a clean slate."""
        self.count = 0
        self.opened = None
