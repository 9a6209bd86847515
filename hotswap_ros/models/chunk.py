# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Chunks: decisions of several steps, of which a robot plays some before it asks again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from hotswap_ros.limits import CHUNK_STEP_S, CHUNK_STEPS, DIMENSIONS
from hotswap_ros.models.tensor import Part, TensorSpec, Text, feature_of
from hotswap_ros.text import few


class Chunk(Part):
    """
    How each output of a version is a chunk of steps.

    `axis` is the dimension that counts the steps, which are `step_s` seconds apart. A robot plays
    `execute` of them before the next chunk begins. Over `blend` steps it goes from one chunk of a
    version to the next, but for `discrete` elements, such as `action[6]`, and integers.
    """

    axis: int = Field(1, ge=0, lt=DIMENSIONS)
    step_s: float = Field(gt=0, le=CHUNK_STEP_S)
    execute: int = Field(ge=1, le=CHUNK_STEPS)
    blend: int = Field(0, ge=0, le=CHUNK_STEPS)
    discrete: Annotated[tuple[Text, ...], Field(max_length=1000)] = ()

    def steps_of(self, spec: TensorSpec) -> int:
        """Return how many steps an output has."""
        return spec.shape[self.axis]

    def step_of(self, spec: TensorSpec) -> TensorSpec:
        """Return the form of one step of an output."""
        return spec.without_axis(self.axis)


def require_chunk(chunk: Chunk, decisions: Sequence[TensorSpec]) -> None:
    """Raise ValueError unless each decision has steps, as many as the others."""
    for spec in decisions:
        if chunk.axis >= len(spec.shape) - 1:
            raise ValueError(
                f"'chunk' has the axis {chunk.axis}, and '{spec.name}' the shape "
                f'{list(spec.shape)}: steps need a dimension before the last one'
            )
    lengths = {spec.name: chunk.steps_of(spec) for spec in decisions}
    if len(set(lengths.values())) > 1:
        told = ', '.join(f"'{name}' {steps}" for name, steps in lengths.items())
        raise ValueError(f"'chunk': outputs have different numbers of steps: {told}")
    steps = min(lengths.values())
    if chunk.execute > steps:
        raise ValueError(
            f"'execute' of 'chunk' is {chunk.execute}, and a chunk has {steps} steps: no more can "
            'be played'
        )
    if chunk.blend > steps:
        raise ValueError(f"'blend' of 'chunk' is {chunk.blend}, and a chunk has {steps} steps")
    widths = {spec.name: spec.width for spec in decisions}
    unknown = [name for name in chunk.discrete if feature_of(name, widths) is None]
    if unknown:
        raise ValueError(
            f"'discrete' of 'chunk' names {few(unknown)}, which no output has: name an output and "
            f"an index in its last dimension, such as '{decisions[0].name}[0]'"
        )
