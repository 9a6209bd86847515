# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Counts of how often the robot's computer did not run a worker in time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

#: The counts are those of this time in s, in so many parts.
_WINDOW_S, _PARTS = 60.0, 6
#: So many late requests, and this share of the requests, make a computer too busy.
_LATE, _LATE_SHARE = 3, 0.01


@dataclass(frozen=True, slots=True)
class BusyComputer:
    """
    The computer was late with `late` of `requests` to `version`, which runs in a worker.

    These requests would have been in time if the worker had not waited for a processor.
    """

    version: str
    late: int
    requests: int


class ProcessorWaits:
    """Counts of requests to a version in a worker; the engine's lock guards every call."""

    __slots__ = ('_parts', '_version')

    def __init__(self) -> None:
        self._version = ''
        self._parts: deque[list[float]] = deque(maxlen=_PARTS + 1)  # [start in s, late, requests]

    def count(self, now_s: float, version: str, is_late: bool) -> None:
        """Count a request; those of another version are forgotten."""
        if version != self._version:
            self._version = version
            self._parts.clear()
        parts = self._parts
        if not parts or now_s - parts[-1][0] >= _WINDOW_S / _PARTS:
            parts.append([now_s, 0, 0])
        parts[-1][1] += is_late
        parts[-1][2] += 1

    def busy(self, now_s: float) -> BusyComputer | None:
        """Return how busy the computer was in the last minute; None: it was not too busy."""
        recent = [part for part in self._parts if now_s - part[0] <= _WINDOW_S]
        late = int(sum(part[1] for part in recent))
        requests = int(sum(part[2] for part in recent))
        if late < _LATE or late < _LATE_SHARE * requests:
            return None
        return BusyComputer(self._version, late, requests)
