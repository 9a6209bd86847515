# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Calls to the coordinator, with its errors shown to the user."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from rich.console import Console
from rich.text import Text

from hotswap_ros.cli.terminal import NO_COORDINATOR
from hotswap_ros.nodes.client import CoordinatorError, FleetClient

_ANSWER_S = 10.0

Connect = Callable[[], AbstractContextManager[Any]]


def with_coordinator(console: Console, connect: Connect, do: Callable[[FleetClient], None]) -> int:
    """Call `do` with a client of the coordinator; return the exit code."""
    with connect() as client:
        if not client.wait_for_coordinator(_ANSWER_S):
            raise SystemExit(f'hotswap: {NO_COORDINATOR}')
        try:
            do(client)
        except (CoordinatorError, TimeoutError) as error:
            console.print(Text(f'hotswap: {error}', style='red'), soft_wrap=True)
            return 1
    return 0
