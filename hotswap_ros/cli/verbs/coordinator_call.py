# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Saying something to rollouts, and asking what became of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from rich.console import Console
from rich.text import Text

from hotswap_ros.nodes.client import CoordinatorError, FleetClient

_ANSWER_S = 10.0

Connect = Callable[[], AbstractContextManager[Any]]


def with_coordinator(console: Console, connect: Connect, do: Callable[[FleetClient], None]) -> int:
    """Do something with the coordinator; return the exit code."""
    with connect() as client:
        if not client.wait_for_coordinator(_ANSWER_S):
            raise SystemExit(NO_COORDINATOR)
        try:
            do(client)
        except (CoordinatorError, TimeoutError) as error:
            console.print(Text(f'hotswap: {error}', style='red'), soft_wrap=True)
            return 1
    return 0


NO_COORDINATOR = (
    'hotswap: no fleet_coordinator answers: start one (ros2 launch hotswap_ros '
    'coordinator.launch.py), and check that ROS_DOMAIN_ID is the same here and there'
)
