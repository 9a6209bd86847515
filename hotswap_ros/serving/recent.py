# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The robot's recent observations, for versions to be tried on before they serve."""

from __future__ import annotations

from collections import deque
from typing import Any

from numpy.typing import NDArray

from hotswap_ros.models import form_words

#: Seconds from one observation that is kept to the next, and how many of them are kept.
_PERIOD_S = 5.0
_KEPT = 4

#: Bytes of an observation that is kept: a copy of a large one would disturb the loop.
_MOST_BYTES = 1_000_000


class RecentObservations:
    """Keeps a copy of an observation now and then. Threads may share it."""

    def __init__(self) -> None:
        #: When the next one is kept, in the caller's seconds.
        self.next_s = 0.0
        #: Type and shape of every array of the newest one that was seen; None: none was.
        self.forms: dict[str, str] | None = None
        self._kept: deque[dict[str, NDArray[Any]]] = deque(maxlen=_KEPT)

    def keep(self, now_s: float, inputs: dict[str, NDArray[Any]]) -> None:
        """Keep a copy of an observation."""
        self.next_s = now_s + _PERIOD_S
        self.forms = {
            name: form_words(array.dtype.name, array.shape) for name, array in inputs.items()
        }
        if sum(array.nbytes for array in inputs.values()) <= _MOST_BYTES:
            self._kept.append({name: array.copy() for name, array in inputs.items()})

    def all(self) -> tuple[dict[str, NDArray[Any]], ...]:
        """Return the observations that are kept, the oldest first."""
        return tuple(self._kept)
