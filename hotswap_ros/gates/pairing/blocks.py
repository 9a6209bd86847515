# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tasks that are compared: in the order in which they began, one by one or in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from hotswap_ros.gates.pairing.tasks import NO_TASKS, Arm, DrawnTasks, FleetBlock

#: A block takes no more tasks once so many have begun, with one of each version among them. A
#: smaller block wastes evidence (1/20 of it here), a larger one makes it wait.
BLOCK_TASKS = 20
#: A task counts as failed if it is still in flight when each robot, or ten of them, have begun so
#: many others, and each has reported its tasks so many times. That is far beyond a robot's own
#: timeout: it is for robots that never give a task up.
_PATIENCE = 50
_FEW_ROBOTS = 10
#: While so many blocks, or one for each robot of a lane, wait for their last tasks, the next block
#: takes all tasks that begin. A large one ends late.
_MOST_BLOCKS = 16
#: DrawnTasks are few at a time: so many times more of them may wait.
_MORE_DRAWN = 4


class Progress(NamedTuple):
    """Tasks that began, and messages that reported tasks, on all robots together."""

    begun: int = 0
    messages: int = 0
    robots: int = 0

    def is_beyond_hope(self, closed: Progress) -> bool:
        """Return whether too much has happened since a block was closed to wait for it."""
        begun, messages = self.begun - closed.begun, self.messages - closed.messages
        most = _PATIENCE * max(_FEW_ROBOTS, self.robots)
        return begun >= most and messages >= _PATIENCE * self.robots


class _Cell:
    """Tasks of one version and category in a block."""

    __slots__ = ('arm', 'started')

    def __init__(self, started: int = 0, arm: Arm = NO_TASKS) -> None:
        self.started = started
        self.arm = arm


class _Block:
    """A block under construction; index 0 is the control, 1 the candidate."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, str], _Cell] = {}
        #: How far things had come when this one was closed.
        self.closed = Progress()

    @property
    def started(self) -> tuple[int, int]:
        """Return the number of tasks of control and candidate that began in this block."""
        both = [0, 0]
        for (index, _), cell in self._cells.items():
            both[index] += cell.started
        return both[0], both[1]

    @property
    def has_ended(self) -> bool:
        return all(cell.arm.tasks >= cell.started for cell in self._cells.values())

    def begin(self, index: int, category: str, tasks: int) -> None:
        self._cells.setdefault((index, category), _Cell()).started += tasks

    def end(self, index: int, category: str, ended: Arm) -> None:
        cell = self._cells.setdefault((index, category), _Cell())
        cell.arm = cell.arm.plus(ended)

    def fail_the_rest(self) -> None:
        """Count the tasks that are still in flight as failed."""
        for cell in self._cells.values():
            cell.arm = cell.arm._replace(tasks=max(cell.started, cell.arm.tasks))

    @property
    def categories(self) -> dict[str, tuple[Arm, Arm]]:
        """Return the tasks of control and candidate by category."""
        found: dict[str, tuple[Arm, Arm]] = {}
        for (index, category), cell in self._cells.items():
            control, candidate = found.get(category, (Arm(), Arm()))
            found[category] = (control, cell.arm) if index else (cell.arm, candidate)
        return found

    def dump(self) -> list[Any]:
        cells = [[*key, cell.started, list(cell.arm)] for key, cell in self._cells.items()]
        return [cells, list(self.closed)]

    @classmethod
    def load(cls, data: list[Any]) -> _Block:
        found = cls()
        for index, category, started, arm in data[0]:
            found._cells[index, category] = _Cell(started, Arm(*arm))
        found.closed = Progress(*data[1])
        return found


def _is_full(control: int, candidate: int) -> bool:
    return control > 0 and candidate > 0 and control + candidate >= BLOCK_TASKS


class Lane:
    """
    Puts tasks into blocks by when they began, and returns a block when all its tasks have ended.

    Failures may take longer than successes, and a slow version longer than a fast one: a
    comparison of the tasks that have ended by now would mistake that for a difference. A block
    closes by the number of tasks that began, which no outcome changes, and blocks are returned in
    their order. All robots of a lane are pooled: the version of each task is drawn at random, so
    the tasks of both versions are alike on average, whatever the robots are like.

    With a `share`, each task is known to have been drawn for the candidate with that probability.
    Then no block is needed: the tasks that began between two messages of a robot are DrawnTasks,
    and they are returned as soon as these and all that began before them have ended. In addition
    they are put together to blocks, for comparisons that need some.

    `new_number` gives each block a unique number. `without_control`: a block needs no task of the
    control, because the candidate is compared with a number.
    """

    def __init__(
        self,
        new_number: Callable[[], int],
        *,
        without_control: bool = False,
        share: float | None = None,
    ) -> None:
        self._new_number = new_number
        self._without_control = without_control
        self._share = share
        #: The robots whose tasks begin here.
        self.robots: set[str] = set()
        #: The blocks that take no more tasks, in their order.
        self._closed: dict[int, _Block] = {}
        #: The block that DrawnTasks are put together to, and its number.
        self._together = FleetBlock(is_drawn=True)
        self._together_number = new_number()
        self._begin_block()

    def _begin_block(self) -> None:
        self._number, self._open = self._new_number(), _Block()

    @property
    def blocks(self) -> set[int]:
        """Return the numbers of the blocks that have not been returned."""
        return {*self._closed, self._number, self.next_block}

    @property
    def is_drawn(self) -> bool:
        """Return whether DrawnTasks are returned, and blocks that are put together of them."""
        return self._share is not None

    @property
    def next_block(self) -> int:
        """Return the number of the FleetBlock that still takes tasks."""
        return self._together_number if self.is_drawn else self._number

    @property
    def full(self) -> set[int]:
        """Return the numbers of those that wait only for tasks in flight."""
        return {*self._closed, self._number} if self._is_full else set(self._closed)

    @property
    def _is_full(self) -> bool:
        """Return whether the open block needs no more tasks."""
        control, candidate = self._open.started
        if self._share is not None:
            return control + candidate > 0
        if self._without_control:
            return candidate >= BLOCK_TASKS
        return _is_full(control, candidate)

    @property
    def is_over(self) -> bool:
        """Return whether no task begins here any more, and all blocks were returned."""
        return not self.robots and not self._closed

    def begin(self, index: int, category: str, tasks: int) -> int:
        """Take tasks that began, of the control (0) or the candidate (1); return their block."""
        self._open.begin(index, category, tasks)
        return self._number

    def end(self, number: int, index: int, category: str, ended: Arm) -> None:
        """Take tasks of a block that ended; of one that is not here, none."""
        block = self._open if number == self._number else self._closed.get(number)
        if block is not None:
            block.end(index, category, ended)

    def part(self, robot_id: str, now: Progress) -> None:
        """
        Take note that the tasks which a robot begins are for another lane.

        With the last robot the open block closes, or is given up if too few tasks began in it.
        """
        self.robots.discard(robot_id)
        if not self.robots:
            self._close(now)
            self._begin_block()

    def give_up(self) -> None:
        """Give up all blocks: nothing more will be heard of their tasks in flight."""
        self._closed.clear()
        self._begin_block()

    def ended(self, now: Progress) -> Iterator[FleetBlock | DrawnTasks]:
        """Yield the tasks and blocks that have ended, in their order."""
        most = max(_MOST_BLOCKS, len(self.robots))
        if self._share is not None:
            most *= _MORE_DRAWN
        if len(self._closed) < most and self._close(now):
            self._begin_block()
        while self._closed:
            number, block = next(iter(self._closed.items()))
            if not block.has_ended and not now.is_beyond_hope(block.closed):
                return
            block.fail_the_rest()
            del self._closed[number]
            tasks = DrawnTasks(block.categories, self._share or 0.0)
            if self._share is None:
                yield FleetBlock().plus(tasks)._replace(is_drawn=False)
            else:
                yield from self._one_by_one(tasks)

    def _one_by_one(self, tasks: DrawnTasks) -> Iterator[FleetBlock | DrawnTasks]:
        yield tasks
        self._together = self._together.plus(tasks)
        if _is_full(self._together.control.tasks, self._together.candidate.tasks):
            yield self._together
            self._together = FleetBlock(is_drawn=True)
            self._together_number = self._new_number()

    def _close(self, now: Progress) -> bool:
        if not self._is_full:
            return False
        self._open.closed = now
        self._closed[self._number] = self._open
        return True

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'robots': sorted(self.robots),
            'open': [self._number, self._open.dump()],
            'closed': [[number, block.dump()] for number, block in self._closed.items()],
            'together': [self._together_number, *(list(arm) for arm in self._together[:2])],
        }

    def load(self, data: dict[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self.robots = set(data['robots'])
        self._number, self._open = data['open'][0], _Block.load(data['open'][1])
        self._closed = {number: _Block.load(block) for number, block in data['closed']}
        self._together_number, control, candidate = data['together']
        self._together = FleetBlock(Arm(*control), Arm(*candidate), is_drawn=True)
