# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap checklist`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hotswap_ros.cli.terminal import Json, console
from hotswap_ros.plan import ChecklistPreset


def checklist(
    plan: Annotated[Path, typer.Argument(help='Plan file, YAML or JSON.', exists=True)],
    preset: Annotated[
        ChecklistPreset | None,
        typer.Option(help='Use this preset instead of the one in the plan.'),
    ] = None,
    repository: Annotated[
        str, typer.Option(help='Model repository to read if no coordinator answers.')
    ] = '',
    json: Json = None,
) -> None:
    """Check a plan before its rollout (exit code 1: it is blocked)."""
    from hotswap_ros.cli.verbs.checklist import run_checklist

    raise typer.Exit(run_checklist(console(json), plan, preset, repository, json))


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command()(checklist)
