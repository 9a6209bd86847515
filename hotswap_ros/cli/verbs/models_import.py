# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap models import`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from rich.console import Console

from hotswap_ros.cli.files.samples import Observation, SamplesError, read_samples
from hotswap_ros.cli.files.statistics import StatisticsError
from hotswap_ros.cli.verbs.models import refused, tell_unknown
from hotswap_ros.cli.verbs.models_check import check_version
from hotswap_ros.cli.verbs.models_preprocessing import (
    MOST_PROVEN,
    PreprocessingOrder,
    changes_of,
    proof_words,
    random_observations,
)
from hotswap_ros.models import (
    Chunk,
    DType,
    GoldenSamples,
    Manifest,
    ModelError,
    ModelRepository,
    StateTensor,
    TensorSpec,
    likely_states,
    with_promises_of,
)
from hotswap_ros.models.importers import (
    ImportedGraph,
    ImportedTensor,
    PreprocessingError,
    read_onnx,
    write_version,
)
from hotswap_ros.serving.golden import GoldenSample, golden_file
from hotswap_ros.serving.measured import (
    Graph,
    GraphFailedError,
    decided_in_turn,
    feature_statistics,
    output_range,
)
from hotswap_ros.text import count, few, shortened

#: Golden samples of a version: each robot repeats them with each load.
_MOST_GOLDEN = 16
_GOLDEN_FILE = 'golden.npz'
#: One number for all elements of an output, or one for each of its last dimension.
Numbers = float | tuple[float, ...]
#: Bytes of all golden samples together.
_GOLDEN_BYTES = 20_000_000


@dataclass(frozen=True)
class ImportOrder:
    """
    What somebody asked for.

    `sizes` are those of symbolic dimensions, `samples` a file of observations, `like` a version
    whose promises it takes, and `margin` the part of a measured range that is added at its ends.
    `states` are the outputs that are fed back, by their inputs, and `history` how many
    observations an input has. `chunk` has the keys of the manifest. `preprocessing` lies between
    the robot's quantities and the graph. `safe_decision` and `rate_limits` are those of outputs.
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
    states: dict[str, str] = field(default_factory=dict)
    history: dict[str, int] = field(default_factory=dict)
    chunk: dict[str, float] | None = None
    preprocessing: PreprocessingOrder = field(default_factory=PreprocessingOrder)
    safe_decision: dict[str, Numbers] = field(default_factory=dict)
    rate_limits: dict[str, Numbers] = field(default_factory=dict)


def sizes_of(texts: Sequence[str]) -> dict[str, int]:
    """Return the sizes of dimensions, such as `batch=1`; exit with a remedy for other texts."""
    remedy = (
        'write a dimension and its size, batch=1, or a tensor, an index and its size, '
        'observation[0]=1'
    )
    return _numbers_of('--shape', texts, remedy)


def history_of(texts: Sequence[str]) -> dict[str, int]:
    """Return the lengths of histories, such as `observation=5`; exit with a remedy."""
    remedy = 'write an input and how many observations it has, observation=5'
    return _numbers_of('--history', texts, remedy)


def states_of(texts: Sequence[str]) -> dict[str, str]:
    """Return outputs by the inputs that they are fed into, such as `h_in=h_out`; or exit."""
    states = {}
    for text in texts:
        given, _, put_out = text.partition('=')
        if not (given and put_out):
            raise SystemExit(
                f"hotswap: --state '{shortened(text, 60)}': write the input and the output that "
                'is fed into it, h_in=h_out'
            )
        states[given] = put_out
    return states


def _numbers_of(option: str, texts: Sequence[str], remedy: str) -> dict[str, int]:
    numbers = {}
    for text in texts:
        name, _, number = text.rpartition('=')
        if not name or not (number.isascii() and number.isdecimal() and int(number[:9]) > 0):
            raise SystemExit(f"hotswap: {option} '{shortened(text, 60)}': {remedy}")
        numbers[name] = int(number[:9])
    return numbers


def run_import(console: Console, order: ImportOrder) -> int:
    """Make a version of a file, and check it as a robot would; return the exit code."""
    try:
        graph = read_onnx(order.source, order.sizes)
        names = [tensor.name for tensor in (*graph.inputs, *graph.outputs)]
        changes = changes_of(order.preprocessing, names)
        if changes:
            graph = read_onnx(order.source, order.sizes, changes)
        manifest, files, notes = _version_of(graph, order)
        folder = write_version(order.repository, manifest, files)
    except (ModelError, SamplesError, StatisticsError, GraphFailedError, OSError) as error:
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
    manifest = _bare_manifest(graph, order, run)
    if order.like:
        other = ModelRepository(order.repository).manifest(order.model, order.like)
        manifest = with_promises_of(other, manifest)
    manifest = _with_promises(manifest, order)
    files = {manifest.file: graph.content}
    notes = [
        f"'{put_out}' may be a recurrent state that is fed into '{given}': if it is, import with "
        f'--state {given}={put_out}'
        for given, put_out in likely_states(manifest)
    ]
    observations = None
    if order.samples is not None:
        observations = read_samples(order.samples, manifest.observations)
    if graph.merged is not None:
        trials = random_observations(manifest) if observations is None else observations
        samples = decided_in_turn(manifest, run, trials[:MOST_PROVEN])
        notes.append(proof_words(graph.merged, samples))
    if observations is not None:
        samples = decided_in_turn(manifest, run, observations)
        manifest = _with_measured_bounds(manifest, samples, order.margin, notes)
        manifest = _with_statistics(manifest, observations, notes)
        manifest, files[_GOLDEN_FILE] = _with_golden(manifest, samples, notes)
    return manifest, files, notes


def _bare_manifest(graph: ImportedGraph, order: ImportOrder, run: Graph) -> Manifest:
    """Return what the graph itself tells; the form of outputs is what a run on zeros shows."""
    inputs = tuple(_input_spec(tensor) for tensor in graph.inputs)
    outputs = run({spec.name: np.zeros(spec.shape, spec.dtype.value) for spec in inputs})
    return Manifest(
        model=order.model,
        version=order.version,
        file='model.onnx',
        sha256=hashlib.sha256(graph.content).hexdigest(),
        size_bytes=len(graph.content),
        inputs=inputs,
        outputs=tuple(_output_spec(tensor, outputs[tensor.name]) for tensor in graph.outputs),
        state=tuple(StateTensor(input=i, output=o) for i, o in order.states.items()),
        history=order.history,
        chunk=None if order.chunk is None else Chunk.model_validate(order.chunk),
        deadline_ms=order.deadline_ms,
        description=order.description,
    )


def _with_promises(manifest: Manifest, order: ImportOrder) -> Manifest:
    """Return the manifest with the promises that somebody gave. Raises ValidationError."""
    unknown = sorted(set(order.rate_limits) - {spec.name for spec in manifest.decisions})
    if unknown:
        names = few(spec.name for spec in manifest.decisions)
        raise PreprocessingError(f"'--rate-limit' names {few(unknown)}: the outputs are {names}")
    outputs = [
        spec.model_dump()
        | ({'rate_limit': order.rate_limits[spec.name]} if spec.name in order.rate_limits else {})
        for spec in manifest.outputs
    ]
    safe = {**(manifest.safe_decision or {}), **order.safe_decision} or None
    return Manifest.model_validate(
        manifest.model_dump() | {'outputs': outputs, 'safe_decision': safe}
    )


def _input_spec(tensor: ImportedTensor) -> TensorSpec:
    return TensorSpec(name=tensor.name, dtype=tensor.dtype, shape=tensor.shape or ())


def _output_spec(tensor: ImportedTensor, output: NDArray[Any]) -> TensorSpec:
    """Return the form of an output, as a run shows it."""
    return TensorSpec(name=tensor.name, dtype=DType(output.dtype.name), shape=output.shape)


def _with_measured_bounds(
    manifest: Manifest, samples: Sequence[GoldenSample], margin: float, notes: list[str]
) -> Manifest:
    """Return the manifest with bounds of outputs that have none."""
    specs = []
    for spec in manifest.outputs:
        found = None
        is_open = spec.low is None and spec.high is None
        if spec in manifest.decisions and spec.dtype.is_float and is_open:
            found = output_range([sample.outputs[spec.name] for sample in samples], margin)
        if found is not None:
            spec = spec.model_copy(update={'low': found[0], 'high': found[1]})
            notes.append(
                f"bounds of '{spec.name}': its range over {count(len(samples), 'observation')}, "
                f'and {100 * margin:.0f}% of it at both ends'
            )
        specs.append(spec)
    return manifest.model_copy(update={'outputs': tuple(specs)})


def _with_statistics(
    manifest: Manifest, observations: Sequence[Observation], notes: list[str]
) -> Manifest:
    by_input = {
        spec.name: [observation[spec.name] for observation in observations]
        for spec in manifest.observations
        if spec.dtype.is_float
    }
    statistics = feature_statistics(by_input)
    if statistics:
        notes.append(f'statistics of {count(len(statistics), "feature")} of the inputs')
    return manifest.model_copy(update={'input_statistics': statistics})


def _with_golden(
    manifest: Manifest, samples: Sequence[GoldenSample], notes: list[str]
) -> tuple[Manifest, bytes]:
    """Return the manifest with golden samples, spread over the observations, and their file."""
    each = sum(array.nbytes for part in samples[0] for array in part.values())
    most = max(1, min(_MOST_GOLDEN, len(samples), _GOLDEN_BYTES // max(1, each)))
    content = golden_file([samples[i] for i in np.linspace(0, len(samples) - 1, most).astype(int)])
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
