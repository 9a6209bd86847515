# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Changes since a revision: reading them costs no more than the number of changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Set


class Changes:
    """The order of the last changes by name; `revision` rises with every change."""

    def __init__(self) -> None:
        self.revision = 0
        self._changed: OrderedDict[str, int] = OrderedDict()

    def note(self, name: str) -> None:
        """Note a change."""
        self.revision += 1
        self._changed[name] = self.revision
        self._changed.move_to_end(name)

    def forget(self, name: str) -> None:
        """Forget a name of which nobody waits for changes."""
        self._changed.pop(name, None)

    def since(self, revision: int) -> list[str]:
        """Return the names that changed after a revision, the latest last; all for -1."""
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
    """The names that fulfil a condition, which is evaluated again only for changed names."""

    def __init__(
        self, names: Iterable[str], changes: Changes, is_in: Callable[[str], bool]
    ) -> None:
        self._names = frozenset(names)
        self._changes = changes
        self._is_in = is_in
        self._members = set(filter(is_in, self._names))
        self._seen = changes.revision

    def now(self) -> Set[str]:
        """Return the current members."""
        for name in self._changes.since(self._seen):
            if name in self._names and self._is_in(name):
                self._members.add(name)
            else:
                self._members.discard(name)
        self._seen = self._changes.revision
        return self._members
