# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Names that two speakers use at the same time; a restarted speaker is no second one."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

N = TypeVar('N', bound=Hashable)
S = TypeVar('S', bound=Hashable)

#: Returns of a speaker after another one that show a duplicate: late messages cause one or two.
_RETURNS = 3


@dataclass
class _Name(Generic[S]):
    """The last speaker under a name, the last message of each, and the times of returns."""

    speaker: S
    heard: dict[S, float] = field(default_factory=dict)
    returns: deque[float] = field(default_factory=lambda: deque(maxlen=_RETURNS))


class DuplicateNames(Generic[N, S]):
    """
    Finds the names that two speakers use.

    After a restart only the new speaker sends. Two speakers that run at the same time alternate. A
    name stays a duplicate until only one speaker has sent for `memory_s`.
    """

    def __init__(self, memory_s: float) -> None:
        self._memory_s = memory_s
        self._names: dict[N, _Name[S]] = {}
        self._duplicates: set[N] = set()

    def hear(self, name: N, speaker: S, now: float) -> bool:
        """Take a message of a speaker at `now` (seconds); return whether only it uses the name."""
        known = self._names.get(name)
        if known is None:
            known = self._names[name] = _Name(speaker)
        elif speaker != known.speaker:
            self._take_turn(name, known, speaker, now)
        known.heard[speaker] = now
        if len(known.heard) > 1:
            self._forget(name, known, now)
        return name not in self._duplicates

    def speaker(self, name: N) -> S | None:
        """Return the last speaker under a name."""
        known = self._names.get(name)
        return None if known is None else known.speaker

    def speakers(self, name: N) -> tuple[S, ...]:
        """Return the speakers that were heard under a name lately."""
        known = self._names.get(name)
        return () if known is None else tuple(known.heard)

    def forget(self, name: N) -> None:
        """Forget a name."""
        self._names.pop(name, None)
        self._duplicates.discard(name)

    @property
    def duplicates(self) -> set[N]:
        """Return the names with two speakers."""
        return self._duplicates

    def _take_turn(self, name: N, known: _Name[S], speaker: S, now: float) -> None:
        known.speaker = speaker
        if now - known.heard.get(speaker, -self._memory_s) >= self._memory_s:
            return
        known.returns.append(now)
        if len(known.returns) == _RETURNS and now - known.returns[0] < self._memory_s:
            self._duplicates.add(name)

    def _forget(self, name: N, known: _Name[S], now: float) -> None:
        known.heard = {s: at for s, at in known.heard.items() if now - at < self._memory_s}
        if len(known.heard) == 1:
            known.returns.clear()
            self._duplicates.discard(name)
