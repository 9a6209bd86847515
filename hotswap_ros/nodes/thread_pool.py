# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What takes long happens here: daemon threads with a queue, and the way back to the executor."""

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

#: An inference may wait for so long while a job is waited for.
_NAP_S = 0.0002


class Worker:
    """
    Runs jobs off the executor, a few at a time.

    The threads are daemons: a job that hangs in a runtime library cannot keep the process from
    ending.
    """

    def __init__(self, name: str, threads: int = 3) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f'{name} {index}', daemon=True)
            for index in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Callable[[], object]) -> None:
        """Run a job later; it must handle its own errors."""
        self._jobs.put(job)

    def stop(self, timeout_s: float = 1.0) -> None:
        """Let the jobs under way end, for a while in all."""
        give_up_at = time.monotonic() + timeout_s
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(max(0.0, give_up_at - time.monotonic()))

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


class Pending(Future):
    """
    What a coroutine on the executor waits for, at little cost, on any executor.

    The executor of rclpy that waits for events asks a coroutine that waits again and again, which
    takes a whole core for as long as it waits. Here it naps between two questions, in its thread:
    `nap_s` is how long others may have to wait for their turn. An executor that asks seldom never
    waits.
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
        """Set what is raised where the result is asked for; from any thread."""
        super().set_exception(exception)
        self._has_come.set()

    def __await__(self) -> Generator[None, None, Any]:
        """Wait until there is a result, and return it. Raises the exception that was set."""
        asked = -math.inf
        while not self.done():
            early_s = asked + self._nap_s - time.monotonic()
            if early_s > 0.0:
                self._has_come.wait(early_s)
            asked = time.monotonic()
            yield
        return self.result()


def in_worker(worker: Worker, executor: Executor, job: Callable[[], T]) -> Future[T]:
    """Return a future of `job` that a coroutine on the executor can await."""
    future = Pending(executor, _NAP_S)

    def work() -> None:
        try:
            resolve(future, executor, job())
        except Exception as error:
            fail(future, executor, error)

    worker.submit(work)
    return future


def resolve(future: Future[Any], executor: Executor, result: object) -> None:
    """Set a result from another thread; the executor wakes to see it."""
    if not future.done():
        future.set_result(result)
    executor.wake()


def fail(future: Future[Any], executor: Executor, error: Exception) -> None:
    """Set an exception from another thread; the executor wakes to see it."""
    if not future.done():
        future.set_exception(error)
    executor.wake()
