# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Blocks: tasks of both versions that began at about the same time, compared when all ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import add
from typing import Any, NamedTuple

#: A block takes no more tasks once so many have begun, with one of each version among them. A
#: smaller block wastes evidence (1/10 of it here), a larger one makes it wait; measured, 6 to 24
#: make little difference.
BLOCK_TASKS = 10
#: A task counts as failed if it is still in flight when each robot, or ten of them, have begun so
#: many others, and each has reported its tasks so many times. That is far beyond a robot's own
#: timeout: it is for robots that never give a task up.
_PATIENCE = 50
#: While so many blocks, or one for each robot of a lane, wait for their last tasks, the next block
#: takes all tasks that begin. A thousand robots have a hundred blocks open; large ones end late.
_MOST_BLOCKS = 16


class Arm(NamedTuple):
    """Tasks of one version: ended with success, stuck, and with requests that it failed."""

    tasks: int = 0
    succeeded: int = 0
    stuck: int = 0
    troubled: int = 0

    def plus(self, other: Arm) -> Arm:
        """Return the sum."""
        return Arm(*map(add, self, other))


class FleetBlock(NamedTuple):
    """Tasks that are compared with each other, of all robots together."""

    control: Arm = Arm()
    candidate: Arm = Arm()


class Progress(NamedTuple):
    """Tasks that began, and messages that reported tasks, on all robots together."""

    begun: int = 0
    messages: int = 0
    robots: int = 0

    def is_beyond_hope(self, closed: Progress) -> bool:
        """Return whether too much has happened since a block was closed to wait for it."""
        begun, messages = self.begun - closed.begun, self.messages - closed.messages
        most = _PATIENCE * max(BLOCK_TASKS, self.robots)
        return begun >= most and messages >= _PATIENCE * self.robots


class _Block:
    """A block under construction; index 0 is the control, 1 the candidate."""

    def __init__(self) -> None:
        self.started = [0, 0]
        self.arms = [Arm(), Arm()]
        #: How far things had come when this one was closed.
        self.closed = Progress()

    def is_full(self, without_control: bool) -> bool:
        control, candidate = self.started
        if without_control:
            return candidate >= BLOCK_TASKS
        return control > 0 and candidate > 0 and control + candidate >= BLOCK_TASKS

    @property
    def has_ended(self) -> bool:
        control, candidate = self.arms
        return control.tasks >= self.started[0] and candidate.tasks >= self.started[1]

    def fail_the_rest(self) -> None:
        """Count the tasks that are still in flight as failed."""
        self.arms = [
            arm._replace(tasks=max(begun, arm.tasks))
            for begun, arm in zip(self.started, self.arms)
        ]

    def dump(self) -> list[Any]:
        return [list(self.started), *(list(arm) for arm in self.arms), list(self.closed)]

    @classmethod
    def load(cls, data: list[Any]) -> _Block:
        found = cls()
        found.started = list(data[0])
        found.arms = [Arm(*arm) for arm in data[1:3]]
        found.closed = Progress(*data[3])
        return found


class Lane:
    """
    Puts tasks into blocks by when they began, and returns a block when all its tasks have ended.

    Failures may take longer than successes, and a slow version longer than a fast one: a
    comparison of the tasks that have ended by now would mistake that for a difference. A block
    closes by the number of tasks that began, which no outcome changes, and blocks are returned in
    their order. All robots of a lane are pooled: the version of each task is drawn at random, so
    the tasks of both versions are alike on average, whatever the robots are like.

    `new_number` gives each block a unique number. `without_control`: a block needs no task of the
    control, because the candidate is compared with a number.
    """

    def __init__(self, new_number: Callable[[], int], *, without_control: bool) -> None:
        self._new_number = new_number
        self._without_control = without_control
        #: The robots whose tasks begin here.
        self.robots: set[str] = set()
        #: The blocks that take no more tasks, in their order.
        self._closed: dict[int, _Block] = {}
        self._begin_block()

    def _begin_block(self) -> None:
        self._number, self._open = self._new_number(), _Block()

    @property
    def blocks(self) -> set[int]:
        """Return the numbers of the blocks that have not been returned."""
        return {*self._closed, self._number}

    @property
    def full(self) -> set[int]:
        """Return the numbers of those that wait only for tasks in flight."""
        is_full = self._open.is_full(self._without_control)
        return self.blocks if is_full else set(self._closed)

    @property
    def is_over(self) -> bool:
        """Return whether no task begins here any more, and all blocks were returned."""
        return not self.robots and not self._closed

    def begin(self, index: int, tasks: int) -> int:
        """Take tasks that began, of the control (0) or the candidate (1); return their block."""
        self._open.started[index] += tasks
        return self._number

    def end(self, number: int, index: int, ended: Arm) -> None:
        """Take tasks of a block that ended; of one that is not here, none."""
        block = self._open if number == self._number else self._closed.get(number)
        if block is not None:
            block.arms[index] = block.arms[index].plus(ended)

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

    def ended(self, now: Progress) -> Iterator[FleetBlock]:
        """Yield the blocks that have ended, in their order."""
        if len(self._closed) < max(_MOST_BLOCKS, len(self.robots)) and self._close(now):
            self._begin_block()
        while self._closed:
            number, block = next(iter(self._closed.items()))
            if not block.has_ended and not now.is_beyond_hope(block.closed):
                return
            block.fail_the_rest()
            del self._closed[number]
            yield FleetBlock(*block.arms)

    def _close(self, now: Progress) -> bool:
        if not self._open.is_full(self._without_control):
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
        }

    def load(self, data: dict[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self.robots = set(data['robots'])
        self._number, self._open = data['open'][0], _Block.load(data['open'][1])
        self._closed = {number: _Block.load(block) for number, block in data['closed']}
