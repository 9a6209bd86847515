# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap scenario …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hotswap_ros.cli.terminal import console, need_ros

scenarios = typer.Typer(help='Try rollouts out, in virtual time or live.', no_args_is_help=True)

_Folder = Annotated[
    Path | None, typer.Option(help="Folder of scenario files; none: the package's.")
]


@scenarios.command('list')
def list_scenarios(folder: _Folder = None) -> None:
    """Say which scenarios there are."""
    from hotswap_ros.cli.verbs.scenario import show_list

    raise typer.Exit(show_list(console(), folder))


@scenarios.command()
def run(
    name: Annotated[
        str, typer.Argument(help="Scenario, the first word of several's names, or a file.")
    ] = '',
    every: Annotated[bool, typer.Option('--all', help='Run all of them; print a table.')] = False,
    live: Annotated[
        bool, typer.Option('--live', help='With simulated robots over DDS, in real time.')
    ] = False,
    speed: Annotated[
        float, typer.Option(help='Live: how much shorter everything takes.', min=0.1, max=100)
    ] = 1.0,
    seed: Annotated[int | None, typer.Option(help="Another seed than the file's.")] = None,
    folder: _Folder = None,
) -> None:
    """Play a scenario, and hold what came of it to what was expected; exits 1 if it differs."""
    from hotswap_ros.cli.verbs.scenario import is_group, run_all, run_scenario

    if every or (name and is_group(name, folder)):
        raise typer.Exit(run_all(console(), folder, seed, name))
    if not name:
        raise typer.BadParameter("name a scenario, or give '--all': see 'hotswap scenario list'")
    if live:
        need_ros()
        from hotswap_ros.cli.live.start import run_live

        raise typer.Exit(run_live(console(), name, folder, speed, seed))
    raise typer.Exit(run_scenario(console(), name, folder, seed))
