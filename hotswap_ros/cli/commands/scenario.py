# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap scenario …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hotswap_ros.cli.terminal import console, need_ros

scenarios = typer.Typer(
    help='Play rollout scenarios, in virtual time or live.', no_args_is_help=True
)

_Folder = Annotated[
    Path | None, typer.Option(help='Folder of scenario files (default: those of the package).')
]


@scenarios.command('list')
def list_scenarios(folder: _Folder = None) -> None:
    """List the scenarios."""
    from hotswap_ros.cli.verbs.scenario import show_list

    raise typer.Exit(show_list(console(), folder))


@scenarios.command()
def run(
    name: Annotated[
        str, typer.Argument(help='Scenario, first word of several names, or file.')
    ] = '',
    every: Annotated[
        bool, typer.Option('--all', help='Play all scenarios and print a table.')
    ] = False,
    live: Annotated[
        bool, typer.Option('--live', help='Play with simulated robots over DDS, in real time.')
    ] = False,
    speed: Annotated[
        float, typer.Option(help='With --live: times as fast as the scenario.', min=0.1, max=100)
    ] = 1.0,
    seed: Annotated[
        int | None, typer.Option(help='Random seed (default: the seed in the file).')
    ] = None,
    folder: _Folder = None,
) -> None:
    """Play a scenario; the exit code is 1 if it does not end as expected."""
    from hotswap_ros.cli.verbs.scenario import is_group, run_all, run_scenario

    if every or (name and is_group(name, folder)):
        raise typer.Exit(run_all(console(), folder, seed, name))
    if not name:
        raise typer.BadParameter("name a scenario, or use '--all': see 'hotswap scenario list'")
    if live:
        need_ros()
        from hotswap_ros.cli.live.start import run_live

        raise typer.Exit(run_live(console(), name, folder, speed, seed))
    raise typer.Exit(run_scenario(console(), name, folder, seed))
