# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Measurements of a version on observations: the range of its outputs, and its inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.models import BINS, FeatureStatistics, Manifest
from hotswap_ros.serving.golden import GoldenSample
from hotswap_ros.serving.onnx.runtime import RuntimeRefusedError, RuntimeSettings, open_runtime
from hotswap_ros.serving.task_memory import MemoryForm, Tensors

#: Inputs with more elements, such as images, get no statistics: nobody reads a thousand of them.
MOST_FEATURES = 1000

_CPU_ONLY = RuntimeSettings()


class GraphFailedError(Exception):
    """The runtime refuses a graph, or an observation; the message is the reason."""


class Graph:
    """A graph that is not a version yet, in the runtime. Raises GraphFailedError."""

    def __init__(self, content: bytes, settings: RuntimeSettings = _CPU_ONLY) -> None:
        with NamedTemporaryFile(suffix='.onnx') as file:
            file.write(content)
            file.flush()
            try:
                self._runtime, _ = open_runtime(file.name, settings)
            except RuntimeRefusedError as error:
                raise GraphFailedError(str(error)) from error
        self._names = [node.name for node in self._runtime.get_outputs()]

    def __call__(self, inputs: Tensors) -> Tensors:
        """Return the outputs for one observation. Raises GraphFailedError."""
        try:
            outputs = self._runtime.run(self._names, inputs)
        except Exception as error:
            raise GraphFailedError(str(error)) from error
        return dict(zip(self._names, outputs, strict=True))


def decided_in_turn(
    manifest: Manifest, run: Callable[[Tensors], Tensors], observations: Sequence[Tensors]
) -> list[GoldenSample]:
    """Return all inputs and outputs of decisions on observations, which are those of one task."""
    memory = MemoryForm(manifest).begin()
    samples = []
    for observation in observations:
        inputs = memory.inputs_for(observation)
        # The memory goes on with the array of a history.
        inputs |= {name: inputs[name].copy() for name in manifest.history}
        outputs = run(inputs)
        memory.keep(dict(outputs))
        samples.append(GoldenSample(inputs, outputs))
    return samples


def output_range(
    outputs: Sequence[NDArray[Any]], margin: float
) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """
    Return the least and the largest value of each element of the last dimension, widened.

    `outputs` are those of many observations. `margin` is the part of the range that is added at
    both ends. None where an output is not finite, or has no dimension.
    """
    rows = _rows(outputs)
    if rows is None or not np.isfinite(rows).all():
        return None
    low, high = rows.min(axis=0), rows.max(axis=0)
    more = margin * (high - low)
    return tuple((low - more).tolist()), tuple((high + more).tolist())


def feature_statistics(
    observations: Mapping[str, Sequence[NDArray[Any]]],
) -> dict[str, FeatureStatistics]:
    """
    Return the statistics of each feature, such as `observation[3]`, without discrete ones.

    `observations` has many arrays for each input; a feature is an element of the last dimension.
    """
    found = {}
    for name, arrays in observations.items():
        rows = _rows(arrays) if arrays[0].size <= MOST_FEATURES else None
        if rows is None:
            continue
        for index, values in enumerate(rows.T):
            deciles = np.quantile(values, np.linspace(0.1, 0.9, BINS - 1))
            if (np.diff(deciles) > 0).all():
                found[f'{name}[{index}]'] = FeatureStatistics(
                    mean=values.mean(), std=values.std(), deciles=tuple(deciles)
                )
    return found


def _rows(arrays: Sequence[NDArray[Any]]) -> NDArray[np.float64] | None:
    if arrays[0].ndim == 0 or arrays[0].size == 0:
        return None
    return np.concatenate([a.reshape(-1, a.shape[-1]) for a in arrays]).astype(np.float64)
