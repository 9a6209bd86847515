# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
A full disk, simulated in folders in which this process can no longer write.

Python calls an audit hook before it opens a file, and the hook can raise. So the error comes from
the call that writes, as with a full disk.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_full: frozenset[str] = frozenset()
_is_watching = False


def fill(folder: Path) -> None:
    """Make every write below a folder fail with ENOSPC, until `empty`."""
    global _full, _is_watching
    _full |= {_prefix(folder)}
    if not _is_watching:
        # A hook cannot be removed: it is added at the first use.
        _is_watching = True
        sys.addaudithook(_refuse)


def empty(folder: Path) -> None:
    """Allow writes to the folder again."""
    global _full
    _full -= {_prefix(folder)}


def is_full(folder: Path) -> bool:
    """Return whether writes below a folder fail."""
    return bool(_full) and _prefix(folder) in _full


def _prefix(folder: Path) -> str:
    return os.path.join(os.path.realpath(folder), '')  # noqa: PTH118


def _refuse(event: str, args: tuple[Any, ...]) -> None:
    if not _full:
        return
    if event == 'open':
        path, _, flags = args
        if not (isinstance(flags, int) and flags & _WRITES):
            return
    elif event == 'os.mkdir':
        path = args[0]
    else:
        return
    if not isinstance(path, (str, bytes, os.PathLike)):
        return
    where = os.path.realpath(os.fsdecode(path))
    if any(where.startswith(prefix) for prefix in _full):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), where)
