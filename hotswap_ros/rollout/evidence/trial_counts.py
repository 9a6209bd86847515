# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Trial counts: the tasks of each robot and version, and the agreement of a shadow by task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from hotswap_ros.gates.tally import Tally, tally_rise
from hotswap_ros.models import VersionCounters
from hotswap_ros.models.counter_delta import CounterTracker

_NOTHING = Tally()


class Unit(NamedTuple):
    """Observations of a shadow in `tasks` tasks: compared, agreed and offered."""

    compared: int
    agreed: int
    offered: int
    tasks: int


class TrialCounts:
    """
    The counts of each robot and version since the robot joined, and the units of a shadow.

    A unit is what a robot compared between two messages in which tasks of the stable version had
    finished: the observations of one task, or of a few, since those of one task are alike. Units
    with equal figures are kept once, with a count. A task that a reboot interrupts does not count.
    """

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        self._tracker = CounterTracker(tally_rise)
        self._done: dict[tuple[str, str], Tally] = {}
        self._open: dict[str, tuple[int, int, int]] = {}
        self._units: dict[Unit, int] = {}
        #: Tasks of the stable version in which a shadow was compared.
        self.shadowed_tasks = 0
        if data:
            self._load(_from_last_release(data) if 'last' in data else data)

    def observe(
        self,
        robot_id: str,
        boot_id: str,
        counters: Mapping[str, VersionCounters],
        stable: str,
        candidate: str,
    ) -> None:
        """Take in a robot's counters; its first ones are the reference."""
        names = [name for name in (stable, candidate) if name in counters]
        counts = {name: Tally.of(counters[name]) for name in names}
        delta = self._tracker.advance(robot_id, boot_id, counts)
        if delta is None:
            return
        for name, new in delta.counts.items():
            self._done[robot_id, name] = self._done.get((robot_id, name), _NOTHING).plus(new)
        ended = delta.counts.get(stable, _NOTHING).finished
        self._close_units(robot_id, ended, delta.counts.get(candidate, _NOTHING))

    def _close_units(self, robot_id: str, ended: int, shadow: Tally) -> None:
        steps, agreed, offered = self._open.get(robot_id, (0, 0, 0))
        seen = (steps + shadow.shadowed, agreed + shadow.agreed, offered + shadow.offered)
        if ended and seen[2]:
            unit = Unit(*seen, ended)
            self._units[unit] = self._units.get(unit, 0) + 1
            self.shadowed_tasks += ended if unit.compared else 0
            seen = (0, 0, 0)
        self._open[robot_id] = seen

    def of(self, version: str) -> Iterator[tuple[str, Tally]]:
        """Yield the tasks of each robot with a version, by robot id."""
        for (robot_id, name), counts in sorted(self._done.items()):
            if name == version:
                yield robot_id, counts

    @property
    def units(self) -> Mapping[Unit, int]:
        """Return how often each unit occurred."""
        return self._units

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'tracker': self._tracker.dump(Tally.dump),
            'done': [[*key, counts.dump()] for key, counts in self._done.items()],
            'open': {robot_id: list(unit) for robot_id, unit in self._open.items()},
            'shadowed_tasks': self.shadowed_tasks,
            'units': [[*unit, times] for unit, times in self._units.items()],
        }

    def _load(self, data: Mapping[str, Any]) -> None:
        self._tracker.load(data['tracker'], Tally.load)
        self._done = {(robot, name): Tally.load(found) for robot, name, found in data['done']}
        self._open = {robot: (u[0], u[1], u[2]) for robot, u in data['open'].items()}
        self.shadowed_tasks = data['shadowed_tasks']
        self._units = {Unit(*unit): times for *unit, times in data['units']}


def _from_last_release(data: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a dump of the previous release, which kept other counts."""
    last: dict[str, dict[str, Any]] = {robot_id: {} for robot_id in data['boots']}
    for robot_id, name, counts in data['last']:
        last[robot_id][name] = _from_seven(counts)
    tracker = {r: [[[boot, last[r]]], False] for r, boot in data['boots'].items()}
    done = [[robot_id, name, _from_seven(counts)] for robot_id, name, counts in data['done']]
    return {**data, 'tracker': tracker, 'done': done}


def _from_seven(counts: list[Any]) -> list[Any]:
    tasks, succeeded, stuck, offered, compared, agreed, latency = counts
    tally = Tally(
        started=tasks,
        finished=tasks,
        succeeded=succeeded,
        stuck=stuck,
        shadowed=compared,
        agreed=agreed,
        offered=offered,
        latency=tuple(latency),
    )
    return tally.dump()
