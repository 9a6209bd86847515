# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The player of chunks: one step of a decision for each step of the control loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.models import Chunk, TensorSpec, feature_of
from hotswap_ros.serving import Decision

#: One step of each output, by name.
Command = dict[str, NDArray[Any]]

#: A decision may take as long as the longest of so many before it.
_MEASURED = 10


class ChunkPlayer:
    """
    Plays decisions step by step; without chunks, a decision is one step. For one thread.

    A step is a call of `next_command`. Time is counted in steps, so that a loop that is late plays
    nothing twice. The loop asks where `wants_decision`: early enough that the answer comes before
    `execute` steps are played, as far as earlier answers tell. Steps that were played while the
    answer was awaited are left out of the new chunk. Chunks of two tasks, or of two versions,
    never mix; chunks of one version may blend.

    No element changes by more than its `rate_limit` in `outputs` from one command to the next,
    also from one task to the next, and where another version answers. `last` is the command before
    the first one, if there is one.
    """

    def __init__(self, outputs: Sequence[TensorSpec], last: Command | None = None) -> None:
        self._rates = {
            spec.name: np.asarray(spec.rate_limit, np.float64)
            for spec in outputs
            if spec.rate_limit is not None
        }
        self._playing: _Playing | None = None
        self.last: Command = last or {}
        self._ticket = 0
        self._waits = False
        self._waited = self._played = 0
        self._delays: deque[int] = deque(maxlen=_MEASURED)
        self._is_warm = False
        #: Steps of this task for which there was no command, although it had begun.
        self.starved = 0

    def begin_task(self) -> None:
        """Begin a task, and end the one before: what is left of its last chunk is not played."""
        self._playing = None
        self._waits = False
        self._ticket += 1
        self.starved = 0

    @property
    def delay_steps(self) -> int:
        """Return how many steps an answer takes at most, as far as is known."""
        return max(self._delays, default=0)

    @property
    def wants_decision(self) -> bool:
        """Return whether it is time to ask for a decision on the present observation."""
        if self._waits:
            return False
        playing = self._playing
        return playing is None or playing.index >= playing.execute - self.delay_steps

    @property
    def is_dry(self) -> bool:
        """Return whether there is no next command."""
        return self._playing is None or self._playing.is_over

    def ask(self) -> int:
        """Note that a decision is asked for on the present observation; returns its ticket."""
        self._waits = True
        self._waited = self._played = 0
        self._ticket += 1
        return self._ticket

    def take(self, ticket: int, decision: Decision) -> bool:
        """Take an answer; returns False for one of an earlier task, which is not played."""
        if ticket != self._ticket or not self._waits:
            return False
        self._waits = False
        if self._is_warm:  # the first run allocates memory, and tells nothing
            self._delays.append(self._waited)
        self._is_warm = True
        new = _Playing(decision, self._played)
        old = self._playing
        if old is not None and old.version == new.version:
            new.blend_from(old)
        self._playing = new
        return True

    def fail(self, ticket: int) -> None:
        """Note that there is no answer, so that it is asked for again."""
        if ticket == self._ticket:
            self._waits = False

    def next_command(self) -> Command | None:
        """Return the next step, arrays of the caller's own; None: there is none."""
        self._waited += 1
        playing = self._playing
        step = None if playing is None else playing.take()
        if step is None:
            self.starved += playing is not None
            return None
        self._played += 1
        return self.limited(step)

    def limited(self, command: Command) -> Command:
        """Return the command that follows the last one within the rate limits, and note it."""
        changed = {name: self._limited(name, array) for name, array in command.items()}
        self.last = {**self.last, **changed}
        return {name: array.copy() for name, array in changed.items()}

    def _limited(self, name: str, array: NDArray[Any]) -> NDArray[Any]:
        most, last = self._rates.get(name), self.last.get(name)
        if most is None or last is None or last.shape != array.shape:
            return array
        before = last.astype(np.float64)
        limited: NDArray[Any] = np.clip(array, before - most, before + most).astype(array.dtype)
        return limited


class _Playing:
    """A decision that is played, from the step after those that were played meanwhile."""

    def __init__(self, decision: Decision, played: int) -> None:
        chunk = decision.chunk
        self.version = decision.version
        self.steps = {name: _steps_of(array, chunk) for name, array in decision.outputs.items()}
        self._chunk = chunk
        self._length = min(len(steps) for steps in self.steps.values())
        self.execute = 1 if chunk is None else chunk.execute
        self.index = 0 if chunk is None else min(played, self._length)

    @property
    def is_over(self) -> bool:
        """Return whether every step was played."""
        return self.index >= self._length

    def take(self) -> Command | None:
        """Return the next step, None at the end."""
        if self.is_over:
            return None
        step = {name: steps[self.index] for name, steps in self.steps.items()}
        self.index += 1
        return step

    def blend_from(self, old: _Playing) -> None:
        """Go over from what is left of an older chunk of this version, where it allows that."""
        chunk = self._chunk
        if chunk is None or not chunk.blend:
            return
        count = min(chunk.blend, self._length - self.index, old._length - old.index)
        weights = np.arange(1, count + 1) / (count + 1)
        for name, steps in self.steps.items():
            if name not in old.steps or not np.issubdtype(steps.dtype, np.floating):
                continue
            before = old.steps[name][old.index : old.index + count]
            after = steps[self.index : self.index + count]
            share = weights.reshape(-1, *[1] * (steps.ndim - 1))
            mixed = (1 - share) * before + share * after
            kept = _discrete(chunk, name, steps.shape[-1])
            mixed[..., kept] = after[..., kept]
            self.steps[name] = steps.copy()
            self.steps[name][self.index : self.index + count] = mixed


def _steps_of(array: NDArray[Any], chunk: Chunk | None) -> NDArray[Any]:
    return array[np.newaxis] if chunk is None else np.moveaxis(array, chunk.axis, 0)


def _discrete(chunk: Chunk, name: str, width: int) -> list[int]:
    found = (feature_of(text, {name: width}) for text in chunk.discrete)
    return [feature[1] for feature in found if feature is not None]
