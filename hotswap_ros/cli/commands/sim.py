# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap sim …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hotswap_ros.cli.terminal import PlainConsole

sims = typer.Typer(help='Show the simulated robots.', no_args_is_help=True)


@sims.command()
def render(
    output: Annotated[Path, typer.Argument(help='Film to write (.gif or .webp).')],
    version: Annotated[
        list[str] | None,
        typer.Option(help='Version; repeat for several (default: v23 and v25_regressed).'),
    ] = None,
    tasks: Annotated[int, typer.Option(help='Number of tasks.', min=1, max=50)] = 4,
    first: Annotated[
        int,
        typer.Option(help='Number of the first task (0: the first with different ends).', min=0),
    ] = 0,
    robot: Annotated[str, typer.Option(help='Name of the robot.')] = 'robot_01',
    seed: Annotated[int, typer.Option(help='Random seed of robots and tasks.', min=0)] = 1,
    models: Annotated[
        Path | None, typer.Option(help='Model repository (default: that of the package).')
    ] = None,
    renderer: Annotated[
        str, typer.Option(help='Renderer: egl, osmesa, drawn, or auto (the best that works).')
    ] = 'auto',
    size: Annotated[int, typer.Option(help='Width of each picture in pixels.', min=120)] = 360,
) -> None:
    """Write a film in which versions do the same tasks side by side."""
    from hotswap_ros.cli.verbs.render import FilmRequest, run_render

    request = FilmRequest(tuple(version or ('v23', 'v25_regressed')), tasks, first, robot, seed)
    raise typer.Exit(run_render(PlainConsole(), request, output, models, renderer, size))
