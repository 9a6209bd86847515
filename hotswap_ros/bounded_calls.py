# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Calls that may never return, such as those that read a network drive that hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar, cast

T = TypeVar('T')


class OverdueError(OSError):
    """A call did not return in time; its thread goes on, and ends when the call returns."""

    def __init__(self, what: str, within_s: float) -> None:
        self.what = what
        self.within_s = within_s
        super().__init__(
            f'{what} did not end within {within_s:g} s: check whether the disk or drive answers'
        )


class BoundedCalls:
    """
    Calls in daemon threads of their own, one at a time for each name. Threads may share it.

    Who calls while a call of that name is under way waits for that one, and gets its result: a
    call that hangs takes one thread, however often it is repeated.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, Future[Any]] = {}

    def call(self, what: str, job: Callable[[], T], within_s: float) -> T:
        """Return what `job` returns. Raises what it raises, or OverdueError."""
        with self._lock:
            outcome = self._running.get(what)
            if outcome is None:
                outcome = self._running[what] = Future()
                thread = threading.Thread(
                    target=self._run, args=(what, job, outcome), name=what, daemon=True
                )
                thread.start()
        try:
            return cast('T', outcome.result(within_s))
        except FutureTimeoutError:
            if outcome.done():  # the job itself raised it
                raise
            raise OverdueError(what, within_s) from None

    def is_running(self, what: str) -> bool:
        """Return whether a call of this name is under way."""
        return what in self._running

    def _run(self, what: str, job: Callable[[], Any], outcome: Future[Any]) -> None:
        try:
            result = job()
        except BaseException as error:
            self._forget(what)
            outcome.set_exception(error)
        else:
            self._forget(what)
            outcome.set_result(result)

    def _forget(self, what: str) -> None:
        with self._lock:
            del self._running[what]
