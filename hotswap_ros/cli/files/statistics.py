# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Statistics of a training set: .safetensors, .npz, or .json as LeRobot writes them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.cli.terminal import need
from hotswap_ros.limits import STATISTICS_BYTES
from hotswap_ros.models.importers import Scaling
from hotswap_ros.text import few, size_words

#: LeRobot adds it to a spread, so that a constant feature does not divide by zero.
_EPSILON = 1e-8


class StatisticsError(Exception):
    """A file of statistics that cannot be used; the message says why and what to do."""


def read_scalings(path: Path, is_min_max: bool) -> dict[str, Scaling]:
    """
    Return the normalisation of each tensor that a file has both figures of, by its name there.

    To mean 0 and standard deviation 1, or with `is_min_max` to -1 to 1. Raises StatisticsError.
    """
    figures = _figures(path)
    first, second = ('min', 'max') if is_min_max else ('mean', 'std')
    names = {name for name, figure in figures if figure == first}
    found = {
        name: _scaling(path, name, is_min_max, figures[name, first], figures[name, second])
        for name in sorted(names)
        if (name, second) in figures
    }
    if not found:
        have = few(sorted({'.'.join(key) for key in figures})) if figures else 'nothing'
        raise StatisticsError(
            f"{path} has no '{first}' with a '{second}' (there: {have}): name arrays as "
            f'observation.{first} and observation.{second}'
        )
    return found


def matched(
    path: Path, scalings: Mapping[str, Scaling], tensors: Iterable[str], named: Mapping[str, str]
) -> dict[str, Scaling]:
    """
    Return the normalisation of tensors, by their names in the graph.

    `named` has names in the file by tensors; others match where they differ in no letter or digit.
    """
    unknown = sorted(set(named.values()) - set(scalings))
    if unknown:
        raise StatisticsError(f'{path} has no statistics of {few(unknown)}: {few(scalings)}')
    by_letters = {_letters(name): name for name in scalings}
    keys = {tensor: named.get(tensor, by_letters.get(_letters(tensor))) for tensor in tensors}
    found = {tensor: scalings[key] for tensor, key in keys.items() if key is not None}
    if not found:
        raise StatisticsError(
            f'{path} has statistics of {few(scalings)}, and the graph has no such tensor: say '
            f'which is which, such as --statistic {next(iter(keys))}={next(iter(scalings))}'
        )
    return found


def _letters(name: str) -> str:
    return ''.join(filter(str.isalnum, name.lower()))


def _scaling(
    path: Path, name: str, is_min_max: bool, first: NDArray[Any], second: NDArray[Any]
) -> Scaling:
    if first.shape != second.shape:
        raise StatisticsError(
            f"{path}: the two figures of '{name}' have the shapes {list(first.shape)} and "
            f'{list(second.shape)}'
        )
    if is_min_max:
        offset, spread = (first + second) / 2, (second - first) / 2
        spread = np.where(spread == 0, _EPSILON, spread)
    else:
        offset, spread = first, second + _EPSILON
    return Scaling(tuple(offset.ravel().tolist()), tuple(spread.ravel().tolist()), first.shape)


def _figures(path: Path) -> dict[tuple[str, str], NDArray[Any]]:
    """Return arrays by the name of the tensor and that of the figure."""
    readers: dict[str, Callable[[Path], Iterable[tuple[str, Any]]]] = {
        '.safetensors': _safetensors,
        '.npz': _npz,
        '.json': _json,
    }
    read = readers.get(path.suffix.lower())
    if read is None:
        raise StatisticsError(f'{path}: statistics are read from {few(readers)}')
    found = {}
    try:
        if path.stat().st_size > STATISTICS_BYTES:
            raise StatisticsError(f'{path} has more than {size_words(STATISTICS_BYTES)}')
        for key, values in read(path):
            name, _, figure = key.replace('/', '.').rpartition('.')
            if name and figure in ('mean', 'std', 'min', 'max'):
                found[name, figure] = np.asarray(values, np.float64)
    except StatisticsError:
        raise
    except Exception as error:  # of three libraries, which raise what they like
        raise StatisticsError(f'{path} cannot be read: {error}') from error
    return found


def _safetensors(path: Path) -> Iterable[tuple[str, Any]]:
    need('safetensors')
    from safetensors.numpy import load_file

    return load_file(path).items()


def _npz(path: Path) -> Iterable[tuple[str, Any]]:
    with zipfile.ZipFile(path) as packed:
        if sum(entry.file_size for entry in packed.infolist()) > STATISTICS_BYTES:
            raise StatisticsError(f'{path} unpacks to more than {size_words(STATISTICS_BYTES)}')
    with np.load(path, allow_pickle=False) as file:
        return [(name, file[name]) for name in file.files]


def _json(path: Path) -> Iterable[tuple[str, Any]]:
    content = json.loads(path.read_text(encoding='utf-8'))
    return [
        (f'{name}.{figure}', values)
        for name, figures in content.items()
        for figure, values in figures.items()
    ]
