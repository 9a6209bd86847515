# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Preprocessing that `hotswap models import` merges into a graph, and the proof of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from hotswap_ros.cli.files.samples import Observation
from hotswap_ros.cli.files.statistics import matched, read_scalings
from hotswap_ros.models import Manifest, TensorSpec
from hotswap_ros.models.importers import Change, Merged, PreprocessingError
from hotswap_ros.serving.golden import GoldenSample, difference
from hotswap_ros.serving.measured import Graph
from hotswap_ros.text import count, shortened

#: Observations on which a merged graph is compared with its parts.
MOST_PROVEN = 16
_SEED = 20_261_130
#: Parts and whole may differ in the rounding of float32.
_TOLERANCE = 1e-3

_T = TypeVar('_T')


@dataclass(frozen=True)
class PreprocessingOrder:
    """
    What somebody asked for, by the names of tensors: see Change.

    `statistics` is a file with the figures of a training set, `named` says which of them are of
    which tensor, and `is_min_max` which figures are used.
    """

    pixels: tuple[str, ...] = ()
    layouts: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    factors: dict[str, float] = field(default_factory=dict)
    statistics: Path | None = None
    named: dict[str, str] = field(default_factory=dict)
    is_min_max: bool = False


def changes_of(order: PreprocessingOrder, tensors: Sequence[str]) -> dict[str, Change]:
    """Return the changes of tensors. Raises StatisticsError and PreprocessingError."""
    changes = {name: Change(is_pixels=True) for name in order.pixels}

    def change(name: str, **fields: object) -> None:
        changes[name] = replace(changes.get(name, Change()), **fields)  # type: ignore[arg-type]

    for name, layout in order.layouts.items():
        change(name, layout=layout)
    for name, size in order.sizes.items():
        change(name, size=size)
    for name, factor in order.factors.items():
        change(name, factor=factor)
    if order.statistics is not None:
        scalings = read_scalings(order.statistics, order.is_min_max)
        for name, scaling in matched(order.statistics, scalings, tensors, order.named).items():
            change(name, scaling=scaling)
    elif order.named:
        raise PreprocessingError("'--statistic' needs the file of '--normalize'")
    return changes


def random_observations(manifest: Manifest) -> list[Observation]:
    """Return observations for a proof where nobody gave some."""
    chance = np.random.default_rng(_SEED)
    return [
        {spec.name: _random(spec, chance) for spec in manifest.observations}
        for _ in range(MOST_PROVEN)
    ]


def proof_words(merged: Merged, samples: Sequence[GoldenSample]) -> str:
    """Say how far a graph is from its parts. Raises PreprocessingError where that is too far."""
    core = Graph(merged.core.SerializeToString())
    largest = 0.0
    for sample in samples:
        outputs = merged.in_parts(core, sample.inputs)
        worst = difference(outputs, sample.outputs, _TOLERANCE)
        if worst is not None:
            raise PreprocessingError(
                f"with its preprocessing the graph puts out another '{worst.output}' than its "
                f'parts one after the other: {worst.size:.3g} apart. Report this, with the file'
            )
        for name, array in outputs.items():
            apart = np.abs(array.astype(np.float64) - sample.outputs[name])
            largest = max(largest, float(apart.max(initial=0.0)))
    apart = f'within {largest:.2g}' if largest else 'exactly'
    return (
        f'preprocessing is in the graph: on {count(len(samples), "observation")} it puts out what '
        f'its parts do one after the other, {apart}'
    )


def pairs_of(
    option: str, texts: Sequence[str], read: Callable[[str], _T], example: str
) -> dict[str, _T]:
    """Return values by the names of tensors, such as `image=HWC`; exit with a remedy."""
    found = {}
    for text in texts:
        name, _, value = text.rpartition('=')
        try:
            if not name:
                raise ValueError
            found[name] = read(value)
        except ValueError:
            raise SystemExit(
                f"hotswap: {option} '{shortened(text, 60)}': write tensor and value, {example}"
            ) from None
    return found


def layout_of(text: str) -> str:
    """Return a layout. Raises ValueError."""
    if text.upper() != 'HWC':
        raise ValueError
    return 'HWC'


def size_of(text: str) -> tuple[int, int]:
    """Return height and width, such as 480x640. Raises ValueError."""
    height, width = (int(part) for part in text.lower().split('x'))
    if not (0 < height < 1e5 and 0 < width < 1e5):
        raise ValueError
    return height, width


def factor_of(text: str) -> float:
    """Return a factor other than 0. Raises ValueError."""
    factor = float(text)
    if not (np.isfinite(factor) and factor):
        raise ValueError
    return factor


def numbers_of(text: str) -> float | tuple[float, ...]:
    """Return one number, or several with commas: 0.1,0.2. Raises ValueError."""
    numbers = tuple(float(part) for part in text.split(','))
    return numbers if len(numbers) > 1 else numbers[0]


def _random(spec: TensorSpec, chance: np.random.Generator) -> np.ndarray:
    if spec.dtype.is_float:
        return chance.normal(size=spec.shape).astype(spec.dtype.value)
    return chance.integers(0, 2 if spec.dtype.value == 'bool' else 100, spec.shape).astype(
        spec.dtype.value
    )
