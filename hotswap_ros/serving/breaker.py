# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The breaker: drops a version that fails again and again; the engine's lock guards it."""

from __future__ import annotations

from dataclasses import dataclass

from hotswap_ros.models import FailureCause

#: Default number of failures in a row after which a version is dropped.
BREAKER_LIMIT = 5


@dataclass(frozen=True, slots=True)
class OpenBreaker:
    """
    The reason why a version was dropped: it failed `count` requests in a row, or its worker died.

    `cause` is that of the last failure. The breaker stays open until a routing with a generation
    above `generation` is in force.
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
        """Open for a version whose worker is lost, however many requests it failed."""
        self.opened = OpenBreaker(version, cause, self.count, generation)

    def record_success(self) -> None:
        """Restart the count."""
        self.count = 0

    def close(self) -> None:
        """Reset for the candidate of the next routing."""
        self.count = 0
        self.opened = None
