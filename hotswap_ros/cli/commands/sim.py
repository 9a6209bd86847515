# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap sim …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

sims = typer.Typer(help='Look at the simulated robots.', no_args_is_help=True)


@sims.command()
def render(
    output: Annotated[Path, typer.Argument(help='Film to write, .gif or .webp.')],
    version: Annotated[
        list[str] | None,
        typer.Option(help='Version to show; give each once. Else v23, v25_regressed.'),
    ] = None,
    tasks: Annotated[int, typer.Option(help='Tasks to show.', min=1, max=50)] = 4,
    first: Annotated[
        int, typer.Option(help='Number of the first task; 0: where they begin to differ.', min=0)
    ] = 0,
    robot: Annotated[str, typer.Option(help='Robot that does the tasks.')] = 'robot_01',
    seed: Annotated[int, typer.Option(help='Seed of robots and tasks.', min=0)] = 1,
    models: Annotated[
        Path | None, typer.Option(help='Model repository; else the one that comes along.')
    ] = None,
    renderer: Annotated[
        str, typer.Option(help='egl, osmesa, drawn; auto: the best that works.')
    ] = 'auto',
    size: Annotated[int, typer.Option(help='Width of each picture, pixels.', min=120)] = 360,
) -> None:
    """Write a film of versions that do the same tasks side by side."""
    from hotswap_ros.cli.verbs.render import Wish, run_render

    wish = Wish(tuple(version or ('v23', 'v25_regressed')), tasks, first, robot, seed)
    raise typer.Exit(run_render(Console(), wish, output, models, renderer, size))
