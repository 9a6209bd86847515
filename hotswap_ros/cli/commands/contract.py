# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap contract …`: needs no ROS, and no robot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hotswap_ros.cli.commands.models import HERE, Model, Repository
from hotswap_ros.cli.terminal import console

contracts = typer.Typer(
    help='Check the contract of a robot: its topics as observations and commands.',
    no_args_is_help=True,
)


@contracts.command('check')
def check(
    contract: Annotated[Path, typer.Argument(help='File with the contract.')],
    version: Annotated[str, typer.Option(help='Version that has to fit it, such as v24.')] = '',
    repository: Repository = HERE,
    model: Model = '',
) -> None:
    """Say what a contract gives and takes, and whether a version fits it."""
    from hotswap_ros.cli.verbs.contract import run_check

    raise typer.Exit(run_check(console(), contract, repository, model, version))
