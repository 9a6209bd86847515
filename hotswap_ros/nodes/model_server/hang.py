# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The way out of a run that hangs and cannot be ended: the process ends, and is started again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hotswap_ros.nodes.model_server.node import ModelServer

#: Exit code of a process that ends because a version hangs in it: EX_SOFTWARE of sysexits.h.
STUCK = 70


def end_if_stuck(server: ModelServer) -> None:
    """
    End this process if a version hangs in it and cannot be ended; the executor hangs too then.

    `robot.launch.py` starts it again, and the last proven version serves.
    """
    version = server.stuck_version
    if not version:
        return
    server.get_logger().fatal(
        f'{version} hangs and cannot be ended: this process ends, and serves the last proven '
        'version when it is started again'
    )
    server.engine.note_hang(version)
    os._exit(STUCK)
