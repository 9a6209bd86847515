# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Starting and watching rollouts of a real or simulated fleet."""

from __future__ import annotations

import time

from rich.console import Console

from hotswap_ros.cli._view import RolloutView
from hotswap_ros.nodes.client import FleetClient
from hotswap_ros.rollout import Status

_NO_COORDINATOR = (
    'hotswap: no fleet_coordinator answers: start one (ros2 launch hotswap_ros '
    'coordinator.launch.py), and check that ROS_DOMAIN_ID is the same here and there'
)


def start_and_watch(console: Console, plan: str) -> int:
    """Start a rollout and show it until its end; return the exit code."""
    with FleetClient() as client:
        if not client.wait_for_coordinator(10.0):
            raise SystemExit(_NO_COORDINATOR)
        future = client.start_rollout(plan)
        try:
            with RolloutView(console, 'rollout') as view:
                while not future.done():
                    view.show(client.status, client.robots.copy())
                    time.sleep(0.1)
        except KeyboardInterrupt:
            console.print("The rollout goes on: 'hotswap rollout watch' shows it again.")
            return 0
        result = future.result()
        console.print(result.reason, soft_wrap=True)
        return 1 if result.error_code else 0


def watch_rollout(console: Console) -> int:
    """Show the running or last rollout until it ends; return the exit code."""
    with FleetClient() as client:
        if not client.wait_for_coordinator(10.0):
            raise SystemExit(_NO_COORDINATOR)
        try:
            with RolloutView(console, 'rollout') as view:
                while not _has_ended(client.rollout_state):
                    view.show(client.status, client.robots.copy())
                    time.sleep(0.1)
        except KeyboardInterrupt:
            return 0
        console.print(client.status.reason, soft_wrap=True)
        return 0 if client.rollout_state is Status.SUCCEEDED else 1


def _has_ended(status: Status | None) -> bool:
    return status is not None and status.is_terminal
