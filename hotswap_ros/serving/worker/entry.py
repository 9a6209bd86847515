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


def _main() -> None:
    given = json.loads(sys.argv[1])
    _die_with(given['parent'])
    _be_first_out_of_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when it is over
    if given['memory_bytes']:
        most = given['memory_bytes'] + _RESERVED_BYTES
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
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
        loaded[0].serve()


if __name__ == '__main__':
    _main()
