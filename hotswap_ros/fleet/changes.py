# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is new since somebody looked last, so that a look costs no more than what has changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Set


class Changes:
    """Keeps in which order things changed the last time; `revision` rises with every change."""

    def __init__(self) -> None:
        self.revision = 0
        self._changed: OrderedDict[str, int] = OrderedDict()

    def note(self, name: str) -> None:
        """Take note that something has changed."""
        self.revision += 1
        self._changed[name] = self.revision
        self._changed.move_to_end(name)

    def since(self, revision: int) -> list[str]:
        """Return what changed after a revision, the latest last; everything for a negative."""
        found: list[str] = []
        if revision == self.revision:
            return found
        for name in reversed(self._changed):
            if self._changed[name] <= revision:
                break
            found.append(name)
        found.reverse()
        return found


class Subset:
    """Those of some names of which something is true, asked again only for what changed."""

    def __init__(
        self, names: Iterable[str], changes: Changes, is_in: Callable[[str], bool]
    ) -> None:
        self._names = frozenset(names)
        self._changes = changes
        self._is_in = is_in
        self._members = set(filter(is_in, self._names))
        self._seen = changes.revision

    def now(self) -> Set[str]:
        """Return the members of this moment."""
        for name in self._changes.since(self._seen):
            if name in self._names and self._is_in(name):
                self._members.add(name)
            else:
                self._members.discard(name)
        self._seen = self._changes.revision
        return self._members
