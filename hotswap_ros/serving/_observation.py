# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The check of what callers send, before any model sees it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy import count_nonzero, isfinite, ndarray
from numpy.typing import NDArray

from hotswap_ros.models import Manifest, TensorSpec
from hotswap_ros.serving._errors import ObservationError


class ObservationCheck:
    """Checks observations against the inputs of one manifest. Threads may share it."""

    __slots__ = ('_inputs',)

    def __init__(self, manifest: Manifest) -> None:
        self._inputs = tuple(_Input.of(spec) for spec in manifest.inputs)

    def check(self, inputs: dict[str, NDArray[Any]]) -> None:
        """Raise ObservationError for the first input that is not as the manifest says."""
        for expected in self._inputs:
            name, shape, dtype, finite = expected
            array = inputs.get(name)
            if not isinstance(array, ndarray) or array.shape != shape or array.dtype != dtype:
                raise expected.mismatch(array)
            if finite and count_nonzero(isfinite(array)) != finite:
                raise expected.not_finite(array)
        if len(inputs) != len(self._inputs):
            raise self._unknown(inputs)

    def _unknown(self, inputs: dict[str, NDArray[Any]]) -> ObservationError:
        names = [expected.name for expected in self._inputs]
        extra = next(name for name in inputs if name not in names)
        return ObservationError(
            f"input '{extra}'", f'no input but {", ".join(names)}', 'an unknown input'
        )


class _Input(NamedTuple):
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    finite: int  # how many numbers have to be; none of a type without NaN

    @classmethod
    def of(cls, spec: TensorSpec) -> _Input:
        dtype = np.dtype(spec.dtype.value)
        finite = spec.size if spec.dtype.is_float else 0
        return cls(spec.name, spec.shape, dtype, finite)

    def mismatch(self, found: object) -> ObservationError:
        expected = _describe(self.dtype, self.shape)
        if isinstance(found, np.ndarray):
            what = _describe(found.dtype, found.shape)
        else:
            what = 'none' if found is None else f'a {type(found).__name__}, not a NumPy array'
        return ObservationError(f"input '{self.name}'", expected, what)

    def not_finite(self, array: NDArray[Any]) -> ObservationError:
        position = [int(index) for index in np.argwhere(~np.isfinite(array))[0]]
        return ObservationError(
            f"input '{self.name}'",
            'finite numbers',
            f'{float(array[tuple(position)])} at {position}',
        )


def _describe(dtype: np.dtype[Any], shape: tuple[int, ...]) -> str:
    return f'{dtype.name}{list(shape)}'
