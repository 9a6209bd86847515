# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap rollback`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from hotswap_ros.cli.verbs.coordinator_call import Connect, with_coordinator
from hotswap_ros.nodes.client import CoordinatorError, FleetClient
from hotswap_ros.text import counted

_ROLLBACK_S = 90.0


def run_rollback(
    console: Console,
    model: str,
    version: str,
    robots: Sequence[str],
    connect: Connect = FleetClient,
) -> int:
    """Order a rollback and wait for its end; return the exit code."""

    def order(client: FleetClient) -> None:
        future = client.roll_back(model, version, robots)
        result = client.wait(future, _ROLLBACK_S, lambda: None)
        if result.robots_total:
            console.print(_rollback_line(result), soft_wrap=True)
        if result.error_code:
            raise CoordinatorError(result.error_msg)

    return with_coordinator(console, connect, order)


def _rollback_line(result: Any) -> str:
    confirmed = result.robots_confirmed
    text = f'{confirmed} of {counted(range(result.robots_total))} confirmed the rollback: '
    if confirmed:
        text += f'commands sent after {result.command_s:.2f} s, last confirmation after '
    else:
        text += 'no confirmation within '
    return f'{text}{result.confirm_s:.2f} s ({result.rollback_id})'
