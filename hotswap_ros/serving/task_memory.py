# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The memory of a task: recurrent states and the last observations, of one version."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.models import Manifest, StateTensor, TensorSpec, history_axis

#: Inputs or outputs by the names of the tensors.
Tensors = dict[str, NDArray[Any]]


class MemoryForm:
    """What one version remembers of each task. Threads may share it."""

    __slots__ = ('_history', '_initial', 'is_needed', 'states')

    def __init__(self, manifest: Manifest) -> None:
        specs = {spec.name: spec for spec in manifest.inputs}
        #: Input and output of each state.
        self.states = tuple((state.input, state.output) for state in manifest.state)
        self._initial = {
            state.input: _initial(state, specs[state.input]) for state in manifest.state
        }
        self._history = tuple(
            _History(
                name, specs[name].shape, specs[name].dtype.value, history_axis(specs[name], n)
            )
            for name, n in manifest.history.items()
        )
        self.is_needed = bool(self.states or self._history)

    def begin(self) -> TaskMemory:
        """Return the memory of a task that begins."""
        # States are replaced as a whole, never written to: tasks share the first ones.
        return TaskMemory(self.states, dict(self._initial), self._history)


class _History(NamedTuple):
    name: str
    shape: tuple[int, ...]
    dtype: str
    axis: int


class TaskMemory:
    """
    What a version remembers of a task; for one request at a time.

    A request that fails leaves the states as they were; its observation stays in the history.
    """

    __slots__ = ('_forms', '_history', '_inputs', '_states')

    def __init__(
        self, states: tuple[tuple[str, str], ...], initial: Tensors, history: tuple[_History, ...]
    ) -> None:
        self._states = states
        self._inputs = initial
        self._forms = history
        self._history: dict[str, NDArray[Any]] = {}

    def inputs_for(self, observation: Tensors) -> Tensors:
        """Return all inputs of the graph for an observation, which the history takes in."""
        for name, shape, dtype, axis in self._forms:
            now = observation[name]
            steps = self._history.get(name)
            if steps is None:  # a task begins as if it had been like this before
                array = self._inputs[name] = np.empty(shape, dtype)
                steps = self._history[name] = np.moveaxis(array, axis, 0)
                steps[:] = now
            else:
                steps[:-1] = steps[1:]
                steps[-1] = now
        return {**observation, **self._inputs}

    def keep(self, outputs: Tensors) -> None:
        """Take the new states out of the outputs of a run: what is left is the decision."""
        for given, put_out in self._states:
            self._inputs[given] = outputs.pop(put_out)


def _initial(state: StateTensor, spec: TensorSpec) -> NDArray[Any]:
    numbers = np.asarray(state.initial, spec.dtype.value)
    array = np.empty(spec.shape, spec.dtype.value)
    array[...] = numbers if numbers.ndim == 0 else numbers.reshape(spec.shape)
    return array
