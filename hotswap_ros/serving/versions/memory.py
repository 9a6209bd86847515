# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The memory budget of versions: a load that does not fit is refused before it starts."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

from hotswap_ros.serving.errors import NoMemoryError

#: Memory of a worker before it has loaded a version: interpreter, NumPy and runtime.
_WORKER_BYTES = 70_000_000


class MemoryBudget:
    """Reserves memory for each version. Threads may share it; None: no limit."""

    def __init__(self, limit_bytes: int | None) -> None:
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._needs: dict[str, int] = {}

    def reserve(self, version: str, size_bytes: int, *is_in_worker: bool) -> None:
        """
        Reserve memory for each copy of a version whose file has that size.

        Raises NoMemoryError with the figures; its earlier reservation stays then.
        """
        need = sum(_need(size_bytes, is_remote) for is_remote in is_in_worker)
        with self._lock:
            taken = {name: size for name, size in self._needs.items() if name != version}
            if self._limit is not None and sum(taken.values()) + need > self._limit:
                raise NoMemoryError(version, need, taken, self._limit)
            self._needs[version] = need

    def keep(self, version: str, size_bytes: int, is_in_worker: bool) -> None:
        """Reserve memory for one copy of a version, in place of its earlier reservation."""
        with self._lock:
            self._needs[version] = _need(size_bytes, is_in_worker)

    def free(self, version: str) -> None:
        """Free the reservation of a version."""
        with self._lock:
            self._needs.pop(version, None)

    def left_for(self, version: str) -> int:
        """Return the bytes that a version may grow to, 0 without a limit."""
        with self._lock:
            others = sum(size for name, size in self._needs.items() if name != version)
        return 0 if self._limit is None else max(1, self._limit - others)


def resident_bytes(pid: int) -> int:
    """Return the memory that a process uses at present, 0 when it has ended."""
    with suppress(OSError):
        pages = int(Path(f'/proc/{pid}/statm').read_text().split()[1])
        return pages * os.sysconf('SC_PAGE_SIZE')
    return 0


def _need(size_bytes: int, is_in_worker: bool) -> int:
    return size_bytes + size_bytes // 2 + (_WORKER_BYTES if is_in_worker else 0)
