# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tasks of both versions that began at about the same time, once all of them have ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from hotswap_ros.gates._window import News, Tally

#: A block takes no more tasks once so many have begun, with one of each version among them. Fewer
#: waste evidence (1/10 of it here), more make it wait; measured, 6 to 24 are much alike.
BLOCK_TASKS = 10
#: A block whose last tasks do not end is closed when so many tasks of each robot, or so many times
#: ten, have begun after it.
_PATIENCE = 4


class Arm(NamedTuple):
    """Tasks of one version: ended with success, stuck, and with requests that it failed."""

    tasks: int = 0
    succeeded: int = 0
    stuck: int = 0
    troubled: int = 0

    def plus(self, other: Arm) -> Arm:
        """Return the sum."""
        return Arm(*map(sum, zip(self, other)))


class FleetBlock(NamedTuple):
    """Tasks that are compared with each other, of all robots together."""

    control: Arm = Arm()
    candidate: Arm = Arm()


class _Side:
    """One version on one robot: which of its next tasks to end belong to which block."""

    __slots__ = ('block', 'ignored', 'owed', 'troubled')

    def __init__(self, block: int, ignored: int) -> None:
        self.block = block
        self.ignored = ignored
        self.owed = 0
        self.troubled = False

    def enter(self, block: int, in_flight: int, *, awaited: bool) -> None:
        """Catch up with the blocks: what was in flight belongs to the one that closed last."""
        if block == self.block:
            return
        if awaited and block == self.block + 1:
            # What the block before was not given in time is nobody's any more.
            self.ignored += self.owed
            self.owed = max(0, in_flight - self.ignored)
        else:
            self.ignored, self.owed = in_flight, 0
        self.block = block

    def dump(self) -> list[int]:
        return [self.block, self.ignored, self.owed, int(self.troubled)]

    @classmethod
    def load(cls, data: list[int]) -> _Side:
        side = cls(data[0], data[1])
        side.owed, side.troubled = data[2], bool(data[3])
        return side


class _Open:
    """A block under construction; index 0 is the control, 1 the candidate."""

    def __init__(self) -> None:
        self.started = [0, 0]
        self.arms = [Arm(), Arm()]

    def is_full(self, without_control: bool) -> bool:
        counted = self.started[without_control:]
        return min(counted) > 0 and sum(counted) >= BLOCK_TASKS

    @property
    def owed(self) -> list[int]:
        return [max(0, begun - arm.tasks) for begun, arm in zip(self.started, self.arms)]

    def add(self, side: int, ended: Arm) -> None:
        self.arms[side] = self.arms[side].plus(ended)

    def dump(self) -> list[Any]:
        return [list(self.started), *(list(arm) for arm in self.arms)]

    @classmethod
    def load(cls, data: list[Any]) -> _Open:
        found = cls()
        found.started = list(data[0])
        found.arms = [Arm(*arm) for arm in data[1:]]
        return found


class Blocks:
    """
    Puts tasks into blocks by when they began, and gives a block away when all of it has ended.

    Failures may take longer than successes, and a slow version longer than a fast one: a
    comparison of what has ended by now would take that for a difference. A block closes by the
    number of tasks that began, which no outcome moves. While the last tasks of one block end, the
    next one fills; a robot's tasks are taken to end in the order in which they began. All robots
    are pooled, because which version takes a task is drawn for each task: that makes the tasks of
    both versions alike on average, whatever the robots are like.

    Memory is constant per robot: its open debts to the last block. `without_control`: a block
    needs no task of the control, because the candidate is held against a number. `within_robots`:
    a robot's tasks count from its first one with the candidate on, so that one that never gets the
    candidate is no control.
    """

    def __init__(self, *, without_control: bool = False, within_robots: bool = True) -> None:
        self._without_control = without_control
        self._within_robots = within_robots
        self._number = 0
        self._open = _Open()
        self._closing: _Open | None = None
        self._sides: dict[str, tuple[_Side, _Side]] = {}

    def add(self, robot_id: str, news: News, in_flight: tuple[int, int]) -> tuple[FleetBlock, ...]:
        """
        Count what is new on a robot, and return the blocks that are full with it.

        `in_flight` are its tasks under way before, of the candidate and of the control; those of a
        robot that joins began too early to count.
        """
        if robot_id not in self._sides:
            if self._within_robots and news.candidate.started <= 0:
                return ()
            candidate, control = in_flight
            self._sides[robot_id] = _Side(self._number, control), _Side(self._number, candidate)
        self._add(robot_id, 0, news.control, in_flight[1])
        self._add(robot_id, 1, news.candidate, in_flight[0])
        return self._advance()

    def _add(self, robot_id: str, index: int, new: Tally, in_flight: int) -> None:
        side = self._sides[robot_id][index]
        side.enter(self._number, in_flight, awaited=self._closing is not None)
        self._open.started[index] += new.started
        side.troubled = side.troubled or new.errors > 0
        if new.finished <= 0:
            return
        troubled, side.troubled = int(side.troubled), False
        rest = Arm(new.finished, min(new.succeeded, new.finished), new.stuck, troubled)
        ignored, rest = _split(rest, min(side.ignored, rest.tasks))
        side.ignored -= ignored.tasks
        owed, rest = _split(rest, min(side.owed, rest.tasks))
        side.owed -= owed.tasks
        if self._closing is not None:
            self._closing.add(index, owed)
        self._open.add(index, rest)

    def leave(self, robot_id: str) -> bool:
        """
        Give up a robot and, with it, the blocks that its last tasks are in; whether none is left.

        Only the tasks that end soon could be counted of it, which would not be a fair choice.
        """
        if self._sides.pop(robot_id, None) is not None:
            self._number += 1
            self._open, self._closing = _Open(), None
        return not self._sides

    def _advance(self) -> tuple[FleetBlock, ...]:
        done = []
        if self._closing is not None and self._is_over(self._closing):
            done.append(FleetBlock(*self._closing.arms))
            self._closing = None
        if self._closing is None and self._open.is_full(self._without_control):
            self._closing, self._open = self._open, _Open()
            self._number += 1
            if not any(self._closing.owed):
                done.append(FleetBlock(*self._closing.arms))
                self._closing = None
        return tuple(done)

    def _is_over(self, block: _Open) -> bool:
        # What has not ended by then is not counted: to count it against the alarm hid, with many
        # robots whose messages come at different times, a version that was 12 points worse.
        patience = _PATIENCE * max(BLOCK_TASKS, len(self._sides))
        return not any(block.owed) or sum(self._open.started) >= patience

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'number': self._number,
            'open': self._open.dump(),
            'closing': None if self._closing is None else self._closing.dump(),
            'sides': {
                robot_id: [side.dump() for side in sides]
                for robot_id, sides in self._sides.items()
            },
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Take back what `dump` gave."""
        self._number = data['number']
        self._open = _Open.load(data['open'])
        self._closing = None if data['closing'] is None else _Open.load(data['closing'])
        self._sides = {
            robot_id: (_Side.load(sides[0]), _Side.load(sides[1]))
            for robot_id, sides in data['sides'].items()
        }


def _split(ended: Arm, tasks: int) -> tuple[Arm, Arm]:
    """Return the first `tasks` and the rest; which of them succeeded is known on average only."""
    if not tasks:
        return Arm(), ended
    first = Arm(tasks, *(min(tasks, round(part * tasks / ended.tasks)) for part in ended[1:]))
    return first, Arm(*(part - taken for part, taken in zip(ended, first)))
