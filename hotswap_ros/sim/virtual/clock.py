# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Virtual time, and what is to happen in it."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable


class Appointment:
    """Something that happens at its time, unless it is cancelled before."""

    __slots__ = ('call',)

    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        """Let it not happen."""
        self.call = None


class VirtualClock:
    """Seconds since 1970 that pass when somebody says so; what is due at once keeps its order."""

    def __init__(self, now: float) -> None:
        self.now = now
        self._count = itertools.count()
        self._coming: list[tuple[float, int, Appointment]] = []

    def call_at(self, moment: float, call: Callable[[], object]) -> Appointment:
        """Let something happen at a moment, at once if that has passed."""
        appointment = Appointment(call)
        heapq.heappush(self._coming, (max(moment, self.now), next(self._count), appointment))
        return appointment

    def call_after(self, delay_s: float, call: Callable[[], object]) -> Appointment:
        """Let something happen so many seconds from now."""
        return self.call_at(self.now + delay_s, call)

    @property
    def next(self) -> float:
        """Return when something happens next, infinite: never."""
        while self._coming and self._coming[0][2].call is None:
            heapq.heappop(self._coming)
        return self._coming[0][0] if self._coming else math.inf

    def pass_until(self, moment: float) -> None:
        """Let everything happen that is due by then, and be there."""
        while self.next <= moment:
            at, _, appointment = heapq.heappop(self._coming)
            self.now = at
            if appointment.call is not None:
                appointment.call()
        self.now = moment
