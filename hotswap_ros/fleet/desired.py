# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The desired routing of one robot."""

from __future__ import annotations

from dataclasses import dataclass

from hotswap_ros.models import Routing


@dataclass(frozen=True)
class Desired:
    """
    The routing that one robot should serve, and the versions that it keeps resident.

    `previous` is the target of a rollback without a version: what it served before its last
    rollout, or what it was rolled back to since. `retired` versions are unloaded,
    and deleted from the robot's cache.
    """

    robot_id: str
    routing: Routing
    resident: tuple[str, ...]
    previous: str = ''
    retired: tuple[str, ...] = ()
