# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The shadow ring: decisions of stable, for a version that decides beside it and never acts."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.models import Chunk, Comparison, Manifest, Metric
from hotswap_ros.serving.types import ShadowComparison
from hotswap_ros.serving.worker.shared_memory import CAUSES, FORGOTTEN, Sample


class Primary(NamedTuple):
    """
    The decision of stable that a shadow is compared with.

    Tasks have numbers for shadows that remember them; `is_first` is its first observation.
    """

    task_id: str
    version: str
    latency_ms: float
    task_number: int = 0
    is_first: bool = True


class Verdict(NamedTuple):
    """The result of one sample; `drops` are samples without a result."""

    comparison: ShadowComparison | None
    drops: int = 0


Listener = Callable[[list[Verdict]], None]


def distance_of(
    metric: Metric, ones: Mapping[str, NDArray[Any]], others: Mapping[str, NDArray[Any]]
) -> float:
    """Return the distance over all elements of all of `ones`."""
    differences = np.concatenate(
        [
            (array.astype(np.float64) - others[name].astype(np.float64)).ravel()
            for name, array in ones.items()
        ]
    )
    if metric is Metric.MAX:
        return float(np.abs(differences).max())
    length = float(np.linalg.norm(differences))
    return length / math.sqrt(differences.size) if metric is Metric.RMS else length


def shared_part(array: NDArray[Any], chunk: Chunk | None, sample: Sample) -> NDArray[Any]:
    """Return the part of an output that both versions have: of chunks the first steps."""
    if chunk is None:
        return array
    steps = np.moveaxis(array, chunk.axis, 0)[: int(sample.numbers[2])]
    return np.moveaxis(steps, 0, chunk.axis)


def agrees(comparison: Comparison, distance: float) -> bool:
    """Return whether a distance is within the tolerance."""
    return distance <= comparison.tolerance


#: Pause between two collections, so that the primary is not delayed. Small samples reach 1,280 a
#: second, more than the decisions of a control loop.
_PAUSE_S = 0.05


class ShadowRing:
    """
    A ring of samples in shared memory. `offer` has one caller at a time, and never waits.

    When the next sample of the ring has not been collected yet, the worker is behind: the new
    decision is dropped.
    """

    def __init__(
        self, manifest: Manifest, samples: Sequence[Sample], source: int, results: int
    ) -> None:
        self._manifest = manifest
        self._chunk = manifest.chunk
        self._samples = samples
        self._source = source
        self._results = results
        self._under_way: list[Primary | None] = [None] * len(samples)
        self._next = 0
        self._ended = threading.Event()
        self._listener: Listener = lambda verdicts: None
        self._collector: threading.Thread | None = None

    def offer(
        self, inputs: dict[str, NDArray[Any]], outputs: dict[str, NDArray[Any]], primary: Primary
    ) -> bool:
        """Hand a decision over; returns whether there was room."""
        index = self._next
        if self._under_way[index] is not None or self._collector is None:
            return False
        sample = self._samples[index]
        for name, place in sample.inputs.items():
            place[...] = inputs[name]
        shared_steps = 0
        for number, (name, place) in enumerate(sample.outputs.items()):
            array = outputs.get(name)
            sample.shared[number] = array is not None
            if array is None:
                continue
            if self._chunk is None:
                place[...] = array
            else:  # of chunks of different lengths, what both have
                places, steps = (np.moveaxis(each, self._chunk.axis, 0) for each in (place, array))
                shared_steps = min(len(places), len(steps))
                places[:shared_steps] = steps[:shared_steps]
        sample.numbers[:] = primary.task_number, primary.is_first, shared_steps
        self._under_way[index] = primary
        self._next = (index + 1) % len(self._samples)
        with suppress(BrokenPipeError):  # a worker that has ended drops all samples
            os.write(self._source, bytes((index,)))
        return True

    def collect(self, listener: Listener) -> None:
        """Start to report the results, in a thread of its own."""
        self._listener = listener
        self._collector = threading.Thread(target=self._collect, daemon=True)
        self._collector.start()

    def end(self) -> None:
        """Wait for the collector; to be called when the worker has ended and nobody offers."""
        self._ended.set()
        if self._collector is not None:
            self._collector.join()
        left = sum(primary is not None for primary in self._under_way)
        if left:
            self._listener([Verdict(None, left)])

    def _collect(self) -> None:
        while results := os.read(self._results, 2 * len(self._samples)):
            self._listener(
                [self._verdict(index, code) for index, code in zip(results[::2], results[1::2])]
            )
            self._ended.wait(_PAUSE_S)

    def _verdict(self, index: int, code: int) -> Verdict:
        sample, primary = self._samples[index], self._under_way[index]
        if primary is None:
            return Verdict(None)
        if code == FORGOTTEN:
            self._under_way[index] = None
            return Verdict(None, drops=1)
        distance, latency_ms = (float(figure) for figure in sample.figures)
        shown = zip(sample.outputs.items(), sample.shared)
        comparison = ShadowComparison(
            task_id=primary.task_id,
            stable_version=primary.version,
            shadow_version=self._manifest.version,
            stable_outputs={
                name: shared_part(array, self._chunk, sample).copy()
                for (name, array), shared in shown
                if shared
            },
            shadow_outputs={}
            if code
            else {name: array.copy() for name, array in sample.shadow_outputs.items()},
            distance=distance,
            agreement=not code and agrees(self._manifest.comparison, distance),
            stable_latency_ms=primary.latency_ms,
            shadow_latency_ms=latency_ms,
            cause=CAUSES[code - 1] if code else None,
        )
        self._under_way[index] = None  # the sample may be used again
        return Verdict(comparison)
