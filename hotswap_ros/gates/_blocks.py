# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tasks of both versions that began at about the same time, once all of them have ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from operator import add, sub
from typing import Any, NamedTuple

from hotswap_ros.gates._window import News, Tally

#: A block takes no more tasks once so many have begun, with one of each version among them. Fewer
#: waste evidence (1/10 of it here), more make it wait; measured, 6 to 24 are much alike.
BLOCK_TASKS = 10
#: A task that is still under way when each robot, or ten of them, have begun so many others, and
#: each has told of its tasks so many times, counts as failed. Far beyond a robot's own timeout: it
#: is for robots that never give a task up.
_PATIENCE = 50
#: While so many blocks, or one for each robot, wait for their last tasks, the next one takes all
#: tasks that begin. A thousand robots have a hundred blocks under way, and large ones end late.
_MOST_BLOCKS = 16
#: The block of tasks that count nowhere any more.
_NO_BLOCK = -1


class Arm(NamedTuple):
    """Tasks of one version: ended with success, stuck, and with requests that it failed."""

    tasks: int = 0
    succeeded: int = 0
    stuck: int = 0
    troubled: int = 0

    def plus(self, other: Arm) -> Arm:
        """Return the sum."""
        return Arm(*map(add, self, other))


_NOTHING = Arm()


class FleetBlock(NamedTuple):
    """Tasks that are compared with each other, of all robots together."""

    control: Arm = Arm()
    candidate: Arm = Arm()


class _Side:
    """One version on one robot: how many of its tasks under way belong to which block."""

    __slots__ = ('debts', 'troubled')

    def __init__(self, early: int) -> None:
        self.debts = [[_NO_BLOCK, early]] if early else []
        self.troubled = False

    def begin(self, block: int, tasks: int) -> None:
        """Owe a block tasks that began."""
        if self.debts and self.debts[-1][0] == block:
            self.debts[-1][1] += tasks
        elif tasks > 0:
            self.debts.append([block, tasks])

    def take_back(self, tasks: int) -> None:
        """Learn that tasks which were given up for lost are under way after all."""
        self.debts.insert(0, [_NO_BLOCK, tasks])

    def end(self, ended: Arm) -> Iterator[tuple[int, Arm]]:
        """Pay with tasks that ended, in the order in which they began: yields block and tasks."""
        while self.debts and ended.tasks > 0:
            block, owed = self.debts[0]
            paid, ended = _split(ended, min(owed, ended.tasks))
            if paid.tasks == owed:
                del self.debts[0]
            else:
                self.debts[0][1] -= paid.tasks
            yield block, paid

    def dump(self) -> list[Any]:
        return [int(self.troubled), [list(debt) for debt in self.debts]]

    @classmethod
    def load(cls, data: list[Any]) -> _Side:
        side = cls(0)
        side.troubled = bool(data[0])
        side.debts = [list(debt) for debt in data[1]]
        return side


class _Block:
    """A block under construction; index 0 is the control, 1 the candidate."""

    def __init__(self) -> None:
        self.started = [0, 0]
        self.arms = [Arm(), Arm()]
        #: What Blocks had counted when this one was full: tasks that began, and messages.
        self.closed = (0, 0)

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
        """Count what is still under way as failed."""
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
        found.closed = (data[3][0], data[3][1])
        return found


class Blocks:
    """
    Puts tasks into blocks by when they began, and gives a block away when all of it has ended.

    Failures may take longer than successes, and a slow version longer than a fast one: a
    comparison of what has ended by now would take that for a difference. A block closes by the
    number of tasks that began, which no outcome moves, and blocks are given away in their order. A
    robot's tasks are taken to end in the order in which they began. All robots are pooled, because
    which version takes a task is drawn for each task: that makes the tasks of both versions alike
    on average, whatever the robots are like.

    Memory is constant per robot: a debt for each task under way, and a block. `without_control`: a
    block needs no task of the control, because the candidate is held against a number.
    `awaits_candidate`: a robot's tasks count from its first one with the candidate on, so that one
    that never gets the candidate is no control. Where it is known that a robot gets it, they count
    at once: the first one with the candidate has no control tasks before it, and slow robots would
    weigh more with the candidate.
    """

    def __init__(self, *, without_control: bool = False, awaits_candidate: bool = True) -> None:
        self._without_control = without_control
        self._awaits_candidate = awaits_candidate
        #: The number of the first block in the queue; the last one takes the tasks that begin.
        self._first = 0
        self._queue = [_Block()]
        self._sides: dict[str, tuple[_Side, _Side]] = {}
        self._begun = 0
        self._told = 0

    @property
    def robots(self) -> Set[str]:
        """Return the robots whose tasks are counted."""
        return self._sides.keys()

    @property
    def waits(self) -> bool:
        """Return whether a block is full and its last tasks are under way."""
        return len(self._queue) > 1

    def add(self, robot_id: str, news: News, in_flight: tuple[int, int]) -> tuple[FleetBlock, ...]:
        """
        Count what is new on a robot, and return the blocks that have ended with it.

        `in_flight` are its tasks under way before, of the candidate and of the control; those of a
        robot that joins began too early to count.
        """
        sides = self._sides.get(robot_id)
        if sides is None:
            if self._awaits_candidate and news.candidate.started <= 0:
                return ()
            candidate, control = in_flight
            sides = self._sides[robot_id] = _Side(control), _Side(candidate)
        self._told += 1
        self._add(sides[0], 0, news.control)
        self._add(sides[1], 1, news.candidate)
        return tuple(self._ended())

    def _add(self, side: _Side, index: int, new: Tally) -> None:
        side.begin(self._first + len(self._queue) - 1, new.started)
        self._queue[-1].started[index] += new.started
        self._begun += new.started
        side.troubled = side.troubled or new.errors > 0
        if new.finished < 0:
            side.take_back(-new.finished)
        if new.finished <= 0:
            return
        troubled, side.troubled = int(side.troubled), False
        of_them = min(new.succeeded, new.finished), min(new.stuck, new.finished)
        ended = Arm(new.finished, *of_them, troubled)
        for number, arm in side.end(ended):
            if number >= self._first:
                block = self._queue[number - self._first]
                block.arms[index] = block.arms[index].plus(arm)

    def leave(self, robot_id: str) -> bool:
        """
        Give up a robot and, with it, the blocks that its last tasks are in; whether none is left.

        Only the tasks that end soon could be counted of it, which would not be a fair choice.
        """
        if self._sides.pop(robot_id, None) is not None:
            self._first += len(self._queue)
            self._queue = [_Block()]
        return not self._sides

    def _ended(self) -> Iterator[FleetBlock]:
        last = self._queue[-1]
        has_room = len(self._queue) <= max(_MOST_BLOCKS, len(self._sides))
        if has_room and last.is_full(self._without_control):
            last.closed = self._begun, self._told
            self._queue.append(_Block())
        while len(self._queue) > 1:
            block = self._queue[0]
            if not block.has_ended and not self._patience_is_over:
                return
            block.fail_the_rest()
            del self._queue[0]
            self._first += 1
            yield FleetBlock(*block.arms)

    @property
    def _patience_is_over(self) -> bool:
        begun, told = self._queue[0].closed
        begun, told = self._begun - begun, self._told - told
        robots = len(self._sides)
        return begun >= _PATIENCE * max(BLOCK_TASKS, robots) and told >= _PATIENCE * robots

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'first': self._first,
            'counted': [self._begun, self._told],
            'queue': [block.dump() for block in self._queue],
            'sides': {
                robot_id: [side.dump() for side in sides]
                for robot_id, sides in self._sides.items()
            },
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Take back what `dump` gave."""
        self._first = data['first']
        self._begun, self._told = data['counted']
        self._queue = [_Block.load(block) for block in data['queue']]
        self._sides = {
            robot_id: (_Side.load(sides[0]), _Side.load(sides[1]))
            for robot_id, sides in data['sides'].items()
        }


def _split(ended: Arm, tasks: int) -> tuple[Arm, Arm]:
    """Return the first `tasks` and the rest; which of them succeeded is known on average only."""
    if tasks == ended.tasks:
        return ended, _NOTHING
    first = Arm(tasks, *(min(tasks, round(part * tasks / ended.tasks)) for part in ended[1:]))
    return first, Arm(*map(sub, ended, first))
