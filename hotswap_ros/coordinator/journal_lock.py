# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Lock that one process at a time holds on the journal."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO


def hold(path: Path) -> IO[bytes]:
    """
    Lock a file beside `path` until the returned file is closed, or the process ends.

    The lock does not stop programs that open `path` without it. Raises BlockingIOError if another
    process holds the lock, and OSError if files cannot be locked.
    """
    path = path.resolve()
    # SQLite loses its own locks when the file that they are on is closed anywhere in the process.
    file = path.with_name(f'{path.name}.lock').open('ab')
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file
