# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The network of one robot: open, slow or cut, and what becomes of messages meanwhile."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

#: Whoever is not heard for so long is forgotten, and with it what it has not received: what DDS
#: implementations do by default.
FORGET_S = 20.0

Deliver = Callable[[], object]


class Link:
    """
    Carries messages between one robot and everybody else.

    `after(delay_s, job)` does a job later, `clock` is steady, in seconds. Threads may share it.
    """

    def __init__(
        self, after: Callable[[float, Deliver], object], clock: Callable[[], float]
    ) -> None:
        self._after = after
        self._clock = clock
        self._lock = threading.Lock()
        self._ways: list[Way] = []
        self._cut_at: float | None = None
        self._delay_s = 0.0
        #: Nothing is in the way of messages: they need not be carried.
        self.is_clear = True

    def way(self, keep: int) -> Way:
        """
        Return the way of one kind of message in one direction.

        `keep` of them wait for the end of a cut, the newest; 0: all are lost.
        """
        way = Way(self, keep)
        with self._lock:
            self._ways.append(way)
        return way

    def set(self, *, cut: bool, delay_s: float) -> None:
        """Cut the link or mend it; each message takes `delay_s` longer."""
        with self._lock:
            was_cut_at, self._delay_s = self._cut_at, delay_s
            if cut != (was_cut_at is not None):
                self._cut_at = self._clock() if cut else None
            self.is_clear = not cut and not delay_s
            if cut or was_cut_at is None:
                return
            forgotten = self._clock() - was_cut_at >= FORGET_S
            waiting = [deliver for way in self._ways for deliver in way.take()]
        for deliver in () if forgotten else waiting:
            self._after(delay_s, deliver)

    def _carry(self, way: Way, deliver: Deliver) -> None:
        with self._lock:
            if self._cut_at is not None:
                way.waiting.append(deliver)
                return
            now = self._clock()
            # One behind the other, also when the delay gets shorter.
            way.last = max(way.last, now + self._delay_s)
            delay_s = way.last - now
        if delay_s > 0.0:
            self._after(delay_s, lambda: self._arrive(way, deliver))
        else:
            deliver()

    def _arrive(self, way: Way, deliver: Deliver) -> None:
        with self._lock:
            if self._cut_at is not None:
                way.waiting.append(deliver)
                return
        deliver()


class Way:
    """The way of one kind of message in one direction."""

    def __init__(self, link: Link, keep: int) -> None:
        self._link = link
        self.waiting: deque[Deliver] = deque(maxlen=keep)
        self.last = 0.0

    def carry(self, deliver: Deliver) -> None:
        """Deliver a message: at once, later, or never."""
        self._link._carry(self, deliver)

    def take(self) -> list[Deliver]:
        """Return what waits, oldest first, and forget it."""
        taken = list(self.waiting)
        self.waiting.clear()
        return taken
