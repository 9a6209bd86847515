# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What every robot did in a trial, and what a shadow agreed to, task by task."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import add, sub
from typing import Any, NamedTuple

from hotswap_ros.models import LATENCY_EDGES_MS, VersionCounters

_NO_LATENCY = (0,) * (len(LATENCY_EDGES_MS) + 1)


class Counts(NamedTuple):
    """Counts of one version on one robot; `offered` to `agreed` are those of a shadow."""

    tasks: int = 0
    successes: int = 0
    stuck: int = 0
    offered: int = 0
    compared: int = 0
    agreed: int = 0
    latency: tuple[int, ...] = _NO_LATENCY

    @classmethod
    def of(cls, counters: VersionCounters) -> Counts:
        """Take what a choice needs."""
        tasks, shadow = counters.tasks, counters.shadow
        return cls(
            tasks.finished,
            tasks.succeeded,
            tasks.stuck,
            shadow.offered,
            shadow.compared,
            shadow.agreed,
            tuple(counters.latency),
        )

    def plus(self, other: Counts) -> Counts:
        """Return the sum."""
        return self._with(add, other)

    def since(self, other: Counts) -> Counts:
        """Return the difference to earlier counts."""
        return self._with(sub, other)

    def _with(self, operation: Callable[[int, int], int], other: Counts) -> Counts:
        latency = tuple(map(operation, self.latency, other.latency))
        return Counts._make((*map(operation, self[:-1], other[:-1]), latency))

    @property
    def is_possible(self) -> bool:
        """Return whether this can be what happened between two reports."""
        return min(*self[:-1], *self.latency) >= 0


class Unit(NamedTuple):
    """Observations that a shadow compared, agreed to and was offered, in so many tasks."""

    compared: int
    agreed: int
    offered: int
    tasks: int


class TrialCounts:
    """
    Per robot and version, what was done since the robot joined; and the units of a shadow.

    A unit is what a robot compared from one message in which tasks of the stable version had
    finished to the next: that of one task, or of a few. Observations of one task are alike. Units
    with the same figures are kept as one, with a count. Counts begin at zero with every
    boot; one that falls within a boot came late and is left out.
    """

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        self._boots: dict[str, str] = {}
        self._last: dict[tuple[str, str], Counts] = {}
        self._done: dict[tuple[str, str], Counts] = {}
        self._open: dict[str, tuple[int, int, int]] = {}
        self._units: dict[Unit, int] = {}
        #: Tasks of the stable version in which a shadow was compared.
        self.shadowed_tasks = 0
        if data:
            self._load(data)

    def observe(
        self,
        robot_id: str,
        boot_id: str,
        counters: Mapping[str, VersionCounters],
        stable: str,
        candidate: str,
    ) -> None:
        """Take in a robot's counters; its first ones are the reference."""
        known, self._boots[robot_id] = self._boots.get(robot_id), boot_id
        new: dict[str, Counts] = {}
        for version in (stable, candidate):
            key = robot_id, version
            now = Counts.of(counters[version]) if version in counters else Counts()
            last = now if known is None else self._last.get(key, Counts())
            if known is not None and known != boot_id:
                last = Counts()
            new[version] = now.since(last)
            if not new[version].is_possible:
                return
            self._last[key] = now
            self._done[key] = self._done.get(key, Counts()).plus(new[version])
        self._close_units(robot_id, new[stable].tasks, new[candidate])

    def _close_units(self, robot_id: str, ended: int, shadow: Counts) -> None:
        steps, agreed, offered = self._open.get(robot_id, (0, 0, 0))
        seen = (steps + shadow.compared, agreed + shadow.agreed, offered + shadow.offered)
        if ended and seen[2]:
            unit = Unit(*seen, ended)
            self._units[unit] = self._units.get(unit, 0) + 1
            self.shadowed_tasks += ended if unit.compared else 0
            seen = (0, 0, 0)
        self._open[robot_id] = seen

    def deeds(self, version: str) -> Iterator[tuple[str, Counts]]:
        """Yield what each robot did with a version, by robot id."""
        for (robot_id, name), deeds in sorted(self._done.items()):
            if name == version:
                yield robot_id, deeds

    @property
    def units(self) -> Mapping[Unit, int]:
        """Return how often each unit was met."""
        return self._units

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'boots': dict(self._boots),
            'last': [[*key, _listed(deeds)] for key, deeds in self._last.items()],
            'done': [[*key, _listed(deeds)] for key, deeds in self._done.items()],
            'open': {robot_id: list(unit) for robot_id, unit in self._open.items()},
            'shadowed_tasks': self.shadowed_tasks,
            'units': [[*unit, times] for unit, times in self._units.items()],
        }

    def _load(self, data: Mapping[str, Any]) -> None:
        self._boots = dict(data['boots'])
        self._last = {(robot, name): _deeds(found) for robot, name, found in data['last']}
        self._done = {(robot, name): _deeds(found) for robot, name, found in data['done']}
        self._open = {robot: (u[0], u[1], u[2]) for robot, u in data['open'].items()}
        self.shadowed_tasks = data['shadowed_tasks']
        self._units = {Unit(*unit): times for *unit, times in data['units']}


def _listed(deeds: Counts) -> list[Any]:
    return [*deeds[:-1], list(deeds.latency)]


def _deeds(data: list[Any]) -> Counts:
    return Counts._make((*data[:-1], tuple(data[-1])))
