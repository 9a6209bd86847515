# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The memory that the engine and a worker share: observations one way, outputs the other."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.models import Manifest, TensorSpec

#: Tensors begin at multiples of this many bytes: what the runtime's vector instructions like.
_ALIGNMENT = 64


class Slot(NamedTuple):
    """Room for one observation and what a version puts out for it."""

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


class Exchange:
    """
    Shared memory laid out by a manifest, which both sides have: nothing but numbers is shared.

    The memory has no name, so there is nothing to leave behind: it is gone when both sides have
    let go of it, however they ended. Raises OSError when there is no memory.
    """

    def __init__(self, manifest: Manifest, fd: int) -> None:
        self._end = 0
        self._places: list[tuple[TensorSpec, int]] = []
        self._reserve(manifest.inputs)
        self._reserve(manifest.outputs)
        os.ftruncate(fd, self._end)
        self._memory = mmap.mmap(fd, self._end)
        views = {spec.name: self._view(spec, start) for spec, start in self._places}
        self.request = Slot(
            {spec.name: views[spec.name] for spec in manifest.inputs},
            {spec.name: views[spec.name] for spec in manifest.outputs},
        )

    def _reserve(self, specs: Iterable[TensorSpec]) -> None:
        for spec in specs:
            self._places.append((spec, self._end))
            size = spec.size * np.dtype(spec.dtype.value).itemsize
            self._end += -(-size // _ALIGNMENT) * _ALIGNMENT

    def _view(self, spec: TensorSpec, start: int) -> NDArray[Any]:
        dtype = np.dtype(spec.dtype.value)
        return np.frombuffer(self._memory, dtype, spec.size, start).reshape(spec.shape)
