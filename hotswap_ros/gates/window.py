# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The counts of both versions in a gate, and what is new in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from hotswap_ros.gates.tally import NOTHING, Tally, tally_rise
from hotswap_ros.models import VersionCounters
from hotswap_ros.models.counter_delta import CounterTracker

_NO_TASKS: Mapping[str, int] = {}


class News(NamedTuple):
    """The new counts of both versions on one robot between two snapshots."""

    candidate: Tally
    control: Tally


_NO_NEWS = News(NOTHING, NOTHING)


class Window:
    """
    The tasks and requests of the candidate and the control on the robots since each joined.

    The first snapshot of a robot is its reference. A message that cannot follow the last one of
    the same boot (a count falls, or more tasks succeed than finish) is late or torn: it is left
    out, and the next one makes up for it. A reboot costs what the last message before it did not
    tell, and the tasks in flight, which count as failed until a late message says how they ended.
    `stage` counts from the last `begin_stage` on.
    """

    def __init__(self, candidate: str) -> None:
        self._name = candidate
        self._tracker = CounterTracker(tally_rise, refers_new_names=True)
        #: The version of the control on each robot.
        self._controls: dict[str, str] = {}
        self.candidate = NOTHING
        self.control = NOTHING
        self._stage_began = _NO_NEWS
        self._control_versions: list[str] = []

    @property
    def candidate_name(self) -> str:
        """Return the candidate's version."""
        return self._name

    @property
    def control_name(self) -> str:
        """Return the control's version; robots may have different ones."""
        versions = self._control_versions
        return versions[0] if len(versions) == 1 else 'the previous version'

    @property
    def stage(self) -> News:
        """Return the counts of both versions since the start of the stage."""
        began = self._stage_began
        return News(self.candidate.since(began.candidate), self.control.since(began.control))

    def begin_stage(self) -> None:
        """Begin the counts of another stage."""
        self._stage_began = News(self.candidate, self.control)

    def in_flight(self, robot_id: str) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Return the tasks of candidate and control that a robot had in flight, by category."""
        return self._in_flight(robot_id, self._tracker.latest(robot_id))

    def _in_flight(
        self, robot_id: str, snapshot: Mapping[str, Tally] | None
    ) -> tuple[Mapping[str, int], Mapping[str, int]]:
        if not snapshot:
            return _NO_TASKS, _NO_TASKS
        control = snapshot.get(self._controls[robot_id], NOTHING)
        return snapshot[self._name].in_flight, control.in_flight

    def reference(self, robot_id: str) -> Tally:
        """Return the control's earlier counts on a robot that has just joined."""
        return self._tracker.latest(robot_id)[self._controls[robot_id]]

    def knows(self, robot_id: str) -> bool:
        """Return whether the robot has a reference."""
        return robot_id in self._controls

    def observe(
        self,
        robot_id: str,
        control_version: str,
        boot_id: str,
        counters: Mapping[str, VersionCounters],
    ) -> News | None:
        """Take in a snapshot and return the new counts, or None if there are none."""
        if self._controls.get(robot_id) != control_version:
            self._controls[robot_id] = control_version
            if control_version not in self._control_versions:
                self._control_versions.append(control_version)
        own, control = counters.get(self._name), counters.get(control_version)
        if own is None or control is None:
            counts = self._filled(robot_id, boot_id, {self._name: own, control_version: control})
        else:
            counts = {
                self._name: Tally.of(own, by_category=True),
                control_version: Tally.of(control, by_category=True),
            }
        delta = self._tracker.advance(robot_id, boot_id, counts)
        if delta is None:
            return None
        new = delta.counts.get
        news = News(new(self._name, NOTHING), new(control_version, NOTHING))
        if delta.lost or delta.found:
            news = self._with_lost(robot_id, news, delta.lost, delta.found)
        return self._count(news)

    def _filled(
        self, robot_id: str, boot_id: str, counters: Mapping[str, VersionCounters | None]
    ) -> dict[str, Tally]:
        """Return the counts of both versions; one that is missing has done nothing new."""
        last = self._tracker.last_of(robot_id, boot_id)
        return {
            name: last.get(name, NOTHING) if found is None else Tally.of(found, by_category=True)
            for name, found in counters.items()
        }

    def _with_lost(
        self,
        robot_id: str,
        news: News,
        lost: Mapping[str, Tally] | None,
        found: Mapping[str, Tally] | None,
    ) -> News:
        """Count tasks in flight that are lost as ended, and no longer those that are found."""
        ended = zip(self._in_flight(robot_id, lost), self._in_flight(robot_id, found))
        return News(*(tally.lose(_less(*both)) for tally, both in zip(news, ended)))

    def leave(self, robot_id: str) -> News | None:
        """Count the tasks in flight on a robot as lost, until its next snapshot."""
        if not self.knows(robot_id):
            return None
        lost = self._tracker.leave(robot_id)
        return self._count(self._with_lost(robot_id, _NO_NEWS, lost, None))

    def _count(self, news: News) -> News | None:
        if news == _NO_NEWS:
            return None
        self.candidate = self.candidate.plus(news.candidate)
        self.control = self.control.plus(news.control)
        return news

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'robots': self._tracker.dump(Tally.dump),
            'controls': dict(self._controls),
            'candidate': self.candidate.dump(),
            'control': self.control.dump(),
            'stage_began': [tally.dump() for tally in self._stage_began],
            'control_versions': list(self._control_versions),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self._tracker.load(data['robots'], Tally.load)
        self._controls = dict(data['controls'])
        self.candidate = Tally.load(data['candidate'])
        self.control = Tally.load(data['control'])
        self._stage_began = News(*map(Tally.load, data['stage_began']))
        self._control_versions = list(data['control_versions'])


def _less(tasks: Mapping[str, int], fewer: Mapping[str, int]) -> dict[str, int]:
    return {name: tasks.get(name, 0) - fewer.get(name, 0) for name in {*tasks, *fewer}}
