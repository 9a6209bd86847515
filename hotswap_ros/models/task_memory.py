# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The parts of a manifest that say what a version remembers of a task, and their checks."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from hotswap_ros.limits import HISTORY_OBSERVATIONS, STATE_NUMBERS
from hotswap_ros.models.tensor import Part, TensorSpec, Text
from hotswap_ros.text import few

#: How many observations an input has: this one, and those before it.
HistoryLength = Annotated[int, Field(ge=2, le=HISTORY_OBSERVATIONS)]


class TakeOver(str, enum.Enum):
    """What a stable version does that has to go on with a task that another version began."""

    RESET = 'reset'  # it begins with its initial state and an empty history
    WARM = 'warm'  # it runs along on tasks of the candidate, and so remembers them
    SAFE = 'safe'  # the robot gets the safe decision until the task ends


class StateTensor(Part):
    """
    One recurrent state: what the graph puts out as `output` is its `input` for the next decision.

    A task begins with `initial`: one number for all elements, or all elements in row-major order.
    """

    input: Text = Field(min_length=1)
    output: Text = Field(min_length=1)
    initial: float | Annotated[tuple[float, ...], Field(max_length=STATE_NUMBERS)] = 0.0


def history_axis(spec: TensorSpec, length: int) -> int:
    """Return the first dimension of this size. Raises ValueError where there is none."""
    try:
        return spec.shape.index(length)
    except ValueError:
        raise ValueError(
            f"'history' of '{spec.name}' is {length}, and no dimension of {list(spec.shape)} has "
            'this size'
        ) from None


def observed(spec: TensorSpec, length: int) -> TensorSpec:
    """Return what the robot gives for an input with a history: the same without that dimension."""
    return spec.without_axis(history_axis(spec, length))


def require_states(
    states: Sequence[StateTensor],
    inputs: Mapping[str, TensorSpec],
    outputs: Mapping[str, TensorSpec],
) -> None:
    """Raise ValueError unless each state is an input and an output of the same form."""
    for kind, specs in (('input', inputs), ('output', outputs)):
        names = [getattr(state, kind) for state in states]
        unknown = sorted(set(names) - set(specs))
        if unknown:
            raise ValueError(
                f"'state' names the {kind} {few(unknown)}, which the version does not have: "
                f'its {kind}s are {few(specs)}'
            )
        if len(set(names)) != len(names):
            raise ValueError(f"'state' names an {kind} twice: {few(names)}")
        if len(names) == len(specs):
            raise ValueError(f"'state' names every {kind}: a robot needs one that is none")
    for state in states:
        _require_same_form(state, inputs[state.input], outputs[state.output])


def _require_same_form(state: StateTensor, given: TensorSpec, put_out: TensorSpec) -> None:
    if (given.dtype, given.shape) != (put_out.dtype, put_out.shape):
        raise ValueError(
            f"'state' feeds '{put_out.name}' ({put_out.dtype.value}{list(put_out.shape)}) into "
            f"'{given.name}' ({given.dtype.value}{list(given.shape)}): they need one form"
        )
    if isinstance(state.initial, tuple) and len(state.initial) != given.size:
        raise ValueError(
            f"'initial' of the state '{given.name}' has {len(state.initial)} numbers, shape "
            f'{list(given.shape)} needs {given.size}, or one for all'
        )
    if put_out.rate_limit is not None:
        raise ValueError(f"'rate_limit' of '{put_out.name}': a state has none")


def require_history(
    history: Mapping[str, int], states: Sequence[StateTensor], inputs: Mapping[str, TensorSpec]
) -> None:
    """Raise ValueError unless each history is one of an input that is no state."""
    of_states = {state.input for state in states}
    for name, length in history.items():
        if name not in inputs or name in of_states:
            known = few(set(inputs) - of_states)
            raise ValueError(f"'history' names '{name}', which is no observation: name {known}")
        history_axis(inputs[name], length)
