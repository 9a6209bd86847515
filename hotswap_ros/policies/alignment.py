# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Alignment: which messages of the topics of a contract are one observation."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from typing import Any, NamedTuple

from numpy.typing import NDArray

from hotswap_ros.policies.contract import Align, Contract, ObservationTerm
from hotswap_ros.policies.message_values import MessageError, reader_of

#: Messages that are kept for a term that looks back.
_KEPT = 64


class MissingError(Exception):
    """There is no whole observation; the message names the term, the reason and the remedy."""


class _Message(NamedTuple):
    message: Any
    came_s: float
    stamp_s: float | None


class Sources:
    """
    The newest messages of each observation of a contract. Threads may share it.

    Times are in seconds: `came_s` and `now_s` of one clock that never jumps, `stamp_s` of the
    clock of the robot.
    """

    def __init__(self, contract: Contract) -> None:
        self._terms = contract.observations
        self._readers = {name: reader_of(name, term) for name, term in self._terms.items()}
        self._lock = threading.Lock()
        self._kept: dict[str, deque[_Message]] = {
            name: deque(maxlen=_KEPT if term.align is Align.AS_OF else 1)
            for name, term in self._terms.items()
        }
        self._used: dict[str, _Message] = {}

    def put(self, name: str, message: Any, came_s: float, stamp_s: float | None) -> None:
        """Take in a message; `stamp_s` is that of its header, None: it has none."""
        with self._lock:
            self._kept[name].append(_Message(message, came_s, stamp_s))

    def observation(
        self, now_s: float, names: Collection[str], also: Collection[str] = ()
    ) -> dict[str, NDArray[Any]]:
        """
        Return the present observation, of these names. Raises MissingError.

        Those of `also` that are not in the contract, or missing at present, are left out.
        """
        found = self._observation(now_s, names)
        for name in also:
            if name in self._terms and name not in found:
                with suppress(MissingError):
                    found |= self._observation(now_s, (*names, name), only=name)
        return found

    def _observation(
        self, now_s: float, names: Collection[str], only: str = ''
    ) -> dict[str, NDArray[Any]]:
        taken = [only] if only else names
        with self._lock:
            chosen = {name: self._choose(name, names, now_s) for name in taken}
            self._used.update(chosen)
        try:
            return {name: self._readers[name](one.message) for name, one in chosen.items()}
        except MessageError as error:
            raise MissingError(str(error)) from error

    def _choose(self, name: str, names: Collection[str], now_s: float) -> _Message:
        term, kept = self._terms[name], self._kept[name]
        if not kept:
            raise MissingError(
                f"observation '{name}': nothing has come on {term.topic} yet: is it published, "
                f'as {term.type}?'
            )
        newest = kept[-1]
        age_s = now_s - newest.came_s
        if age_s > term.max_age_s:
            raise MissingError(
                f"observation '{name}': the last message on {term.topic} came {age_s:.2f} s ago, "
                f"more than 'max_age_s' ({term.max_age_s:g})"
            )
        if term.align is Align.DROP and self._used.get(name) is newest:
            raise MissingError(f"observation '{name}': no new message on {term.topic}")
        if term.align is Align.AS_OF:
            return self._as_of(name, term, names)
        return newest

    def _as_of(self, name: str, term: ObservationTerm, names: Collection[str]) -> _Message:
        """Return the last message that is not newer than those of all other such terms."""
        until = min(
            self._stamp(other, self._terms[other])
            for other in names
            if self._terms[other].align is Align.AS_OF and self._kept[other]
        )
        before = [one for one in self._kept[name] if (one.stamp_s or 0.0) <= until]
        found = before[-1] if before else self._kept[name][0]
        apart_s = abs(until - (found.stamp_s or 0.0))
        if apart_s > term.tolerance_s:
            raise MissingError(
                f"observation '{name}': the nearest message on {term.topic} is {apart_s:.3f} s "
                f"from the others, more than 'tolerance_s' ({term.tolerance_s:g})"
            )
        return found

    def _stamp(self, name: str, term: ObservationTerm) -> float:
        stamp_s = self._kept[name][-1].stamp_s
        if not stamp_s:
            raise MissingError(
                f"observation '{name}': {term.topic} has no stamp in its header, which "
                "'align: as_of' needs: use 'hold', or stamp it"
            )
        return stamp_s
