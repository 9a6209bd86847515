# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The way out of a run that hangs and cannot be ended: the process ends, and is started again."""

from __future__ import annotations

import os
from typing import Protocol

from rclpy.impl.rcutils_logger import RcutilsLogger

from hotswap_ros.serving import Engine

#: Exit code of a process that ends because a version hangs in it: EX_SOFTWARE of sysexits.h.
STUCK = 70


class Server(Protocol):
    """The node of a model server, as far as its end needs it."""

    @property
    def stuck_version(self) -> str:
        """Return the version that hangs in this process and cannot be ended; empty: none."""

    @property
    def engine(self) -> Engine:
        """Return the serving engine."""

    def get_logger(self) -> RcutilsLogger:
        """Return the logger of the node."""


def end_if_stuck(server: Server) -> None:
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
