# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The verbs that come before a rollout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from hotswap_ros.plan import ChecklistPreset


class PlanOrVerb(TyperGroup):
    """A group whose first word may be a plan file: `hotswap rollout plan.yaml` starts it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put in the verb that is meant."""
        if args and args[0] not in self.commands and _is_plan(args[0]):
            args = ['start', *args]
        return super().parse_args(ctx, args)


def _is_plan(word: str) -> bool:
    return Path(word).suffix in ('.yaml', '.yml', '.json') or Path(word).is_file()


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
    from hotswap_ros.cli._before import run_checklist

    console = Console()
    console = console if console.is_terminal else Console(width=140)
    raise typer.Exit(run_checklist(console, plan, preset, repository))


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command()(checklist)
