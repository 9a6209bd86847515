# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
A disk that is full, without a disk of its own: folders in which this process can write no more.

Python tells an audit hook of each file that is about to be opened, and the hook may refuse. So the
error comes from the very call that writes, whoever makes it, as it does when a disk is full.
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
    """Let every attempt to write below a folder fail with ENOSPC, until `empty`."""
    global _full, _is_watching
    _full |= {_prefix(folder)}
    if not _is_watching:
        # A hook cannot be taken back: there is none before somebody needs it.
        _is_watching = True
        sys.addaudithook(_refuse)


def empty(folder: Path) -> None:
    """Let the folder be written to again."""
    global _full
    _full -= {_prefix(folder)}


def is_full(folder: Path) -> bool:
    """Return whether nothing can be written below a folder."""
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
