# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A file that one process at a time holds, for as long as it lives."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO


def hold(path: Path) -> IO[bytes]:
    """
    Lock a file beside another one until what is returned is closed, or the process ends.

    Whoever reads or writes the other file without asking is not kept from it. Raises
    BlockingIOError where somebody else holds it, and OSError where files cannot be locked.
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
