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
    started: int = 0
    finished: int = 0
    succeeded: int = 0
    stuck: int = 0
    shadowed: int = 0
    agreed: int = 0
    latency: tuple[int, ...] = _NO_LATENCY

    @classmethod
    def of(cls, counters: VersionCounters) -> Tally:
        """Take what gates need."""
        tasks, shadow = counters.tasks, counters.shadow
        return cls(
            counters.requests,
            counters.errors,
            max(tasks.started, tasks.finished),
            tasks.finished,
            tasks.succeeded,
            tasks.stuck,
            shadow.compared,
            shadow.agreed,
            tuple(counters.latency),
        )

    @property
    def in_flight(self) -> int:
        """Return how many tasks have begun and not ended."""
        return max(0, self.started - self.finished)

    def lose(self, tasks: int) -> Tally:
        """Return this with so many tasks more that ended without success; fewer, if negative."""
        return self._replace(finished=self.finished + tasks)

    def plus(self, other: Tally) -> Tally:
        """Return the sum."""
        return self if other is _NOTHING else self._with(add, other)

    def since(self, last: Tally) -> Tally:
        """Return the difference to an earlier tally."""
        return _NOTHING if self == last else self._with(sub, last)

    def _with(self, operation: Callable[[int, int], int], other: Tally) -> Tally:
        counts = map(operation, self[:-1], other[:-1])
        latency = tuple(map(operation, self.latency, other.latency))
        return Tally._make((*counts, latency))

    @property
    def is_possible(self) -> bool:
        """Return whether this can be what happened between two snapshots."""
        return (
            min(self[:-1]) >= 0
            and self.succeeded <= self.finished
            and self.agreed <= self.shadowed
        )

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


_NO_NEWS = News(_NOTHING, _NOTHING)


class Snapshot(NamedTuple):
    """The last snapshot of one boot of a robot."""

    control_version: str
    candidate: Tally = _NOTHING
    control: Tally = _NOTHING


_NO_SNAPSHOT = Snapshot('')


class _Robot:
    """
    The last snapshots of a robot: every boot is a sequence of its own, that begins at zero.

    Of every boot but the one that was heard last, the tasks that were in flight are lost: they
    count as finished without success, until a late message says how they ended.
    """

    def __init__(self, boots: dict[str, Snapshot], current: str) -> None:
        self._boots = boots
        self._current = current

    @property
    def latest(self) -> Snapshot:
        return self._boots.get(self._current, _NO_SNAPSHOT)

    def leave(self) -> News:
        """Give up the tasks under way; a message that comes after all takes that back."""
        lost = _with_lost(_NO_NEWS, self.latest, None)
        self._current = ''
        return lost

    def advance(
        self, control_version: str, boot_id: str, candidate: Tally | None, control: Tally | None
    ) -> News | None:
        """Move on to a snapshot and return what is new, or None if it is not later."""
        known = self._boots.get(boot_id)
        last = known or Snapshot(control_version)
        if candidate is None:
            candidate = last.candidate
        if known == (control_version, candidate, control or last.control):
            return None
        if control_version != last.control_version:
            last = last._replace(control=control or _NOTHING)
        if control is None:
            control = last.control
        news = News(candidate.since(last.candidate), control.since(last.control))
        if not (news.candidate.is_possible and news.control.is_possible):
            return None
        if boot_id != self._current:
            news = _with_lost(news, self.latest, known)
        self._boots[boot_id] = Snapshot(control_version, candidate, control)
        self._current = boot_id
        if len(self._boots) > _BOOTS_KEPT:
            del self._boots[next(iter(self._boots))]
        return news

    def dump(self) -> dict[str, Any]:
        return {
            'current': self._current,
            'boots': {
                boot_id: [snapshot.control_version, *(tally.dump() for tally in snapshot[1:])]
                for boot_id, snapshot in self._boots.items()
            },
        }

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> _Robot:
        boots = {
            boot_id: Snapshot(version, Tally.load(candidate), Tally.load(control))
            for boot_id, (version, candidate, control) in data['boots'].items()
        }
        return cls(boots, data['current'])


def _with_lost(news: News, ended: Snapshot, back: Snapshot | None) -> News:
    """Count the tasks that a boot took with it, and no longer those of one that speaks again."""
    back = back or _NO_SNAPSHOT
    return News(
        news.candidate.lose(ended.candidate.in_flight - back.candidate.in_flight),
        news.control.lose(ended.control.in_flight - back.control.in_flight),
    )


class Window:
    """
    What the candidate and the control did on the robots since each joined.

    The first snapshot of a robot is its reference. From then on a message that cannot follow the
    last one of the same boot (a count falls, or more tasks succeed than finish) came too late or
    was torn: it is left out, and the next one makes up for it. A reboot costs what the last
    message before it did not tell, and the tasks under way, which failed. `stage` counts from the
    last `begin_stage` on.
    """

    def __init__(self, candidate: str) -> None:
        self._name = candidate
        self._robots: dict[str, _Robot] = {}
        self.candidate = _NOTHING
        self.control = _NOTHING
        self._stage_began = _NO_NEWS
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

    @property
    def stage(self) -> News:
        """Return what both versions did since the stage began."""
        began = self._stage_began
        return News(self.candidate.since(began.candidate), self.control.since(began.control))

    def begin_stage(self) -> None:
        """Begin to count for another stage."""
        self._stage_began = News(self.candidate, self.control)

    def in_flight(self, robot_id: str) -> tuple[int, int]:
        """Return the tasks of the candidate and of the control that a robot last had under way."""
        latest = self._robots[robot_id].latest
        return latest.candidate.in_flight, latest.control.in_flight

    def reference(self, robot_id: str) -> Tally:
        """Return what the control had done on a robot that has just joined."""
        return self._robots[robot_id].latest.control

    def knows(self, robot_id: str) -> bool:
        """Return whether the robot's reference is there."""
        return robot_id in self._robots

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
            reference = Snapshot(control_version, candidate or _NOTHING, control or _NOTHING)
            self._robots[robot_id] = _Robot({boot_id: reference}, boot_id)
            return None
        return self._count(robot.advance(control_version, boot_id, candidate, control))

    def leave(self, robot_id: str) -> News | None:
        """Count the tasks under way on a robot as lost, until it is heard again."""
        robot = self._robots.get(robot_id)
        return None if robot is None else self._count(robot.leave())

    def _count(self, news: News | None) -> News | None:
        if news is None or news == _NO_NEWS:
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
            'stage_began': [tally.dump() for tally in self._stage_began],
            'control_versions': list(self._control_versions),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Take back what `dump` gave."""
        self._robots = {name: _Robot.load(robot) for name, robot in data['robots'].items()}
        self.candidate = Tally.load(data['candidate'])
        self.control = Tally.load(data['control'])
        self._stage_began = News(*map(Tally.load, data['stage_began']))
        self._control_versions = list(data['control_versions'])


def _tally(counters: Mapping[str, VersionCounters], version: str) -> Tally | None:
    found = counters.get(version)
    return None if found is None else Tally.of(found)
