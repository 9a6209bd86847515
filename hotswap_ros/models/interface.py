# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The interface of a version: its inputs and outputs, and which other versions it fits beside."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hotswap_ros.models.manifest import Manifest
from hotswap_ros.models.tensor import TensorSpec

#: Words that tell the input of a state from its output in the names that exporters give.
_SIDES = {
    'in',
    'out',
    'input',
    'output',
    'prev',
    'previous',
    'past',
    'next',
    'new',
    'present',
    'n',
}


def differing_tensors(stable: Manifest, other: Manifest) -> list[str]:
    """
    Return the names of the tensors that keep a version from running beside stable, sorted.

    Stable answers for it when it fails: so it takes the same observations, in name, type and
    shape, and puts out at least the decisions of stable. What each of them remembers of a task is
    its own. Empty: it fits.
    """
    inputs = _forms(other.observations) ^ _forms(stable.observations)
    outputs = _forms(stable.decisions) - _forms(other.decisions)
    return sorted({name for name, _, _ in inputs | outputs})


def tensor_words(spec: TensorSpec) -> str:
    """Write the type and shape of a tensor: float32[1, 15]."""
    return f'{spec.dtype.value}[{", ".join(map(str, spec.shape))}]'


def _forms(specs: Iterable[TensorSpec]) -> set[tuple[str, str, tuple[int, ...]]]:
    return {(spec.name, spec.dtype.value, spec.shape) for spec in specs}


def likely_states(manifest: Manifest) -> list[tuple[str, str]]:
    """Return inputs and outputs that look like one state, by form and name: h_in and h_out."""
    return [
        (given.name, put_out.name)
        for given in manifest.observations
        for put_out in manifest.decisions
        if (given.dtype, given.shape) == (put_out.dtype, put_out.shape)
        and _stem(given.name) == _stem(put_out.name)
    ]


def _stem(name: str) -> tuple[str, ...]:
    """Return the words of a name without those that tell an input from an output."""
    words = re.findall(r'[a-z]+|[0-9]+', name.lower())
    return tuple(word for word in words if word not in _SIDES)
