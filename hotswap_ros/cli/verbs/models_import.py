# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap models import`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from rich.console import Console

from hotswap_ros.cli.files.samples import Observation, SamplesError, read_samples
from hotswap_ros.cli.verbs.models import refused, tell_unknown
from hotswap_ros.cli.verbs.models_check import check_version
from hotswap_ros.models import (
    DType,
    GoldenSamples,
    Manifest,
    ModelError,
    ModelRepository,
    TensorSpec,
    with_promises_of,
)
from hotswap_ros.models.importers import (
    ImportedGraph,
    ImportedTensor,
    read_onnx,
    write_version,
)
from hotswap_ros.serving.golden import GoldenSample, golden_file
from hotswap_ros.serving.measured import Graph, GraphFailedError, feature_statistics, output_range
from hotswap_ros.text import count, shortened

#: Golden samples of a version: each robot repeats them with each load.
_MOST_GOLDEN = 16
_GOLDEN_FILE = 'golden.npz'
#: Bytes of all golden samples together.
_GOLDEN_BYTES = 20_000_000


@dataclass(frozen=True)
class ImportOrder:
    """
    What somebody asked for.

    `sizes` are those of symbolic dimensions, `samples` a file of observations, `like` a version
    whose promises it takes, and `margin` the part of a measured range that is added at its ends.
    """

    source: Path
    model: str
    version: str
    repository: Path
    sizes: dict[str, int]
    samples: Path | None = None
    like: str = ''
    margin: float = 0.1
    deadline_ms: float | None = None
    description: str = ''


def sizes_of(texts: Sequence[str]) -> dict[str, int]:
    """Return the sizes of dimensions, such as `batch=1`; exit with a remedy for other texts."""
    sizes = {}
    for text in texts:
        name, _, size = text.rpartition('=')
        if not name or not (size.isascii() and size.isdecimal() and int(size[:9]) > 0):
            raise SystemExit(
                f"hotswap: --shape '{shortened(text, 60)}': write a dimension and its size, "
                'batch=1, or a tensor, an index and its size, observation[0]=1'
            )
        sizes[name] = int(size[:9])
    return sizes


def run_import(console: Console, order: ImportOrder) -> int:
    """Make a version of a file, and check it as a robot would; return the exit code."""
    try:
        graph = read_onnx(order.source, order.sizes)
        manifest, files, notes = _version_of(graph, order)
        folder = write_version(order.repository, manifest, files)
    except (ModelError, SamplesError, GraphFailedError, OSError) as error:
        return refused(
            f'{order.source}: {error}' if isinstance(error, GraphFailedError) else error
        )
    except ValidationError as error:
        return refused(_problem_of(error))
    console.print(f'Written: {folder}', markup=False, highlight=False, soft_wrap=True)
    for note in (*graph.notes, *notes):
        console.print(f'  {note}', markup=False, highlight=False)
    tell_unknown(console, manifest)
    return check_version(console, ModelRepository(order.repository), order.model, order.version)


def _version_of(
    graph: ImportedGraph, order: ImportOrder
) -> tuple[Manifest, dict[str, bytes], list[str]]:
    run = Graph(graph.content)
    inputs = tuple(_input_spec(tensor) for tensor in graph.inputs)
    observations = [] if order.samples is None else read_samples(order.samples, inputs)
    zeros = {spec.name: np.zeros(spec.shape, spec.dtype.value) for spec in inputs}
    outputs = [run(observation) for observation in observations or [zeros]]
    manifest = Manifest(
        model=order.model,
        version=order.version,
        file='model.onnx',
        sha256=hashlib.sha256(graph.content).hexdigest(),
        size_bytes=len(graph.content),
        inputs=inputs,
        outputs=tuple(_output_spec(tensor, outputs[0][tensor.name]) for tensor in graph.outputs),
        deadline_ms=order.deadline_ms,
        description=order.description,
    )
    if order.like:
        other = ModelRepository(order.repository).manifest(order.model, order.like)
        manifest = with_promises_of(other, manifest)
    files = {manifest.file: graph.content}
    notes: list[str] = []
    if observations:
        manifest = _with_measured_bounds(manifest, outputs, order.margin, notes)
        manifest = _with_statistics(manifest, observations, notes)
        manifest, files[_GOLDEN_FILE] = _with_golden(manifest, observations, outputs, notes)
    return manifest, files, notes


def _input_spec(tensor: ImportedTensor) -> TensorSpec:
    return TensorSpec(name=tensor.name, dtype=tensor.dtype, shape=tensor.shape or ())


def _output_spec(tensor: ImportedTensor, output: NDArray[Any]) -> TensorSpec:
    """Return the form of an output, as a run shows it."""
    return TensorSpec(name=tensor.name, dtype=DType(output.dtype.name), shape=output.shape)


def _with_measured_bounds(
    manifest: Manifest, outputs: Sequence[Observation], margin: float, notes: list[str]
) -> Manifest:
    """Return the manifest with bounds of outputs that have none."""
    specs = []
    for spec in manifest.outputs:
        found = None
        if spec.dtype.is_float and spec.low is None and spec.high is None:
            found = output_range([values[spec.name] for values in outputs], margin)
        if found is not None:
            spec = spec.model_copy(update={'low': found[0], 'high': found[1]})
            notes.append(
                f"bounds of '{spec.name}': its range over {count(len(outputs), 'observation')}, "
                f'and {100 * margin:.0f}% of it at both ends'
            )
        specs.append(spec)
    return manifest.model_copy(update={'outputs': tuple(specs)})


def _with_statistics(
    manifest: Manifest, observations: Sequence[Observation], notes: list[str]
) -> Manifest:
    by_input = {
        spec.name: [observation[spec.name] for observation in observations]
        for spec in manifest.inputs
        if spec.dtype.is_float
    }
    statistics = feature_statistics(by_input)
    if statistics:
        notes.append(f'statistics of {count(len(statistics), "feature")} of the inputs')
    return manifest.model_copy(update={'input_statistics': statistics})


def _with_golden(
    manifest: Manifest,
    observations: Sequence[Observation],
    outputs: Sequence[Observation],
    notes: list[str],
) -> tuple[Manifest, bytes]:
    """Return the manifest with golden samples, spread over the observations, and their file."""
    each = sum(array.nbytes for part in (observations[0], outputs[0]) for array in part.values())
    most = max(1, min(_MOST_GOLDEN, len(observations), _GOLDEN_BYTES // max(1, each)))
    chosen = np.linspace(0, len(observations) - 1, most).astype(int)
    content = golden_file([GoldenSample(observations[i], outputs[i]) for i in chosen])
    golden = GoldenSamples(
        file=_GOLDEN_FILE,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
    )
    notes.append(f'{count(most, "golden sample")}, which each robot repeats before it serves')
    return manifest.model_copy(update={'golden': golden}), content


def _problem_of(error: ValidationError) -> str:
    first = error.errors()[0]
    where = '.'.join(str(part) for part in first['loc'])
    problem = first['msg'].removeprefix('Value error, ')
    return f'{where}: {problem}' if where else problem
