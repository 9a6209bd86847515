# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap sim render`: a film of simulated robots."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import Progress

from hotswap_ros.models import ModelError, ModelRepository, shared
from hotswap_ros.sim.film.painters import RendererMissingError, choose, painter


class FilmRequest(NamedTuple):
    """Versions, tasks and robot of a film; `first` 0: the first task with different ends."""

    versions: tuple[str, ...]
    tasks: int
    first: int
    robot_id: str
    seed: int


def run_render(
    console: Console,
    request: FilmRequest,
    output: Path,
    models: Path | None,
    renderer: str,
    size: int,
) -> int:
    """Write the film; return the exit code."""
    try:
        chosen = choose(renderer)
        written = _render(console, request, output, _repository(models), chosen, size)
    except (ModelError, RendererMissingError, ValueError, OSError) as error:
        console.print(f'hotswap: {error}', style='red', markup=False, highlight=False)
        return 1
    console.print(f'{output}: {written / 1e6:.1f} MB, {_HOW[chosen]}', highlight=False)
    return 0


_HOW = {
    'egl': 'rendered by MuJoCo (EGL)',
    'osmesa': 'rendered by MuJoCo (OSMesa)',
    'drawn': 'drawn without OpenGL',
}


def _render(
    console: Console, request: FilmRequest, output: Path, root: Path, chosen: str, size: int
) -> int:
    from hotswap_ros.sim.film.film import find_difference, length_of, save, shoot
    from hotswap_ros.sim.policies.measure import session_policy
    from hotswap_ros.sim.policies.recipes import MODEL_ID

    repository = ModelRepository(root)
    policies = {
        version: session_policy(repository.verify(MODEL_ID, version).content)
        for version in request.versions
    }
    first = request.first or find_difference(policies, request.robot_id, request.seed)
    film = shoot(policies, request.robot_id, request.seed, first, request.tasks)
    last = first + request.tasks - 1
    console.print(
        f'Tasks {first} to {last} of {request.robot_id}: {film.sentence()}', highlight=False
    )
    pictures = painter(chosen, size, round(size * 0.8))
    with Progress(console=console, transient=True) as bar:
        shown = bar.add_task('rendering', total=length_of(film))
        return save(film, pictures, output, lambda: bar.advance(shown))


def _repository(given: Path | None) -> Path:
    """Return the model repository: the given one, the folder `models` here, or the package's."""
    here = Path('models')
    return given or (here if here.is_dir() else shared('models'))
