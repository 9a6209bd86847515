# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap checklist`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hotswap_ros.plan import ChecklistPreset


def checklist(
    plan: Annotated[Path, typer.Argument(help='Plan file, YAML or JSON.', exists=True)],
    preset: Annotated[
        ChecklistPreset | None, typer.Option(help='Ask for this, whatever the plan says.')
    ] = None,
    repository: Annotated[
        str, typer.Option(help='Model repository to look into where no coordinator answers.')
    ] = '',
) -> None:
    """Show what has to be true before a rollout, and whether it is; exit code 1 when not."""
    from hotswap_ros.cli.verbs.checklist import run_checklist

    console = Console()
    console = console if console.is_terminal else Console(width=140)
    raise typer.Exit(run_checklist(console, plan, preset, repository))


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command()(checklist)
