# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The difference of cumulative counters: over reboots, lost, repeated and late messages."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import add, sub
from typing import Any, Generic, TypeAlias, TypeVar

#: Boots that are kept of each robot. A message that is later than so many reboots is not
#: recognised: it counts as that of a new boot.
_BOOTS_KEPT = 16

Vector: TypeAlias = tuple[int, ...]
CountsT = TypeVar('CountsT', bound=tuple[Any, ...])


def rise(now: Vector, last: Vector | None) -> Vector | None:
    """Return by how much counts rose from `last` (None: zero); None where one of them fell."""
    if last is None:
        return now
    new = tuple(map(sub, now, last))
    return None if min(new, default=0) < 0 else new


def add_counts(total: dict[str, Vector], new: Mapping[str, Vector]) -> None:
    """Add counts to a total, name by name; those of another length than before are left out."""
    for name, counts in new.items():
        known = total.setdefault(name, (0,) * len(counts))
        if len(known) == len(counts):
            total[name] = tuple(map(add, known, counts))


class Boot(enum.Enum):
    """The boot of a snapshot: the newest one, one that begins with it, or an earlier one."""

    SAME = 'same'
    NEW = 'new'
    EARLIER = 'earlier'


@dataclass(slots=True)
class Delta(Generic[CountsT]):
    """
    The new counts of a snapshot, by name.

    A robot loses its open work when it reboots. The open work of the snapshot `lost` counts as
    lost from now on, that of the snapshot `found` no longer does; None: there is no such snapshot.
    """

    counts: Mapping[str, CountsT]
    boot: Boot = Boot.SAME
    lost: Mapping[str, CountsT] | None = None
    found: Mapping[str, CountsT] | None = None


@dataclass(slots=True)
class _Robot(Generic[CountsT]):
    """The last snapshot of each boot, in the order in which the boots were first heard."""

    boots: dict[str, Mapping[str, CountsT]]
    newest: str
    has_left: bool = False

    def move_on(
        self, boot_id: str, known: Mapping[str, CountsT] | None, new: Mapping[str, CountsT]
    ) -> tuple[Boot, Mapping[str, CountsT] | None, Mapping[str, CountsT] | None]:
        """Return the boot of a snapshot, and the snapshots `lost` and `found` of its delta."""
        if known is None:
            lost = None if self.has_left else self.boots[self.newest]
            self.newest, self.has_left = boot_id, False
            return Boot.NEW, lost, None
        if boot_id != self.newest:
            return Boot.EARLIER, new, known
        self.has_left = False
        return Boot.SAME, None, known


class CounterTracker(Generic[CountsT]):
    """
    Finds what is new in the cumulative counters of robots.

    A snapshot has counts by name. They never fall within one boot of a robot and begin at zero
    with the next. The first snapshot of a robot is the reference from which it counts. Each boot
    is a sequence of its own: a lost message loses nothing, a repeated one counts nothing, a late
    one of the same boot is left out, and a late one of an earlier boot adds what is still missing
    of that boot. So the deltas sum up to what the robot did since its reference, except for what a
    boot did after its last message: after a reboot the sum is a lower bound (`is_least`).

    `difference(now, last)` subtracts an earlier value (None: zero) and returns None where `now`
    cannot follow `last`: `rise` for plain counts. A name that is missing in a snapshot has nothing
    new. A name that appears later in a boot counts from zero; with `refers_new_names` its first
    value is a reference, for callers that begin to ask for it in mid-boot.
    """

    def __init__(
        self,
        difference: Callable[[CountsT, CountsT | None], CountsT | None],
        *,
        refers_new_names: bool = False,
    ) -> None:
        self._difference = difference
        self._refers_new_names = refers_new_names
        self._robots: dict[str, _Robot[CountsT]] = {}

    def __contains__(self, robot_id: str) -> bool:
        """Return whether the robot has a reference."""
        return robot_id in self._robots

    def advance(
        self, robot_id: str, boot_id: str, counts: Mapping[str, CountsT]
    ) -> Delta[CountsT] | None:
        """Take in a snapshot and return what is new, or None where it is late or impossible."""
        robot = self._robots.get(robot_id)
        if robot is None:
            self.refer(robot_id, boot_id, counts)
            return Delta({})
        known = robot.boots.get(boot_id)
        new = self._subtract(counts, known)
        if new is None:
            return None
        if known is not None and not known.keys() <= counts.keys():
            counts = {**known, **counts}
        if boot_id == robot.newest and not robot.has_left:
            robot.boots[boot_id] = counts
            return Delta(new)
        if known == counts:
            return None
        delta = Delta(new, *robot.move_on(boot_id, known, counts))
        robot.boots[boot_id] = counts
        if len(robot.boots) > _BOOTS_KEPT:
            del robot.boots[next(iter(robot.boots))]
        return delta

    def _subtract(
        self, counts: Mapping[str, CountsT], known: Mapping[str, CountsT] | None
    ) -> dict[str, CountsT] | None:
        difference, found = self._difference, {}
        for name, now in counts.items():
            last = None if known is None else known.get(name)
            if last is None and known is not None and self._refers_new_names:
                continue
            new = difference(now, last)
            if new is None:
                return None
            found[name] = new
        return found

    def forget(self, robot_id: str) -> None:
        """Forget a robot."""
        self._robots.pop(robot_id, None)

    def refer(self, robot_id: str, boot_id: str, counts: Mapping[str, CountsT]) -> None:
        """Count a robot from this snapshot on, whatever was known of it."""
        self._robots[robot_id] = _Robot({boot_id: counts}, boot_id)

    def leave(self, robot_id: str) -> Mapping[str, CountsT]:
        """Give up the open work of a robot until it is heard again; return its last snapshot."""
        latest = self.latest(robot_id)
        self._robots[robot_id].has_left = True
        return latest

    def latest(self, robot_id: str) -> Mapping[str, CountsT]:
        """Return the last snapshot of a robot's newest boot; nothing after `leave`."""
        robot = self._robots[robot_id]
        return {} if robot.has_left else robot.boots[robot.newest]

    def last_of(self, robot_id: str, boot_id: str) -> Mapping[str, CountsT]:
        """Return the last snapshot of one boot of a robot; nothing where it was not heard."""
        robot = self._robots.get(robot_id)
        return {} if robot is None else robot.boots.get(boot_id, {})

    def is_least(self, robot_id: str) -> bool:
        """Return whether the robot has rebooted, so that it may have done more than is known."""
        return len(self._robots[robot_id].boots) > 1

    def dump(self, write: Callable[[CountsT], list[Any]]) -> dict[str, Any]:
        """Return the whole state for JSON, the newest boot last; `write` makes lists of counts."""

        def written(counts: Mapping[str, CountsT]) -> dict[str, list[Any]]:
            return {name: write(value) for name, value in counts.items()}

        return {
            robot_id: [[[boot, written(c)] for boot, c in robot.boots.items()], robot.has_left]
            for robot_id, robot in self._robots.items()
        }

    def load(self, data: Mapping[str, Any], read: Callable[[Any], CountsT]) -> None:
        """Take back what `dump` gave; `read` makes counts of lists."""
        self._robots = {
            robot_id: _Robot(
                {boot: {name: read(v) for name, v in counts.items()} for boot, counts in boots},
                newest=boots[-1][0],
                has_left=has_left,
            )
            for robot_id, (boots, has_left) in data.items()
        }
