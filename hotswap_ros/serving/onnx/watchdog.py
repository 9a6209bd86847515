# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Ends runs in this process that do not end by themselves.

The runtime looks at a flag of each run between two nodes of a graph and two rounds of a loop. One
thread sets it, where a run has taken too long; the run itself only notes when it has to be over.
"""

from __future__ import annotations

import math
import os
import threading
import time
import weakref
from time import perf_counter
from typing import NamedTuple

import onnxruntime as ort

from hotswap_ros.serving.worker.waiting import (
    HANG_S,
    OWN_PART,
    Progress,
    ThreadActivity,
    activity_of,
)

#: Seconds between two looks at the runs under way.
_PERIOD_S = 0.1


class _LongRun(NamedTuple):
    """A run that the watchdog has seen: by when it ends, since when, and the thread's time."""

    ends_s: float
    seen_s: float
    cpu_s: float | None


class WatchedRun:
    """
    Options for one run at a time, by which the watchdog can end it; they are used up then.

    The thread that runs calls `begin` and `end`, the watchdog `look`. Times are those of
    `perf_counter`, in seconds.
    """

    __slots__ = (
        '__weakref__',
        '_asked_s',
        '_ends_s',
        '_limit_s',
        '_lock',
        '_seen',
        '_thread',
        'options',
    )

    def __init__(self) -> None:
        self.options = ort.RunOptions()
        self._lock = threading.Lock()
        self._thread = 0
        self._limit_s = self._ends_s = math.inf
        self._seen = _LongRun(math.inf, 0.0, None)
        self._asked_s: float | None = None
        _WATCHDOG.watch(self)

    def begin(self, patience_s: float) -> None:
        """Note that a run begins whose caller waits for so many seconds."""
        self._thread = threading.get_ident()
        limit_s = self._limit_s = patience_s + HANG_S
        self._ends_s = perf_counter() + limit_s

    def end(self) -> bool:
        """Note that the run is over; returns whether the watchdog has ended it."""
        with self._lock:
            self._ends_s = math.inf
            was_asked = self._asked_s is not None
            self._asked_s = None
        return was_asked

    @property
    def is_stuck(self) -> bool:
        """Return whether the run goes on, long after it was asked to end."""
        asked_s = self._asked_s
        return asked_s is not None and perf_counter() - asked_s > HANG_S

    def look(self, now_s: float) -> None:
        """Ask the run to end if it has had too much time."""
        ends_s = self._ends_s
        if ends_s == math.inf:
            return
        if self._seen.ends_s != ends_s:
            self._seen = _LongRun(ends_s, now_s, self._activity().cpu_s)
        if now_s <= ends_s or not self._is_running(now_s):
            return
        with self._lock:
            if self._ends_s == ends_s and self._asked_s is None:
                self._asked_s = now_s
                self.options.terminate = True

    def _is_running(self, now_s: float) -> bool:
        """Return whether enough of the time since the run was seen first was its own."""
        seen_s, before_s = self._seen.seen_s, self._seen.cpu_s
        is_runnable, cpu_s = self._activity()
        used_s = None if cpu_s is None or before_s is None else cpu_s - before_s
        own_s = Progress(seen_s, seen_s, is_runnable, used_s).own_s(now_s)
        return own_s >= OWN_PART * self._limit_s

    def _activity(self) -> ThreadActivity:
        thread_id = next(
            (t.native_id for t in threading.enumerate() if t.ident == self._thread), 0
        )
        # A thread that another language started has no id here: its time is taken as its own.
        return activity_of(os.getpid(), thread_id) if thread_id else ThreadActivity(False, None)


class _Watchdog:
    """Looks at all runs of this process, in a thread that lives as long as there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: list[weakref.ref[WatchedRun]] = []
        self._is_watching = False

    def watch(self, run: WatchedRun) -> None:
        with self._lock:
            self._runs.append(weakref.ref(run))
            if self._is_watching:
                return
            self._is_watching = True
        threading.Thread(target=self._watch, name='watchdog of runs', daemon=True).start()

    def _watch(self) -> None:
        while self._look():
            time.sleep(_PERIOD_S)

    def _look(self) -> bool:
        """Look at all runs; returns whether there are any."""
        with self._lock:
            runs = [run for reference in self._runs if (run := reference())]
            self._runs = [weakref.ref(run) for run in runs]
            self._is_watching = bool(runs)
        now_s = perf_counter()
        for run in runs:
            run.look(now_s)
        return bool(runs)


_WATCHDOG = _Watchdog()
