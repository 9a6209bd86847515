# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""From cumulative counters to what is new: loss, duplicates, reordering and reboots end here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import add, sub
from typing import Any, NamedTuple

from hotswap_ros.models import LATENCY_EDGES_MS, VersionCounters

_NO_LATENCY = (0,) * (len(LATENCY_EDGES_MS) + 1)
#: Boots that are kept per robot, so that a message from before a reboot may come late.
_BOOTS_KEPT = 16


class Tally(NamedTuple):
    """Counts of one version: cumulative in a snapshot, or what is new since the last one."""

    requests: int = 0
    errors: int = 0
    finished: int = 0
    succeeded: int = 0
    stuck: int = 0
    latency: tuple[int, ...] = _NO_LATENCY

    @classmethod
    def of(cls, counters: VersionCounters) -> Tally:
        """Take what gates need."""
        tasks = counters.tasks
        return cls(
            counters.requests,
            counters.errors,
            tasks.finished,
            tasks.succeeded,
            tasks.stuck,
            tuple(counters.latency),
        )

    def plus(self, other: Tally) -> Tally:
        """Return the sum."""
        return self._with(add, other)

    def since(self, last: Tally) -> Tally:
        """Return the difference to an earlier tally."""
        return self._with(sub, last)

    def _with(self, operation: Callable[[int, int], int], other: Tally) -> Tally:
        return Tally(
            operation(self.requests, other.requests),
            operation(self.errors, other.errors),
            operation(self.finished, other.finished),
            operation(self.succeeded, other.succeeded),
            operation(self.stuck, other.stuck),
            tuple(map(operation, self.latency, other.latency)),
        )

    @property
    def is_possible(self) -> bool:
        """Return whether this can be what happened between two snapshots."""
        return min(self[:-1]) >= 0 and self.succeeded <= self.finished

    def dump(self) -> list[Any]:
        """Return the counts for JSON, the histogram last."""
        return [*self[:-1], list(self.latency)]

    @classmethod
    def load(cls, data: list[Any]) -> Tally:
        """Take back what `dump` gave."""
        return cls._make([*data[:-1], tuple(data[-1])])


_NOTHING = Tally()


class News(NamedTuple):
    """What both versions did on one robot between two snapshots."""

    candidate: Tally
    control: Tally


class _Snapshot(NamedTuple):
    """The last snapshot of one boot of a robot."""

    control_version: str
    candidate: Tally = _NOTHING
    control: Tally = _NOTHING


class _Robot:
    """The last snapshots of a robot: every boot is a sequence of its own, that begins at zero."""

    def __init__(self, boots: dict[str, _Snapshot]) -> None:
        self._boots = boots

    def advance(
        self, control_version: str, boot_id: str, candidate: Tally | None, control: Tally | None
    ) -> News | None:
        """Move on to a snapshot and return what is new, or None if it is not later."""
        last = self._boots.get(boot_id) or _Snapshot(control_version)
        if candidate is None:
            candidate = last.candidate
        if control_version != last.control_version:
            last = last._replace(control=control or _NOTHING)
        if control is None:
            control = last.control
        news = News(candidate.since(last.candidate), control.since(last.control))
        if not (news.candidate.is_possible and news.control.is_possible):
            return None
        self._boots[boot_id] = _Snapshot(control_version, candidate, control)
        if len(self._boots) > _BOOTS_KEPT:
            del self._boots[next(iter(self._boots))]
        return news

    def dump(self) -> dict[str, Any]:
        return {
            boot_id: [snapshot.control_version, snapshot.candidate.dump(), snapshot.control.dump()]
            for boot_id, snapshot in self._boots.items()
        }

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> _Robot:
        return cls(
            {
                boot_id: _Snapshot(version, Tally.load(candidate), Tally.load(control))
                for boot_id, (version, candidate, control) in data.items()
            }
        )


class Window:
    """
    What the candidate and the control did on the cohort's robots since each joined it.

    The first snapshot of a robot is its reference. From then on a message that cannot follow the
    last one of the same boot (a count falls, or more tasks succeed than finish) came too late or
    was torn: it is left out, and the next one makes up for it. A reboot costs what the last
    message before it did not tell.
    """

    def __init__(self, candidate: str) -> None:
        self._name = candidate
        self._robots: dict[str, _Robot] = {}
        self.candidate = _NOTHING
        self.control = _NOTHING
        self._control_versions: list[str] = []

    @property
    def candidate_name(self) -> str:
        """Return the candidate's version."""
        return self._name

    @property
    def control_name(self) -> str:
        """Return the control's version in words: robots may come from different ones."""
        versions = self._control_versions
        return versions[0] if len(versions) == 1 else 'the previous version'

    def observe(
        self,
        robot_id: str,
        control_version: str,
        boot_id: str,
        counters: Mapping[str, VersionCounters],
    ) -> News | None:
        """Take a snapshot in and return what is new, or None where there is nothing."""
        candidate = _tally(counters, self._name)
        control = _tally(counters, control_version)
        robot = self._robots.get(robot_id)
        if control_version not in self._control_versions:
            self._control_versions.append(control_version)
        if robot is None:
            reference = _Snapshot(control_version, candidate or _NOTHING, control or _NOTHING)
            self._robots[robot_id] = _Robot({boot_id: reference})
            return None
        news = robot.advance(control_version, boot_id, candidate, control)
        if news is None or news == (_NOTHING, _NOTHING):
            return None
        self.candidate = self.candidate.plus(news.candidate)
        self.control = self.control.plus(news.control)
        return news

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'robots': {robot_id: robot.dump() for robot_id, robot in self._robots.items()},
            'candidate': self.candidate.dump(),
            'control': self.control.dump(),
            'control_versions': list(self._control_versions),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Take back what `dump` gave."""
        self._robots = {name: _Robot.load(robot) for name, robot in data['robots'].items()}
        self.candidate = Tally.load(data['candidate'])
        self.control = Tally.load(data['control'])
        self._control_versions = list(data['control_versions'])


def _tally(counters: Mapping[str, VersionCounters], version: str) -> Tally | None:
    found = counters.get(version)
    return None if found is None else Tally.of(found)
