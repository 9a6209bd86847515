# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap models …`: needs no ROS, and no robot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hotswap_ros.cli.terminal import Json, console, need

Repository = Annotated[
    Path, typer.Option(help='Model repository, a folder.', show_default='models here')
]
Model = Annotated[str, typer.Option(help='Model, if the repository has several.')]
Version = Annotated[str, typer.Argument(help='Name of the version, such as v24.')]

HERE = Path('models')

versions = typer.Typer(
    help='Import versions of a policy, and look at them before they go to robots.',
    no_args_is_help=True,
)


@versions.command('import')
def import_(
    source: Annotated[Path, typer.Argument(help='ONNX file of the policy.')],
    version: Annotated[str, typer.Option(help='Name of the new version, such as v24.')],
    model: Annotated[str, typer.Option(help='Name of the policy, such as pick_policy.')],
    repository: Repository = HERE,
    shape: Annotated[
        list[str] | None,
        typer.Option(help='Size of a dimension that the graph leaves open: batch=1.'),
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option(
            help='Recurrent state: its input and the output that is fed back, h_in=h_out.'
        ),
    ] = None,
    history: Annotated[
        list[str] | None,
        typer.Option(help='Input that has the last observations, and how many: observation=5.'),
    ] = None,
    step_s: Annotated[
        float | None,
        typer.Option(help='Seconds from one step of a chunk to the next.', min=1e-6),
    ] = None,
    execute: Annotated[
        int, typer.Option(help='Steps of a chunk that are played before the next one.', min=1)
    ] = 1,
    blend: Annotated[
        int, typer.Option(help='Steps over which a chunk goes over into the next one.', min=0)
    ] = 0,
    normalize: Annotated[
        Path | None,
        typer.Option(
            help='Statistics of the training set (.safetensors, .npz, .json): inputs are '
            'normalised and outputs brought back to their unit inside the graph.'
        ),
    ] = None,
    min_max: Annotated[
        bool,
        typer.Option(
            '--min-max', help='Normalise from -1 to 1 by min and max, not by mean and std.'
        ),
    ] = False,
    statistic: Annotated[
        list[str] | None,
        typer.Option(help='Tensor and its name in the statistics: obs=observation.state.'),
    ] = None,
    pixels: Annotated[
        list[str] | None,
        typer.Option(
            help='Input that robots give as uint8, 0 to 255, and the graph takes as 0 to 1.'
        ),
    ] = None,
    layout: Annotated[
        list[str] | None,
        typer.Option(help='Input that robots give as height, width, channels: image=HWC.'),
    ] = None,
    resize: Annotated[
        list[str] | None,
        typer.Option(help='Height and width in which robots give an image: image=480x640.'),
    ] = None,
    factor: Annotated[
        list[str] | None,
        typer.Option(help='Unit of the graph in that of robots: joints=57.29578 for degrees.'),
    ] = None,
    samples: Annotated[
        Path | None,
        typer.Option(
            '--from',
            help='Observations (.npz, .npy) to measure bounds, statistics and outputs on.',
        ),
    ] = None,
    like: Annotated[
        str, typer.Option(help='Version whose bounds, deadline and safe decision it takes: v23.')
    ] = '',
    margin: Annotated[
        float,
        typer.Option(help='Part of a measured range that is added at both ends.', min=0.0),
    ] = 0.1,
    deadline_ms: Annotated[
        float | None, typer.Option(help='Milliseconds that a decision may take.', min=0.001)
    ] = None,
    safe_decision: Annotated[
        list[str] | None,
        typer.Option(help='What a robot gets when this version is stable and fails: action=0,0.'),
    ] = None,
    rate_limit: Annotated[
        list[str] | None,
        typer.Option(help='How far an output may change from one step to the next: action=0.05.'),
    ] = None,
    description: Annotated[str, typer.Option(help='A sentence for people.')] = '',
) -> None:
    """Make a version of an ONNX file: manifest, golden samples, and a check."""
    need('onnx')
    from hotswap_ros.cli.verbs.models_import import (
        ImportOrder,
        history_of,
        run_import,
        sizes_of,
        states_of,
    )
    from hotswap_ros.cli.verbs.models_preprocessing import (
        PreprocessingOrder,
        factor_of,
        layout_of,
        numbers_of,
        pairs_of,
        size_of,
    )

    order = ImportOrder(
        source,
        model,
        version,
        repository,
        sizes_of(shape or []),
        samples,
        like,
        margin,
        deadline_ms,
        description,
        states_of(state or []),
        history_of(history or []),
        None if step_s is None else {'step_s': step_s, 'execute': execute, 'blend': blend},
        PreprocessingOrder(
            tuple(pixels or ()),
            pairs_of('--layout', layout or [], layout_of, 'image=HWC'),
            pairs_of('--resize', resize or [], size_of, 'image=480x640'),
            pairs_of('--factor', factor or [], factor_of, 'joints=57.29578'),
            normalize,
            pairs_of('--statistic', statistic or [], str, 'obs=observation.state'),
            min_max,
        ),
        pairs_of('--safe-decision', safe_decision or [], numbers_of, 'action=0,0'),
        pairs_of('--rate-limit', rate_limit or [], numbers_of, 'action=0.05'),
    )
    raise typer.Exit(run_import(console(), order))


@versions.command('list')
def list_(repository: Repository = HERE, json: Json = None) -> None:
    """Show the versions of a repository."""
    from hotswap_ros.cli.verbs.models import run_list

    raise typer.Exit(run_list(console(json), repository, json))


@versions.command()
def show(
    version: Version, model: Model = '', repository: Repository = HERE, json: Json = None
) -> None:
    """Show a version: what it takes, puts out and promises."""
    from hotswap_ros.cli.verbs.models import run_show

    raise typer.Exit(run_show(console(json), repository, model, version, json))


@versions.command()
def diff(
    before: Annotated[str, typer.Argument(help='The version that robots have, such as v23.')],
    after: Annotated[str, typer.Argument(help='The version to compare with it, such as v24.')],
    model: Model = '',
    repository: Repository = HERE,
    json: Json = None,
) -> None:
    """Show what differs between two versions (exit code 1: they cannot run side by side)."""
    from hotswap_ros.cli.verbs.models import run_diff

    raise typer.Exit(run_diff(console(json), repository, model, (before, after), json))


@versions.command()
def check(version: Version, model: Model = '', repository: Repository = HERE) -> None:
    """Load a version as a robot does (exit code 1: a robot would refuse it)."""
    from hotswap_ros.cli.verbs.models_check import run_check

    raise typer.Exit(run_check(console(), repository, model, version))


@versions.command('try')
def try_(
    version: Version,
    sample: Annotated[Path, typer.Option(help='Observations (.npz, .npy).')],
    model: Model = '',
    repository: Repository = HERE,
    json: Json = None,
) -> None:
    """Let a version decide on observations (exit code 1: the guard refuses a decision)."""
    from hotswap_ros.cli.verbs.models_check import run_try

    raise typer.Exit(run_try(console(json), repository, model, version, sample, json))
