# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which block the tasks under way on a robot belong to."""

from __future__ import annotations

from collections.abc import Iterator
from operator import sub
from typing import Any

from hotswap_ros.gates.pairing.blocks import Arm

#: The block of tasks that count nowhere.
NO_BLOCK = -1
_NOTHING = Arm()


class InFlight:
    """
    One version on one robot: how many of its tasks under way belong to which block.

    Tasks are taken to end in the order in which they began.
    """

    __slots__ = ('_owed', 'troubled')

    def __init__(self, early: int) -> None:
        self._owed = [[NO_BLOCK, early]] if early else []
        self.troubled = False

    @property
    def blocks(self) -> set[int]:
        """Return the blocks that tasks under way belong to."""
        return {block for block, _ in self._owed}

    def begin(self, block: int, tasks: int) -> None:
        """Owe a block tasks that began."""
        if self._owed and self._owed[-1][0] == block:
            self._owed[-1][1] += tasks
        elif tasks > 0:
            self._owed.append([block, tasks])

    def take_back(self, tasks: int) -> None:
        """Learn that tasks which were given up for lost are under way after all."""
        self._owed.insert(0, [NO_BLOCK, tasks])

    def end(self, ended: Arm) -> Iterator[tuple[int, Arm]]:
        """Pay with tasks that ended, in the order in which they began: yields block and tasks."""
        while self._owed and ended.tasks > 0:
            block, owed = self._owed[0]
            paid, ended = _split(ended, min(owed, ended.tasks))
            if paid.tasks == owed:
                del self._owed[0]
            else:
                self._owed[0][1] -= paid.tasks
            yield block, paid

    def dump(self) -> list[Any]:
        """Return the whole state for JSON."""
        return [int(self.troubled), [list(debt) for debt in self._owed]]

    @classmethod
    def load(cls, data: list[Any]) -> InFlight:
        """Take back what `dump` gave."""
        debts = cls(0)
        debts.troubled = bool(data[0])
        debts._owed = [list(debt) for debt in data[1]]
        return debts


def _split(ended: Arm, tasks: int) -> tuple[Arm, Arm]:
    """Return the first `tasks` and the rest; which of them succeeded is known on average only."""
    if tasks == ended.tasks:
        return ended, _NOTHING
    first = Arm(tasks, *(min(tasks, round(part * tasks / ended.tasks)) for part in ended[1:]))
    return first, Arm(*map(sub, ended, first))
