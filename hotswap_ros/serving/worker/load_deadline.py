# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The deadline of a load in a worker, which counts the worker's own time only."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from types import TracebackType

from hotswap_ros.serving.worker.waiting import ThreadActivity

#: Default deadline of each step of a load, in seconds.
LOAD_DEADLINE_S = 15.0

#: Seconds between two looks at the worker.
_PERIOD_S = 0.1


class LoadDeadline:
    """
    Calls `on_over`, in a thread of its own, once the step of a load has taken `step_s` (s).

    On a busy computer, a worker in the lowest scheduling class may wait for a processor for
    minutes: that time is not its own. Time in which it sleeps, as for a disk that hangs, is.
    """

    def __init__(self, pid: int, step_s: float, on_over: Callable[[], object]) -> None:
        self._pid = pid
        self._step_s = step_s
        self._on_over = on_over
        self._own_s = 0.0
        self._is_done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name='deadline of a load', daemon=True)

    def __enter__(self) -> LoadDeadline:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_done.set()

    def begin_step(self) -> None:
        """Let the next step of the load have its own time."""
        self._own_s = 0.0

    def _watch(self) -> None:
        seen_s, before = perf_counter(), activity_of_process(self._pid)
        while not self._is_done.wait(_PERIOD_S):
            now_s, now = perf_counter(), activity_of_process(self._pid)
            self._own_s += _own_s(now_s - seen_s, before, now)
            seen_s, before = now_s, now
            if self._own_s >= self._step_s:
                self._on_over()
                return


def _own_s(passed_s: float, before: ThreadActivity, now: ThreadActivity) -> float:
    if not now.is_runnable or now.cpu_s is None or before.cpu_s is None:
        return passed_s
    return min(passed_s, now.cpu_s - before.cpu_s)


def activity_of_process(pid: int) -> ThreadActivity:
    """Return whether any thread of a process is runnable, and the processor time of all."""
    is_runnable, cpu_s = False, None
    with suppress(OSError, ValueError, IndexError):
        process = Path(f'/proc/{pid}')
        fields = (process / 'stat').read_text().rpartition(')')[2].split()
        cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
        for thread in (process / 'task').iterdir():
            state = (thread / 'stat').read_text().rpartition(')')[2].split()[0]
            is_runnable = is_runnable or state == 'R'
    return ThreadActivity(is_runnable, cpu_s)
