# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The manifest of a version: its inputs, its outputs and their limits, and its file."""

from __future__ import annotations

import enum
import re
from typing import Annotated, Any, NamedTuple

from pydantic import Field, StringConstraints, model_validator

from hotswap_ros.limits import DEADLINE_MS, GOLDEN_BYTES, MODEL_BYTES, TENSORS, TEXT_DEPTH
from hotswap_ros.models.chunk import Chunk, require_chunk
from hotswap_ros.models.counters import FeatureStatistics
from hotswap_ros.models.task_memory import (
    HistoryLength,
    StateTensor,
    TakeOver,
    observed,
    require_history,
    require_states,
)
from hotswap_ros.models.tensor import Part, TensorSpec, Text, feature_of
from hotswap_ros.text import few

_NAME = r'[A-Za-z0-9][A-Za-z0-9._+-]{0,127}'

#: A name that is safe as a folder and as part of an address; `+` as in 1.2.0+cu121.
Name = Annotated[str, StringConstraints(pattern=f'^{_NAME}$')]
Sha256 = Annotated[str, StringConstraints(to_lower=True, pattern=r'^[0-9A-Fa-f]{64}$')]
Tensors = Annotated[tuple[TensorSpec, ...], Field(min_length=1, max_length=TENSORS)]


class Metric(str, enum.Enum):
    """Distance of two decisions, over all elements of all outputs."""

    MAX = 'max'  # the largest difference
    RMS = 'rms'  # root of the mean square
    L2 = 'l2'  # length of the difference


class Comparison(Part):
    """Agreement of a shadow: its decision is within `tolerance`, in the unit of the outputs."""

    metric: Metric = Metric.MAX
    tolerance: float = Field(1e-3, ge=0)


class GoldenSamples(Part):
    """
    Observations, and what the version put out for them where it was imported: an .npz file.

    A robot that loads the version repeats them: an output may differ by `tolerance`, in its unit
    and beyond that relative to its size.
    """

    file: Name = 'golden.npz'
    sha256: Sha256
    size_bytes: int = Field(gt=0, le=GOLDEN_BYTES)
    tolerance: float = Field(1e-3, ge=0)


class StatedFile(NamedTuple):
    """A file of a version, as its manifest states it under `key`."""

    key: str
    name: str
    sha256: str
    size_bytes: int


class Manifest(Part):
    """
    The promises of a version: the file `manifest.json` beside `model.onnx`.

    The guard checks `outputs` and `deadline_ms`; the repository checks `sha256`. As a shadow the
    version is compared with stable by `comparison`. `safe_decision` has, for every output, one
    number for all elements or one for each of the last dimension: the robot gets it when this
    version is stable and fails; without one, it gets an error. `state` are recurrent states, which
    the engine keeps for each task; an input with a `history` has the last observations, of which a
    robot gives one. `take_over` says what happens when this version is stable and has to go on
    with a task of another one. With `chunk`, a decision is several steps. `golden` are samples
    that a robot repeats before it serves the version. `input_statistics` describes input features
    (`observation[3]`) in the training data.
    """

    format: int = Field(1, ge=1, le=1)
    model: Name
    version: Name
    file: Name = 'model.onnx'
    sha256: Sha256
    size_bytes: int = Field(gt=0, le=MODEL_BYTES)
    inputs: Tensors
    outputs: Tensors
    deadline_ms: float | None = Field(None, gt=0, le=DEADLINE_MS)
    comparison: Comparison = Comparison()
    safe_decision: dict[str, float | tuple[float, ...]] | None = None
    state: tuple[StateTensor, ...] = Field((), max_length=TENSORS)
    history: dict[str, HistoryLength] = Field(default_factory=dict, max_length=TENSORS)
    take_over: TakeOver = TakeOver.RESET
    chunk: Chunk | None = None
    golden: GoldenSamples | None = None
    input_statistics: dict[str, FeatureStatistics] = Field(default_factory=dict)
    description: Text = ''
    training: dict[str, Any] = Field(default_factory=dict)

    @property
    def files(self) -> tuple[StatedFile, ...]:
        """Return the files of the version besides this manifest, the model first."""
        model = StatedFile('file', self.file, self.sha256, self.size_bytes)
        golden = self.golden
        if golden is None:
            return (model,)
        return (model, StatedFile('golden.file', golden.file, golden.sha256, golden.size_bytes))

    @property
    def total_bytes(self) -> int:
        """Return the size of these files together."""
        return sum(file.size_bytes for file in self.files)

    @property
    def observations(self) -> tuple[TensorSpec, ...]:
        """Return what a robot gives: inputs without states, and one of each history."""
        states = {state.input for state in self.state}
        return tuple(
            observed(spec, self.history[spec.name]) if spec.name in self.history else spec
            for spec in self.inputs
            if spec.name not in states
        )

    @property
    def decisions(self) -> tuple[TensorSpec, ...]:
        """Return what a robot gets: the outputs without states."""
        states = {state.output for state in self.state}
        return tuple(spec for spec in self.outputs if spec.name not in states)

    @model_validator(mode='after')
    def _memory_fits(self) -> Manifest:
        inputs = {spec.name: spec for spec in self.inputs}
        require_states(self.state, inputs, {spec.name: spec for spec in self.outputs})
        require_history(self.history, self.state, inputs)
        return self

    @model_validator(mode='after')
    def _chunk_fits(self) -> Manifest:
        if self.chunk is not None:
            require_chunk(self.chunk, self.decisions)
        return self

    @model_validator(mode='after')
    def _take_over_is_possible(self) -> Manifest:
        if self.take_over is TakeOver.SAFE and self.safe_decision is None:
            raise ValueError("'take_over' is 'safe' without a 'safe_decision': add one")
        if self.take_over is not TakeOver.RESET and not (self.state or self.history):
            raise ValueError(
                f"'take_over' is '{self.take_over.value}', and the version remembers nothing: "
                "remove it, or declare 'state' or 'history'"
            )
        return self

    @model_validator(mode='after')
    def _files_are_different(self) -> Manifest:
        names = [file.name for file in self.files]
        if len(set(names)) != len(names):
            raise ValueError(f"'golden.file' is '{names[0]}', as the model: give it another name")
        return self

    @model_validator(mode='after')
    def _rates_are_of_outputs(self) -> Manifest:
        for spec in self.inputs:
            if spec.rate_limit is not None:
                raise ValueError(f"'rate_limit' of '{spec.name}': an input has none")
        return self

    @model_validator(mode='after')
    def _statistics_are_of_inputs(self) -> Manifest:
        widths = {spec.name: spec.width for spec in self.observations}
        unknown = [
            name for name in sorted(self.input_statistics) if feature_of(name, widths) is None
        ]
        if unknown:
            example = f'{self.observations[0].name}[0]'
            raise ValueError(
                f"'input_statistics' names {few(unknown)}, which no input has: name a "
                f"tensor and an index in its last dimension, such as '{example}'"
            )
        return self

    @model_validator(mode='after')
    def _names_are_unique(self) -> Manifest:
        for kind in ('inputs', 'outputs'):
            names = [spec.name for spec in getattr(self, kind)]
            if len(set(names)) != len(names):
                raise ValueError(f"'{kind}' names a tensor twice: {', '.join(names)}")
        return self

    @model_validator(mode='after')
    def _training_is_shallow(self) -> Manifest:
        level: list[Any] = [self.training]
        for _ in range(TEXT_DEPTH):
            level = [inner for value in level for inner in _inside(value)]
        if level:
            raise ValueError(f"'training' is nested deeper than {TEXT_DEPTH} levels: remove some")
        return self

    @model_validator(mode='after')
    def _safe_decision_is_one(self) -> Manifest:
        if self.safe_decision is None:
            return self
        specs = {spec.name: spec for spec in self.decisions}
        if specs.keys() != self.safe_decision.keys():
            raise ValueError(
                f"'safe_decision' is for {', '.join(self.safe_decision)}, the outputs are "
                f'{", ".join(specs)}'
            )
        for name, numbers in self.safe_decision.items():
            specs[name].require_allowed('safe_decision', numbers)
        return self


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def is_name(text: str) -> bool:
    """Return whether `text` may name a model or a version."""
    return re.fullmatch(_NAME, text) is not None
