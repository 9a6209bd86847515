# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Progress of a command in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn


@contextmanager
def reading_bar(console: Console) -> Iterator[Callable[[float], None]]:
    """Show how far a file was read; yields what is called with the part (0 to 1)."""
    columns = ('reading', BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task('', total=1.0)

        def advance(part: float) -> None:
            progress.update(bar, completed=part)

        yield advance
