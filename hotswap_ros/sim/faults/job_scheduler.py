# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Scheduler of timed jobs, with a few threads."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable

#: Thread number n takes jobs that are n times this many seconds late.
_LATE_S = 0.005


class JobScheduler:
    """
    A scheduler that runs jobs when they are due, on the steady clock.

    One thread runs all jobs as long as it is fast enough: in Python more threads would wait for
    each other. A slow job does not delay others, as the next thread takes late jobs. A job handles
    its own errors.
    """

    def __init__(self, name: str, threads: int = 8) -> None:
        self._changed = threading.Condition()
        self._jobs: list[tuple[float, int, Callable[[], object]]] = []
        self._count = itertools.count()
        self._stopping = False
        self._threads = [
            threading.Thread(
                target=self._run, args=(number * _LATE_S,), name=f'{name} {number}', daemon=True
            )
            for number in range(threads)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """Start no more jobs, and wait a limited time for the running ones."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        give_up_at = time.monotonic() + timeout_s
        for thread in self._threads:
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join(max(0.0, give_up_at - time.monotonic()))

    def at(self, due_s: float, job: Callable[[], object]) -> None:
        """Schedule a job at a time of `time.monotonic()`; from any thread."""
        with self._changed:
            entry = (due_s, next(self._count), job)
            heapq.heappush(self._jobs, entry)
            if self._jobs[0] is entry:
                self._changed.notify_all()

    def after(self, delay_s: float, job: Callable[[], object]) -> None:
        """Schedule a job in this number of seconds; from any thread."""
        self.at(time.monotonic() + delay_s, job)

    def _run(self, patience_s: float) -> None:
        while (job := self._next(patience_s)) is not None:
            job()

    def _next(self, patience_s: float) -> Callable[[], object] | None:
        """Wait for the first job that is late by this time; None at the end."""
        with self._changed:
            while not self._stopping:
                if not self._jobs:
                    self._changed.wait()
                    continue
                left = self._jobs[0][0] + patience_s - time.monotonic()
                if left <= 0.0:
                    return heapq.heappop(self._jobs)[2]
                self._changed.wait(left)
        return None
