# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The interface of a version: its inputs and outputs, and which other versions it fits beside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

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


@dataclass(frozen=True)
class Interface:
    """What a robot gives to a version and gets from it, without what the version remembers."""

    observations: tuple[TensorSpec, ...]
    decisions: tuple[TensorSpec, ...]

    @classmethod
    def of(cls, manifest: Manifest) -> Interface:
        """Return the interface that a manifest states."""
        return cls(manifest.observations, tuple(_steps_of(manifest)))


class Difference(NamedTuple):
    """An input or output in which two versions differ; a form is empty where there is none."""

    kind: str
    name: str
    stable: str
    other: str

    def words(self, stable: str, other: str) -> str:
        """Return the difference with both sides, by the names of the two versions."""
        of_stable, of_other = self.stable or 'missing', self.other or 'missing'
        return f"{self.kind} '{self.name}' is {of_other} in {other} and {of_stable} in {stable}"


def differences(
    stable: Interface, other: Interface, provided: Mapping[str, str] | None = None
) -> tuple[Difference, ...]:
    """
    Return what keeps a version from running beside stable, or in its place, by kind and name.

    Stable answers for it when it fails: so it puts out at least the decisions of stable. Of the
    observations it may take any that the robot provides, in name, type and shape: `provided` has
    their forms by name, None: nobody knows more than that stable gets its own. What each of them
    remembers of a task is its own, and chunks may have different lengths. Empty: it fits.
    """
    given, wanted = _forms(stable.observations), _forms(other.observations)
    made, asked = _forms(other.decisions), _forms(stable.decisions)
    if provided is not None:
        given = {**provided, **given}
    inputs = (
        ('input', name, given.get(name, ''), form)
        for name, form in wanted.items()
        if name in given or provided is not None
    )
    outputs = (('output', name, form, made.get(name, '')) for name, form in asked.items())
    found = (Difference(*one) for one in (*inputs, *outputs))
    return tuple(sorted(one for one in found if one.stable != one.other))


def added_inputs(stable: Interface, other: Interface) -> tuple[str, ...]:
    """Return the observations, with their forms, that a version takes and stable does not."""
    given = _forms(stable.observations)
    return tuple(
        f"'{n}' ({form})" for n, form in _forms(other.observations).items() if n not in given
    )


def _steps_of(manifest: Manifest) -> Iterator[TensorSpec]:
    """Yield the forms of decisions, of one step for chunks."""
    for spec in manifest.decisions:
        if manifest.chunk is None:
            yield spec
        else:  # a robot that plays chunks takes no single steps, and the other way round
            name = f'{spec.name} (steps along axis {manifest.chunk.axis})'
            yield manifest.chunk.step_of(spec).model_copy(update={'name': name})


def tensor_words(spec: TensorSpec) -> str:
    """Write the type and shape of a tensor: float32[1, 15]."""
    return form_words(spec.dtype.value, spec.shape)


def form_words(dtype: str, shape: Iterable[int]) -> str:
    """Write a type and a shape: float32[1, 15]."""
    return f'{dtype}[{", ".join(map(str, shape))}]'


def _forms(specs: Iterable[TensorSpec]) -> dict[str, str]:
    return {spec.name: tensor_words(spec) for spec in specs}


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
