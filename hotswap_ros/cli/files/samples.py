# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Observations of a policy from a file of NumPy: .npz with an array for each input, or .npy."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.limits import SAMPLES_BYTES
from hotswap_ros.models import TensorSpec
from hotswap_ros.text import size_words

#: What NumPy and the readers of packed files raise; NotImplementedError: another compression.
_DAMAGES = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    RuntimeError,
    NotImplementedError,
    MemoryError,
    SyntaxError,
    zipfile.BadZipFile,
    zlib.error,
)

#: An observation: an array for each input, by name.
Observation = dict[str, NDArray[Any]]


class SamplesError(Exception):
    """A file of observations that cannot be used; the message says why and what to do."""


def read_samples(path: Path, inputs: Sequence[TensorSpec]) -> list[Observation]:
    """
    Read observations for these inputs.

    The first dimension of each array counts the observations. An input whose own first dimension
    has the size 1 may be without it, and a single observation without the count. Raises
    SamplesError.
    """
    arrays = _arrays(path, inputs)
    batches = {spec.name: _batch(path, spec, arrays[spec.name]) for spec in inputs}
    counts = {name: len(batch) for name, batch in batches.items()}
    if len(set(counts.values())) > 1:
        told = ', '.join(f"'{name}' {count}" for name, count in counts.items())
        raise SamplesError(f'{path}: inputs have different numbers of observations: {told}')
    count = next(iter(counts.values()))
    return [{name: batch[index, ...] for name, batch in batches.items()} for index in range(count)]


def _arrays(path: Path, inputs: Sequence[TensorSpec]) -> dict[str, NDArray[Any]]:
    names = [spec.name for spec in inputs]
    try:
        _require_bounded(path)
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            if len(inputs) > 1:
                raise SamplesError(
                    f'{path} has one array, the version has the inputs {", ".join(names)}: save '
                    'them by name with numpy.savez'
                )
            return {names[0]: content}
        with content:
            missing = [name for name in names if name not in content.files]
            if missing:
                raise SamplesError(
                    f'{path} has no array {", ".join(missing)} (there: '
                    f'{", ".join(content.files) or "none"}): name arrays as the inputs are named'
                )
            return {name: content[name] for name in names}
    except _DAMAGES as error:
        raise SamplesError(
            f'{path} is no file of NumPy with plain arrays: {error}: save it with numpy.savez'
        ) from error


def _require_bounded(path: Path) -> None:
    """Refuse a file that is large, also once it is unpacked, before anything is read."""
    size = path.stat().st_size
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as file:
            size = max(size, sum(entry.file_size for entry in file.infolist()))
    if size > SAMPLES_BYTES:
        raise SamplesError(
            f'{path} has {size_words(size)}, at most {size_words(SAMPLES_BYTES)} are read: save '
            'fewer observations'
        )


def _batch(path: Path, spec: TensorSpec, array: NDArray[Any]) -> NDArray[Any]:
    """Return an array of observations in the form of the input."""
    shape = spec.shape
    forms = [shape, shape[1:]] if shape[:1] == (1,) else [shape]
    if array.shape in forms:
        array = array[np.newaxis]
    if array.shape[1:] not in forms:
        wanted = ' or '.join(f'[observations{"".join(f", {n}" for n in form)}]' for form in forms)
        raise SamplesError(
            f"{path}: '{spec.name}' has the shape {list(array.shape)}, the version needs {wanted}"
        )
    if len(array) == 0:
        raise SamplesError(f"{path}: '{spec.name}' has no observation")
    if not np.can_cast(array.dtype, spec.dtype.value, 'same_kind'):
        raise SamplesError(
            f"{path}: '{spec.name}' has numbers of the type {array.dtype.name}, the version needs "
            f'{spec.dtype.value}: convert them'
        )
    array = array.astype(spec.dtype.value).reshape(-1, *shape)
    if spec.dtype.is_float and not np.isfinite(array).all():
        place = [int(index) for index in np.argwhere(~np.isfinite(array))[0]]
        raise SamplesError(
            f"{path}: '{spec.name}' has {array[tuple(place)]} in observation {place[0]}: leave it "
            'out, as a robot refuses it'
        )
    return array
