# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The interface of a version: its inputs and outputs, and which other versions it fits beside."""

from __future__ import annotations

from collections.abc import Iterable

from hotswap_ros.models.manifest import Manifest
from hotswap_ros.models.tensor import TensorSpec


def differing_tensors(stable: Manifest, other: Manifest) -> list[str]:
    """
    Return the names of the tensors that keep a version from running beside stable, sorted.

    Stable answers for it when it fails: so it takes the same inputs, in name, type and shape, and
    puts out at least what stable does. Empty: it fits.
    """
    inputs = _forms(other.inputs) ^ _forms(stable.inputs)
    outputs = _forms(stable.outputs) - _forms(other.outputs)
    return sorted({name for name, _, _ in inputs | outputs})


def tensor_words(spec: TensorSpec) -> str:
    """Write the type and shape of a tensor: float32[1, 15]."""
    return f'{spec.dtype.value}[{", ".join(map(str, spec.shape))}]'


def _forms(specs: Iterable[TensorSpec]) -> set[tuple[str, str, tuple[int, ...]]]:
    return {(spec.name, spec.dtype.value, spec.shape) for spec in specs}
