# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The verbs of `hotswap`: they parse and print, the work is done elsewhere."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(
    help='Move a fleet of robots from one policy version to the next, and back.',
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
rollout = typer.Typer(help='Start and watch rollouts.', no_args_is_help=True)
app.add_typer(rollout, name='rollout')


@app.command()
def demo(
    robots: Annotated[int, typer.Option(help='Simulated robots.', min=4, max=100)] = 20,
    speed: Annotated[
        float, typer.Option(help='Simulated seconds per second.', min=0.5, max=50)
    ] = 8.0,
    record: Annotated[
        Path | None, typer.Option(help='Write pictures (SVG) of the live view to this folder.')
    ] = None,
) -> None:
    """Roll a better policy, then a worse one, out over a simulated fleet."""
    _need_ros()
    from hotswap_ros.cli._demo import run_demo

    raise typer.Exit(run_demo(Console(), robots, speed, record))


@rollout.command()
def start(
    plan: Annotated[Path, typer.Argument(help='Plan file, YAML or JSON.', exists=True)],
) -> None:
    """Start a rollout and watch it; Ctrl-C stops watching, the rollout goes on."""
    _need_ros()
    from hotswap_ros.cli._watch import start_and_watch

    raise typer.Exit(start_and_watch(Console(), plan.read_text()))


@rollout.command()
def watch() -> None:
    """Watch the running rollout, or see how the last one ended."""
    _need_ros()
    from hotswap_ros.cli._watch import watch_rollout

    raise typer.Exit(watch_rollout(Console()))


def _need_ros() -> None:
    if importlib.util.find_spec('rclpy') is None:
        raise SystemExit(
            'hotswap: this needs ROS 2 (rclpy): source a ROS 2 workspace that has hotswap_ros, or '
            "run 'make demo' in the repository, which brings its own"
        )


def main() -> None:
    """Run the command line."""
    app(prog_name='hotswap')
