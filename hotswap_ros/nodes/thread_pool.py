# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A pool of daemon threads for slow jobs, and futures that the executor can await."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from rclpy.executors import Executor
from rclpy.task import Future

T = TypeVar('T')

#: Pause in seconds between two polls of a coroutine that waits for a job; inference may wait too.
_NAP_S = 0.0002


class ThreadPool:
    """
    Threads that run jobs outside the executor, at most `threads` at a time.

    They are started when there is a job and nobody to do it. They are daemons: a job that hangs in
    a runtime library cannot keep the process alive.
    """

    def __init__(self, name: str, threads: int = 3) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._name = name
        self._most = threads
        self._lock = threading.Lock()
        self._unfinished = 0
        self._threads: list[threading.Thread] = []

    def submit(self, job: Callable[[], object]) -> None:
        """Queue a job; it must handle its own errors."""
        with self._lock:
            self._unfinished += 1
            if len(self._threads) < min(self._unfinished, self._most):
                name = f'{self._name} {len(self._threads)}'
                self._threads.append(threading.Thread(target=self._run, name=name, daemon=True))
                self._threads[-1].start()
        self._jobs.put(job)

    def stop(self, timeout_s: float = 1.0) -> None:
        """Wait for the running jobs to end, for a limited time in total."""
        give_up_at = time.monotonic() + timeout_s
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(max(0.0, give_up_at - time.monotonic()))

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            with self._lock:
                self._unfinished -= 1


class Pending(Future):
    """
    A future that a coroutine on any executor can await at little cost.

    The EventsExecutor of rclpy polls a waiting coroutine all the time, which takes a whole core.
    Here it pauses between two polls, in its thread: `nap_s` is how long other callbacks may have
    to wait. An executor that polls rarely never pauses. Newer releases (7.1.9 on Jazzy, 10.0.3 on
    Lyrical) do not poll: they resume the coroutine when the future that it yields is done.
    """

    def __init__(self, executor: Executor, nap_s: float) -> None:
        super().__init__(executor=executor)
        self._nap_s = nap_s
        self._has_come = threading.Event()

    def set_result(self, result: Any) -> None:
        """Set the result; from any thread."""
        super().set_result(result)
        self._has_come.set()

    def set_exception(self, exception: Exception) -> None:
        """Set the exception that awaiting raises; from any thread."""
        super().set_exception(exception)
        self._has_come.set()

    def __await__(self) -> Generator[Pending, None, Any]:
        """Wait until there is a result, and return it. Raises the exception that was set."""
        asked = -math.inf
        while not self.done():
            early_s = asked + self._nap_s - time.monotonic()
            if early_s > 0.0:
                self._has_come.wait(early_s)
            asked = time.monotonic()
            yield self
        return self.result()


def in_pool(pool: ThreadPool, executor: Executor, job: Callable[[], T]) -> Future[T]:
    """Return a future of `job` that a coroutine on the executor can await."""
    future = Pending(executor, _NAP_S)

    def work() -> None:
        try:
            resolve(future, executor, job())
        except Exception as error:
            fail(future, executor, error)

    pool.submit(work)
    return future


def resolve(future: Future[Any], executor: Executor, result: object) -> None:
    """Set a result from another thread, and wake the executor."""
    if not future.done():
        future.set_result(result)
    executor.wake()


def fail(future: Future[Any], executor: Executor, error: Exception) -> None:
    """Set an exception from another thread, and wake the executor."""
    if not future.done():
        future.set_exception(error)
    executor.wake()
