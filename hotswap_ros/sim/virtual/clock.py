# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A clock of virtual time, with timers."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable


class Appointment:
    """A call at a time, unless it is cancelled before."""

    __slots__ = ('call',)

    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        """Cancel the call."""
        self.call = None


class VirtualClock:
    """Seconds since 1970 that pass on demand; calls for the same time keep their order."""

    def __init__(self, now: float) -> None:
        self.now = now
        self._count = itertools.count()
        self._coming: list[tuple[float, int, Appointment]] = []

    def call_at(self, moment: float, call: Callable[[], object]) -> Appointment:
        """Call something at a time, or as soon as time passes if that is over."""
        appointment = Appointment(call)
        heapq.heappush(self._coming, (max(moment, self.now), next(self._count), appointment))
        return appointment

    def call_after(self, delay_s: float, call: Callable[[], object]) -> Appointment:
        """Call something after a delay in seconds."""
        return self.call_at(self.now + delay_s, call)

    @property
    def next(self) -> float:
        """Return the time of the next call, infinite: there is none."""
        while self._coming and self._coming[0][2].call is None:
            heapq.heappop(self._coming)
        return self._coming[0][0] if self._coming else math.inf

    def pass_until(self, moment: float) -> None:
        """Let time pass until a moment, and make every call that is due by then."""
        while self.next <= moment:
            at, _, appointment = heapq.heappop(self._coming)
            self.now = at
            if appointment.call is not None:
                appointment.call()
        self.now = moment
