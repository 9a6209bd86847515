# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The throughput of robots in tasks per second, and the age of their newest counters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hotswap_ros.fleet.reports import Telemetry
from hotswap_ros.models.counter_delta import Boot, CounterTracker, Vector, rise

#: A rate covers at least this time once robots were heard for so long, and at most twice as much.
_SPAN_S = 300.0
#: A rate over less time than this would depend on chance.
_LEAST_S = 10.0


class _Point(NamedTuple):
    at: float
    tasks: int


class _Track(NamedTuple):
    """One boot of a robot: two points to measure from, and the newest counters."""

    old: _Point
    young: _Point
    last: _Point


class _Robots:
    """The robots of one model."""

    def __init__(self) -> None:
        self.tracker: CounterTracker[Vector] = CounterTracker(rise)
        self.tracks: dict[str, _Track] = {}


class Throughput:
    """Computes rates from telemetry, with constant memory per robot."""

    def __init__(self) -> None:
        self._models: defaultdict[str, _Robots] = defaultdict(_Robots)

    def on_telemetry(self, model_id: str, robot_id: str, telemetry: Telemetry, now: float) -> None:
        """Take a robot's counters; a rate begins again after a reboot."""
        robots = self._models[model_id]
        finished = {name: (found.tasks.finished,) for name, found in telemetry.versions.items()}
        delta = robots.tracker.advance(robot_id, telemetry.boot_id, finished)
        if delta is None or delta.boot is Boot.EARLIER:
            return
        track = robots.tracks.get(robot_id)
        if track is None or delta.boot is Boot.NEW:
            point = _Point(now, 0)
            robots.tracks[robot_id] = _Track(point, point, point)
            return
        tasks = track.last.tasks + sum(new for (new,) in delta.counts.values())
        point = _Point(now, tasks)
        if now - track.young.at >= _SPAN_S:
            track = track._replace(old=track.young, young=point)
        robots.tracks[robot_id] = track._replace(last=point)

    def forget(self, robot_id: str) -> None:
        """Forget a robot."""
        for robots in self._models.values():
            robots.tracks.pop(robot_id, None)
            robots.tracker.forget(robot_id)

    def age_s(self, model_id: str, robot_id: str, now: float) -> float | None:
        """Return how old a robot's newest counters are; None: there are none."""
        track = self._models[model_id].tracks.get(robot_id)
        return None if track is None else now - track.last.at

    def tasks_per_s(self, model_id: str, robot_ids: Iterable[str]) -> Mapping[str, float]:
        """Return the rates of those robots that were heard for long enough."""
        tracks = self._models[model_id].tracks
        return {
            robot_id: (track.last.tasks - track.old.tasks) / (track.last.at - track.old.at)
            for robot_id in robot_ids
            if (track := tracks.get(robot_id)) is not None
            and track.last.at - track.old.at >= _LEAST_S
        }
