# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The command line, assembled from the groups in `commands`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import hotswap_ros
from hotswap_ros.cli.commands import (
    analysis,
    checklist,
    contract,
    journal,
    models,
    rollout,
    scenario,
    sim,
)
from hotswap_ros.cli.terminal import PlainConsole, need_ros

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={'help_option_names': ['-h', '--help']},
)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f'hotswap_ros {hotswap_ros.__version__}')
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool,
        typer.Option(
            '--version', help='Show the version and exit.', callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Roll new policies out over a fleet of robots, and roll them back."""


@app.command()
def demo(
    robots: Annotated[int, typer.Option(help='Number of simulated robots.', min=4, max=100)] = 20,
    speed: Annotated[
        float, typer.Option(help='Simulated seconds per second.', min=0.5, max=50)
    ] = 8.0,
    record: Annotated[
        Path | None, typer.Option(help='Write pictures (SVG) of the live view into this folder.')
    ] = None,
) -> None:
    """Show a good rollout, a rollback and a bad rollout in simulation."""
    need_ros()
    from hotswap_ros.cli.verbs.demo import run_demo

    raise typer.Exit(run_demo(PlainConsole(), robots, speed, record))


analysis.register(app)
app.add_typer(rollout.rollouts, name='rollout')
app.add_typer(journal.journals, name='journal')
app.add_typer(models.versions, name='models')
app.add_typer(contract.contracts, name='contract')
checklist.register(app)
rollout.register(app)
app.add_typer(scenario.scenarios, name='scenario')
app.add_typer(sim.sims, name='sim')


def main() -> None:
    """Run the command line."""
    app(prog_name='hotswap')
