# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The tasks in flight on a robot, and the blocks that they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import sub
from typing import Any

from hotswap_ros.gates.pairing.tasks import Arm
from hotswap_ros.gates.tally import CategoryTasks

#: The block of tasks that count nowhere.
NO_BLOCK = -1
_NOTHING = Arm()


class InFlight:
    """
    The tasks in flight of one version and category on one robot, by block.

    Tasks are assumed to end in the order in which they began.
    """

    __slots__ = ('_open',)

    def __init__(self, early: int = 0) -> None:
        self._open = [[NO_BLOCK, early]] if early else []

    @property
    def blocks(self) -> set[int]:
        """Return the blocks that tasks in flight belong to."""
        return {block for block, _ in self._open}

    def begin(self, block: int, tasks: int) -> None:
        """Add tasks of a block that began."""
        if self._open and self._open[-1][0] == block:
            self._open[-1][1] += tasks
        elif tasks > 0:
            self._open.append([block, tasks])

    def take_back(self, tasks: int) -> None:
        """Add tasks that counted as lost and are still in flight."""
        self._open.insert(0, [NO_BLOCK, tasks])

    def end(self, ended: Arm) -> Iterator[tuple[int, Arm]]:
        """Yield the tasks that ended by block, in the order in which they began."""
        while self._open and ended.tasks > 0:
            block, begun = self._open[0]
            own, ended = _split(ended, min(begun, ended.tasks))
            if own.tasks == begun:
                del self._open[0]
            else:
                self._open[0][1] -= own.tasks
            yield block, own

    def dump(self) -> list[Any]:
        """Return the whole state for JSON."""
        return [list(entry) for entry in self._open]

    @classmethod
    def load(cls, data: list[Any]) -> InFlight:
        """Restore the state that `dump` returned."""
        found = cls()
        found._open = [list(entry) for entry in data]
        return found


class RobotTasks:
    """The tasks in flight on one robot, of control (0) and candidate (1), by category."""

    __slots__ = ('_tasks', '_troubled')

    def __init__(self, early: Sequence[Mapping[str, int]] = ()) -> None:
        self._tasks: dict[tuple[int, str], InFlight] = {
            (index, category): InFlight(number)
            for index, tasks in enumerate(early)
            for category, number in tasks.items()
            if number
        }
        #: Whether a version has failed requests since a task of it last ended.
        self._troubled = [False, False]

    @property
    def blocks(self) -> set[int]:
        """Return the blocks that tasks in flight belong to."""
        return set().union(*(tasks.blocks for tasks in self._tasks.values()))

    def begin(self, index: int, category: str, block: int, tasks: int) -> None:
        """Add tasks of a block that began."""
        self._tasks.setdefault((index, category), InFlight()).begin(block, tasks)

    def trouble(self, index: int) -> None:
        """Note that a version has failed requests: of the task that ends next."""
        self._troubled[index] = True

    def end(self, index: int, category: str, new: CategoryTasks) -> Iterator[tuple[int, Arm]]:
        """Yield the tasks that ended by block, in the order in which they began."""
        tasks = self._tasks.setdefault((index, category), InFlight())
        if new.finished < 0:
            tasks.take_back(-new.finished)
        elif new.finished:
            troubled, self._troubled[index] = int(self._troubled[index]), False
            ended = Arm(
                new.finished,
                min(new.succeeded, new.finished),
                min(new.stuck, new.finished),
                troubled,
                new.progress,
                new.duration_ms,
                new.interventions,
            )
            yield from tasks.end(ended)

    def dump(self) -> list[Any]:
        """Return the whole state for JSON."""
        tasks = [[*key, found.dump()] for key, found in self._tasks.items()]
        return [list(map(int, self._troubled)), tasks]

    @classmethod
    def load(cls, data: list[Any]) -> RobotTasks:
        """Restore the state that `dump` returned."""
        found = cls()
        found._troubled = list(map(bool, data[0]))
        found._tasks = {(i, name): InFlight.load(tasks) for i, name, tasks in data[1]}
        return found


def _split(ended: Arm, tasks: int) -> tuple[Arm, Arm]:
    """Return the first `tasks` and the rest; their figures are divided in proportion."""
    if tasks == ended.tasks:
        return ended, _NOTHING
    part = tasks / ended.tasks
    succeeded, stuck, troubled = (min(tasks, round(part * number)) for number in ended[1:4])
    first = Arm(
        tasks,
        succeeded,
        stuck,
        troubled,
        progress=round(part * ended.progress),
        # That of the tasks that succeeded.
        duration_ms=round(ended.duration_ms * succeeded / max(1, ended.succeeded)),
        interventions=round(part * ended.interventions),
    )
    rest = Arm(*map(sub, ended, first))
    return first._replace(shared=tasks), rest._replace(shared=rest.tasks)
