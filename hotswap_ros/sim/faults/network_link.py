# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Network link of one robot: open, slow or cut, with the messages on it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

#: Seconds of a cut after which a peer and its pending messages are forgotten, the default of DDS
#: implementations.
FORGET_S = 20.0

Deliver = Callable[[], object]


class Link:
    """
    The link between one robot and all other programs.

    `after(delay_s, job)` schedules a job, `clock` is steady, in seconds. Thread-safe.
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
        #: The link has no fault: messages can be delivered directly.
        self.is_clear = True

    def way(self, keep: int) -> Way:
        """
        Return the lane of one kind of message in one direction.

        The newest `keep` messages wait for the end of a cut; 0: all are lost.
        """
        way = Way(self, keep)
        with self._lock:
            self._ways.append(way)
        return way

    def set(self, *, cut: bool, delay_s: float) -> None:
        """Cut or restore the link; each message is delayed by `delay_s`."""
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
            # In order, also if the delay gets shorter.
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
    """The lane of one kind of message in one direction."""

    def __init__(self, link: Link, keep: int) -> None:
        self._link = link
        self.waiting: deque[Deliver] = deque(maxlen=keep)
        self.last = 0.0

    def carry(self, deliver: Deliver) -> None:
        """Deliver a message: at once, later, or never."""
        self._link._carry(self, deliver)

    def take(self) -> list[Deliver]:
        """Return the waiting messages, oldest first, and remove them."""
        taken = list(self.waiting)
        self.waiting.clear()
        return taken
