# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Names that two claim at the same time, told from one that was started again."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

N = TypeVar('N', bound=Hashable)
S = TypeVar('S', bound=Hashable)

#: So often has one to speak again after another did: a late message or two are no proof.
_RETURNS = 3


@dataclass
class _Name(Generic[S]):
    """Who spoke last under a name, when each was heard, and who came back after another."""

    speaker: S
    heard: dict[S, float] = field(default_factory=dict)
    returns: deque[float] = field(default_factory=lambda: deque(maxlen=_RETURNS))


class IdentityClaims(Generic[N, S]):
    """
    Finds out which names have two speakers.

    After a restart the new speaker is heard and the old one no more. Two that are there at once go
    on speaking in turns. A name stays contested until one alone was heard for `memory_s`.
    """

    def __init__(self, memory_s: float) -> None:
        self._memory_s = memory_s
        self._names: dict[N, _Name[S]] = {}
        self._contested: set[N] = set()

    def hear(self, name: N, speaker: S, now: float) -> bool:
        """Take note of who spoke under a name at `now` (seconds); returns whether it is theirs."""
        known = self._names.get(name)
        if known is None:
            known = self._names[name] = _Name(speaker)
        elif speaker != known.speaker:
            self._take_turn(name, known, speaker, now)
        known.heard[speaker] = now
        if len(known.heard) > 1:
            self._forget(name, known, now)
        return name not in self._contested

    def speaker(self, name: N) -> S | None:
        """Return who spoke last under a name."""
        known = self._names.get(name)
        return None if known is None else known.speaker

    def speakers(self, name: N) -> tuple[S, ...]:
        """Return who was heard under a name lately."""
        known = self._names.get(name)
        return () if known is None else tuple(known.heard)

    @property
    def contested(self) -> set[N]:
        """Return the names with two speakers."""
        return self._contested

    def _take_turn(self, name: N, known: _Name[S], speaker: S, now: float) -> None:
        known.speaker = speaker
        if now - known.heard.get(speaker, -self._memory_s) >= self._memory_s:
            return
        known.returns.append(now)
        if len(known.returns) == _RETURNS and now - known.returns[0] < self._memory_s:
            self._contested.add(name)

    def _forget(self, name: N, known: _Name[S], now: float) -> None:
        known.heard = {s: at for s, at in known.heard.items() if now - at < self._memory_s}
        if len(known.heard) == 1:
            known.returns.clear()
            self._contested.discard(name)
