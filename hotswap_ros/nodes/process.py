# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Life cycle of a process: start nodes, spin, stop them in order on SIGINT or SIGTERM."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import rclpy
from rclpy.context import Context
from rclpy.exceptions import NameValidationException
from rclpy.executors import Executor, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from hotswap_ros.nodes.parameters import ParameterError

#: Exit code of a process that cannot start, and could not either if it were started again:
#: EX_CONFIG of sysexits.h. `coordinator.launch.py` does not start it again.
CANNOT_START = 78
#: Longest time in seconds from the end of the work to the end of the process.
_TEARDOWN_S = 1.0
#: Seconds between two checks, and longest time in seconds until the last callback has ended.
_CHECK_S = 0.2
_CALLBACK_S = 0.5
#: First rclpy of Kilted whose EventsExecutor awaits coroutines of services.
_EVENTS_EXECUTOR_SINCE = (9, 1, 2)


@contextlib.contextmanager
def initialized(args: list[str] | None = None) -> Iterator[None]:
    """
    Initialize rclpy without its signal handlers, and shut it down at the end.

    `rclpy.init` is a context manager itself since Kilted only; on Jazzy it returns None.
    """
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    try:
        yield
    finally:
        rclpy.try_shutdown()


def new_executor(context: Context | None = None) -> Executor:
    """
    Return the fastest executor of this distribution that awaits the coroutines of services.

    Kilted and newer: EventsExecutor. It takes two thirds of the time for a service call, and does
    not poll every entity of every node before each wait.

    Jazzy: SingleThreadedExecutor. Its EventsExecutor (rclpy 7.1.4 to 7.1.10) sends the coroutine
    itself as the answer, which raises TypeError and ends the process.
    """
    if _release_of_rclpy() >= _EVENTS_EXECUTOR_SINCE:
        # Experimental, so a newer release may have moved it.
        with contextlib.suppress(ImportError):
            from rclpy.experimental import EventsExecutor

            return EventsExecutor(context=context)
    return SingleThreadedExecutor(context=context)


def _release_of_rclpy() -> tuple[int, ...]:
    return tuple(int(number) for number in version('rclpy').split('.')[:3])


def run(
    args: list[str] | None,
    start: Callable[[Executor], Callable[[], None]],
    check: Callable[[], object] = lambda: None,
) -> None:
    """
    Spin the nodes that `start` adds to the executor until SIGINT or SIGTERM; then call its result.

    The executor spins in a thread of its own: Python runs signal handlers, and here `check` five
    times a second, in the first one, also while a callback hangs. The handlers of rclpy would
    invalidate the context while threads still use it: here the threads stop first, the context
    last.
    """
    # A thread that loads a version or simulates must not keep the one that decides waiting for the
    # 5 ms that are the default.
    sys.setswitchinterval(0.0005)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with initialized(args):
        executor = new_executor()
        try:
            stop = start(executor)
        except (ParameterError, NameValidationException) as error:
            give_up(error)
        spinning = _Spinning(executor, stopping)
        spinning.start()
        try:
            while spinning.is_alive() and not stopping.wait(_CHECK_S):
                check()
        finally:
            stopping.set()
            spinning.join(_CALLBACK_S)
            if spinning.is_alive():  # whatever it hangs in may keep the rest too
                _leave_within(_TEARDOWN_S)
            stop()
            if spinning.error is None:
                _leave_within(_TEARDOWN_S)
            executor.shutdown(timeout_sec=0.5)
        if spinning.error is not None:
            raise spinning.error


class _Spinning(threading.Thread):
    """Spins an executor until it is to stop; `error` is what a callback raised."""

    def __init__(self, executor: Executor, stopping: threading.Event) -> None:
        super().__init__(name='executor', daemon=True)
        self._executor = executor
        self._stopping = stopping
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._executor.spin_once(timeout_sec=0.2)
        except BaseException as error:
            self.error = error


def give_up(why: object) -> NoReturn:
    """End the process with CANNOT_START, and say why."""
    sys.stderr.write(f'{Path(sys.argv[0]).name}: {why}\n')
    sys.exit(CANNOT_START)


def _leave_within(seconds: float) -> None:
    """
    End the process soon, and leave the rest of the teardown to the operating system.

    All state is saved at this point. DDS removes its entities one by one and announces each
    removal, which takes four seconds for a hundred nodes.
    """
    timer = threading.Timer(seconds, os._exit, (0,))
    timer.daemon = True
    timer.start()
