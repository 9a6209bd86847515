# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Memory that the engine and a worker share, for observations and outputs."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.models import FailureCause, Manifest, TensorSpec

#: First byte of a reply. The rest is text for people.
DONE, RAISED, WRONG_OUTPUT = b'D', b'R', b'W'

#: The failure of a shadow is reported as the index of its cause in here, plus one.
CAUSES = tuple(FailureCause)
#: A shadow that remembers tasks does not know the earlier observations of this one.
FORGOTTEN = 255

#: Tensors begin at multiples of this many bytes, for the vector instructions of the runtime.
_ALIGNMENT = 64

#: Number of samples: as many as fit in this many bytes, and at least a few.
_SAMPLE_BYTES, _FEWEST_SAMPLES, _MOST_SAMPLES = 8_000_000, 4, 64


class Slot(NamedTuple):
    """Room for one observation and the outputs of a version for it."""

    inputs: dict[str, NDArray[Any]]
    outputs: dict[str, NDArray[Any]]

    @classmethod
    def of(cls, manifest: Manifest) -> Slot:
        """Return a slot in this process's own memory."""
        inputs, outputs = (
            {spec.name: np.zeros(spec.shape, spec.dtype.value) for spec in specs}
            for specs in (manifest.inputs, manifest.outputs)
        )
        return cls(inputs, outputs)


class Times:
    """
    When the worker began and ended the request, and the processor time of its thread, in seconds.

    Times are those of `perf_counter`, which on Linux is one clock for all processes.
    """

    __slots__ = ('_figures',)

    def __init__(self, figures: NDArray[np.float64]) -> None:
        self._figures = figures

    def reset(self) -> None:
        """Forget the last request."""
        self._figures[0] = self._figures[1] = 0.0

    def begin(self, now_s: float) -> None:
        """Note when the worker began."""
        self._figures[0] = now_s

    def end(self, now_s: float, interrupted_s: float) -> None:
        """Note when the worker ended, and how long other processes had its processor."""
        self._figures[4] = interrupted_s
        self._figures[1] = now_s

    def rest(self, cpu_s: float) -> None:
        """Note the processor time that the thread has used, between two requests."""
        self._figures[3] = cpu_s - self._figures[2]
        self._figures[2] = cpu_s

    @property
    def began_s(self) -> float:
        """Return when the worker began, 0.0: it has not."""
        return float(self._figures[0])

    @property
    def ended_s(self) -> float:
        """Return when the worker ended, 0.0: it has not."""
        return float(self._figures[1])

    @property
    def interrupted_s(self) -> float:
        """Return how long other processes had the processor of the worker meanwhile."""
        return float(self._figures[4])

    @property
    def cpu_before_s(self) -> float:
        """Return the processor time that the thread had used before the request."""
        return float(self._figures[2])

    @property
    def cpu_of_last_s(self) -> float:
        """Return the processor time that the last request took, once it was answered."""
        return float(self._figures[3])


class Sample(NamedTuple):
    """An observation for the shadow, stable's outputs on it, and room for the shadow's own."""

    inputs: dict[str, NDArray[Any]]
    outputs: dict[str, NDArray[Any]]
    shadow_outputs: dict[str, NDArray[Any]]
    #: Distance, and latency of the shadow in ms.
    figures: NDArray[np.float64]
    #: Number of the task, whether this is its first observation, and how many steps of a chunk
    #: both versions put out.
    numbers: NDArray[np.uint64]
    #: One for each output, whether stable puts it out too.
    shared: NDArray[np.uint8]


class Exchange:
    """
    Shared memory in the layout of a manifest, which both sides know: it holds numbers only.

    The memory has no name, so nothing is left behind: it is freed when both sides have closed it
    or ended. Raises OSError when there is no memory.
    """

    def __init__(self, manifest: Manifest, fd: int) -> None:
        layout = _Layout()
        request = [layout.add_all(specs) for specs in (manifest.inputs, manifest.outputs)]
        times = layout.add(5 * 8)
        size = layout.end + 1024 * (1 + len(manifest.outputs))
        count = min(_MOST_SAMPLES, max(_FEWEST_SAMPLES, _SAMPLE_BYTES // size))
        samples = [_add_sample(layout, manifest) for _ in range(count)]
        os.ftruncate(fd, layout.end)
        memory = mmap.mmap(fd, layout.end)
        self.request = Slot(*(_views(memory, places) for places in request))
        self.times = Times(np.frombuffer(memory, np.float64, 5, times))
        self.samples = tuple(_sample(memory, manifest, *places) for places in samples)


_Places = list[tuple[TensorSpec, int]]


class _Layout:
    def __init__(self) -> None:
        self.end = 0

    def add(self, size: int) -> int:
        start = self.end
        self.end += -(-size // _ALIGNMENT) * _ALIGNMENT
        return start

    def add_all(self, specs: Iterable[TensorSpec]) -> _Places:
        return [
            (spec, self.add(spec.size * np.dtype(spec.dtype.value).itemsize)) for spec in specs
        ]


def _add_sample(
    layout: _Layout, manifest: Manifest
) -> tuple[_Places, _Places, _Places, int, int, int]:
    return (
        layout.add_all(manifest.observations),
        layout.add_all(manifest.decisions),
        layout.add_all(manifest.decisions),
        layout.add(2 * 8),
        layout.add(3 * 8),
        layout.add(len(manifest.decisions)),
    )


def _sample(
    memory: mmap.mmap,
    manifest: Manifest,
    inputs: _Places,
    outputs: _Places,
    shadow_outputs: _Places,
    figures: int,
    numbers: int,
    shared: int,
) -> Sample:
    return Sample(
        _views(memory, inputs),
        _views(memory, outputs),
        _views(memory, shadow_outputs),
        np.frombuffer(memory, np.float64, 2, figures),
        np.frombuffer(memory, np.uint64, 3, numbers),
        np.frombuffer(memory, np.uint8, len(manifest.decisions), shared),
    )


def _views(memory: mmap.mmap, places: _Places) -> dict[str, NDArray[Any]]:
    return {
        spec.name: np.frombuffer(memory, spec.dtype.value, spec.size, start).reshape(spec.shape)
        for spec, start in places
    }
