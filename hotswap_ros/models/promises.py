# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Promises of a manifest beyond the graph: taken from another version, or told to be missing."""

from __future__ import annotations

from typing import NamedTuple

from hotswap_ros.models.manifest import Manifest
from hotswap_ros.models.tensor import TensorSpec


class Unknown(NamedTuple):
    """A promise that a manifest does not make, and what follows from that."""

    key: str
    consequence: str


def with_promises_of(other: Manifest, manifest: Manifest) -> Manifest:
    """
    Return a manifest with the bounds, deadline and safe decision of another version.

    Only tensors of the same name, type and shape get bounds; what `manifest` has stays.
    """
    inputs = tuple(_with_bounds_of(other.inputs, spec) for spec in manifest.inputs)
    outputs = tuple(_with_bounds_of(other.outputs, spec) for spec in manifest.outputs)
    has_same_outputs = set(map(_form, other.decisions)) == set(map(_form, manifest.decisions))
    safe_decision = manifest.safe_decision
    if safe_decision is None and has_same_outputs:
        safe_decision = other.safe_decision
    values = manifest.model_dump() | {
        'inputs': [spec.model_dump() for spec in inputs],
        'outputs': [spec.model_dump() for spec in outputs],
        'deadline_ms': manifest.deadline_ms or other.deadline_ms,
        'safe_decision': safe_decision,
    }
    if has_same_outputs:
        values['comparison'] = other.comparison.model_dump()
    return Manifest.model_validate(values)


def unknown_promises(manifest: Manifest) -> list[Unknown]:
    """Return what a robot does not know of a version, and cannot check."""
    unbounded = [s.name for s in manifest.decisions if s.low is None or s.high is None]
    free = [s.name for s in manifest.decisions if s.rate_limit is None]
    found = []
    if unbounded:
        found.append(
            Unknown(
                f'low and high of {", ".join(unbounded)}',
                'the guard finds NaN and infinity only',
            )
        )
    if free:
        found.append(Unknown(f'rate_limit of {", ".join(free)}', 'decisions may jump'))
    if manifest.deadline_ms is None:
        longest = 'a candidate may take 1 s, or three times what its warm-up takes'
        found.append(Unknown('deadline_ms', longest))
    if manifest.safe_decision is None:
        found.append(Unknown('safe_decision', 'the robot gets an error when stable fails'))
    if manifest.golden is None:
        found.append(Unknown('golden', 'no robot checks that it computes the same'))
    if not manifest.input_statistics:
        found.append(Unknown('input_statistics', 'input drift is not watched'))
    return found


def _with_bounds_of(others: tuple[TensorSpec, ...], spec: TensorSpec) -> TensorSpec:
    other = next((other for other in others if _form(other) == _form(spec)), None)
    if other is None:
        return spec
    taken = {
        key: getattr(other, key) if getattr(spec, key) is None else getattr(spec, key)
        for key in ('low', 'high', 'rate_limit')
    }
    return spec.model_copy(update=taken)


def _form(spec: TensorSpec) -> tuple[object, ...]:
    return spec.name, spec.dtype, spec.shape
