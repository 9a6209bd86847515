# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The entry of a worker process; a program, never imported.

It starts before the package and its libraries, whose import takes a second of processor time: the
import, and the loading after it, run in the lowest scheduling class. The thread that answers
requests stays in the normal one, because without privileges a thread cannot leave the lowest one.
"""

import ctypes
import json
import os
import resource
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000

#: Threads and allocators reserve memory that they never use, and the kernel counts it.
_RESERVED_BYTES = 256_000_000


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before that took effect
        os._exit(1)


def _be_first_out_of_memory() -> None:
    """Let the kernel end this process first when memory runs out."""
    with suppress(OSError):  # a kernel that hides it: the worker is as likely to end as others
        Path('/proc/self/oom_score_adj').write_text('1000')


def _confine(limits: dict[str, int]) -> None:
    """Give up what a version does not need, whatever code it brings to run."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # No network: a namespace of its own has no interface. Some containers and kernels forbid it.
    # Root does not need a namespace of users, in which it could not read the files of others.
    libc.unshare(_CLONE_NEWNET if os.geteuid() == 0 else _CLONE_NEWUSER | _CLONE_NEWNET)
    if limits['memory_bytes']:
        _limit(resource.RLIMIT_DATA, limits['memory_bytes'] + _RESERVED_BYTES)
    if limits['address_bytes']:
        _limit(resource.RLIMIT_AS, limits['address_bytes'])
    _limit(resource.RLIMIT_FSIZE, limits['file_bytes'])
    _limit(resource.RLIMIT_NOFILE, limits['files'])
    _limit(resource.RLIMIT_CORE, 0)
    # Of the load only: the version may serve for months then. The parent watches the load too.
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (_at_most(limits['cpu_s'], hard), hard))


def _limit(kind: int, most: int) -> None:
    most = _at_most(most, resource.getrlimit(kind)[1])
    resource.setrlimit(kind, (most, most))


def _at_most(most: int, hard: int) -> int:
    return most if hard == resource.RLIM_INFINITY else min(most, hard)


def _main() -> None:
    given = json.loads(sys.argv[1])
    _die_with(given['parent'])
    _be_first_out_of_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when it is over
    _confine(given['limits'])
    sys.path[:] = given['path']
    for fd in given['fds'].values():
        os.set_inheritable(fd, False)
    loaded: list[Any] = []

    def load() -> None:
        if given['idle']:
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        from hotswap_ros.serving.worker.main import Worker

        loaded.append(Worker(given))

    loader = threading.Thread(target=load)
    loader.start()
    loader.join()
    if loaded:
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))
        loaded[0].serve()


if __name__ == '__main__':
    _main()
