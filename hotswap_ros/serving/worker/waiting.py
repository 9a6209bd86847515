# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The time that a worker, and the engine behind it, waited for a processor.

A version in a worker needs two more turns on a processor than one in the engine's process: the
worker's, and the engine's to read the reply. On a busy computer each turn may take longer than the
deadline. That is the computer's time, not the version's: as stable, the version does not need it.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from resource import RUSAGE_THREAD, getrusage
from time import thread_time
from typing import NamedTuple

#: Seconds that a request may take after its caller gave up, before the run is ended. So long that
#: a computer that swaps is not taken for a version that hangs.
HANG_S = 1.0

#: A late answer counts against the version if the version itself used this part of its time.
OWN_PART = 0.5
#: Shorter runs are not asked for interruptions: the question would take longer than some of them.
_LONG_S = 1e-3


class Progress(NamedTuple):
    """
    A request that is not answered yet; times are those of one clock, in seconds.

    `began_s` is 0.0 until the worker begins. `is_runnable` is whether its thread runs or waits for
    a processor, `cpu_s` how long it ran since the request; None: the kernel does not tell.
    """

    sent_s: float
    began_s: float
    is_runnable: bool
    cpu_s: float | None

    def own_s(self, now_s: float) -> float:
        """Return how much of the time until now was the version's own."""
        since_s = max(0.0, now_s - max(self.sent_s, self.began_s))
        if not self.is_runnable:  # it sleeps, waits for a device, or is stopped
            return since_s if self.began_s else max(0.0, now_s - self.sent_s)
        if not self.began_s:
            return 0.0
        return since_s if self.cpu_s is None else min(since_s, self.cpu_s)


def waited_s(
    sent_s: float, began_s: float, ended_s: float, read_s: float, interrupted_s: float = 0.0
) -> float:
    """
    Return how long an answered request waited for the worker, and its reply for the engine.

    For `interrupted_s` of the run another process had the processor. Times that cannot be (a
    worker may write anything into its memory) count as no wait.
    """
    if not sent_s <= began_s <= ended_s <= read_s:
        return 0.0
    waited = (began_s - sent_s) + (read_s - ended_s)
    return waited + interrupted_s if 0.0 <= interrupted_s <= ended_s - began_s else waited


class Interruptions:
    """
    Time for which the thread that answers was ready to run and did not, in s.

    A run in which it slept, for a device or other threads, counts as not interrupted: how much of
    its time was sleep is not known.
    """

    def __init__(self) -> None:
        self.rest()

    def rest(self) -> float:
        """Note the state between two requests; return the processor time of the thread."""
        self._sleeps = getrusage(RUSAGE_THREAD).ru_nvcsw
        self._cpu_s = thread_time()
        return self._cpu_s

    def during(self, run_s: float) -> float:
        """Return the interruptions of a run that has just taken `run_s`."""
        if run_s < _LONG_S:
            return 0.0
        # One sleep is that before the request.
        if getrusage(RUSAGE_THREAD).ru_nvcsw - self._sleeps > 1:
            return 0.0
        return max(0.0, run_s - (thread_time() - self._cpu_s))


class ThreadActivity(NamedTuple):
    """What the kernel says of a thread: whether it is runnable, and its processor time in s."""

    is_runnable: bool
    cpu_s: float | None


def activity_of(pid: int, thread_id: int = 0) -> ThreadActivity:
    """Return the activity of a thread of a process, by the kernel's id; 0: of its first one."""
    thread, is_runnable, cpu_s = Path(f'/proc/{pid}/task/{thread_id or pid}'), False, None
    with suppress(OSError, ValueError, IndexError):
        # The name of the program, in brackets, may contain anything.
        is_runnable = (thread / 'stat').read_text().rpartition(')')[2].split()[0] == 'R'
        cpu_s = int((thread / 'schedstat').read_text().split()[0]) / 1e9
    return ThreadActivity(is_runnable, cpu_s)
