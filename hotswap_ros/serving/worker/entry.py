# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The first lines that a worker process runs; a program, never imported.

It comes before the package and its libraries, whose import takes a second of processor time: that
second, and the loading after it, are spent in the lowest scheduling class. The thread that answers
requests stays in the normal one, as without privileges there is no way back.
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

#: The kernel counts what threads and allocators reserve and never touch.
_RESERVED_BYTES = 256_000_000


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before that took effect
        os._exit(1)


def _be_the_first_to_go() -> None:
    """When memory runs out, the kernel shall end this process and no other."""
    with suppress(OSError):  # a kernel that hides it: the worker is as likely to go as others
        Path('/proc/self/oom_score_adj').write_text('1000')


def _main() -> None:
    given = json.loads(sys.argv[1])
    _die_with(given['parent'])
    _be_the_first_to_go()
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
