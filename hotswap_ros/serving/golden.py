# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Golden samples: observations with the outputs that a version gave where it was imported."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.limits import GOLDEN_BYTES
from hotswap_ros.models import Manifest, TensorSpec, VerifiedVersion

_INPUT, _OUTPUT = 'inputs/', 'outputs/'


class GoldenSample(NamedTuple):
    """One observation and the outputs for it, by the names of the tensors."""

    inputs: dict[str, NDArray[Any]]
    outputs: dict[str, NDArray[Any]]


class Difference(NamedTuple):
    """How far an output is from what it was; `size` is in the unit of the output."""

    output: str
    size: float


class GoldenFileError(Exception):
    """A file of golden samples that is not what its manifest needs; the message is the reason."""


def golden_samples(verified: VerifiedVersion) -> list[GoldenSample]:
    """Return the samples of a version, none where it has none. Raises GoldenFileError."""
    if verified.golden is None:
        return []
    arrays = _arrays_of(verified.golden.path, verified.manifest)
    count = {len(array) for array in arrays.values()}
    if len(count) != 1:
        raise GoldenFileError(f'its tensors have different numbers of samples: {sorted(count)}')
    return [
        GoldenSample(_part(arrays, _INPUT, index), _part(arrays, _OUTPUT, index))
        for index in range(count.pop())
    ]


def golden_file(samples: Sequence[GoldenSample]) -> bytes:
    """Return the content of a file with at least one sample."""
    inputs, outputs = samples[0]
    arrays = {_INPUT + name: np.stack([s.inputs[name] for s in samples]) for name in inputs}
    arrays |= {_OUTPUT + name: np.stack([s.outputs[name] for s in samples]) for name in outputs}
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def difference(
    expected: Mapping[str, NDArray[Any]], found: Mapping[str, NDArray[Any]], tolerance: float
) -> Difference | None:
    """
    Return the largest difference of outputs of the same form, None where all are alike.

    Alike: by at most `tolerance`, in the unit of the output, plus the same part of its size.
    """
    worst = None
    for name, array in expected.items():
        if array.size == 0 or np.allclose(found[name], array, tolerance, tolerance):
            continue
        size = float(np.abs(found[name].astype(np.float64) - array).max())
        if worst is None or not size <= worst.size:
            worst = Difference(name, size)
    return worst


def _arrays_of(path: str, manifest: Manifest) -> dict[str, NDArray[Any]]:
    wanted = {_INPUT + spec.name: spec for spec in manifest.inputs}
    wanted |= {_OUTPUT + spec.name: spec for spec in manifest.outputs}
    try:
        with zipfile.ZipFile(path) as file:
            _require_bounded(file)
        with np.load(path, allow_pickle=False) as file:
            if set(file.files) != set(wanted):
                raise GoldenFileError(
                    f'it has {", ".join(sorted(file.files)) or "nothing"}, the manifest needs '
                    f'{", ".join(sorted(wanted))}'
                )
            arrays = {name: file[name] for name in wanted}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise GoldenFileError(f'it is no file of NumPy (.npz): {error}') from error
    for name, array in arrays.items():
        _require_form(name, array, wanted[name])
    return arrays


def _require_bounded(file: zipfile.ZipFile) -> None:
    """Refuse what grows when it is read: samples are not compressed."""
    if sum(entry.file_size for entry in file.infolist()) > GOLDEN_BYTES:
        raise GoldenFileError(f'it unpacks to more than {GOLDEN_BYTES / 1e6:.0f} MB')


def _require_form(name: str, array: NDArray[Any], spec: TensorSpec) -> None:
    form = (array.dtype.name, array.shape[1:])
    if form != (spec.dtype.value, spec.shape) or not len(array):
        raise GoldenFileError(
            f"'{name}' is {array.dtype.name}{list(array.shape)}, the manifest needs "
            f'{spec.dtype.value}[samples, {", ".join(map(str, spec.shape))}]'
        )


def _part(arrays: dict[str, NDArray[Any]], kind: str, index: int) -> dict[str, NDArray[Any]]:
    return {
        name.removeprefix(kind): np.ascontiguousarray(array[index])
        for name, array in arrays.items()
        if name.startswith(kind)
    }
