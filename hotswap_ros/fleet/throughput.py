# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How many tasks robots finish in a second, and when their counters were heard last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hotswap_ros.fleet.reports import Telemetry

#: A rate is one over this long at least, where so long was listened, and twice that at most.
_SPAN_S = 300.0
#: Over less than this, the tasks that happen to end make a rate of chance.
_LEAST_S = 10.0


class _Mark(NamedTuple):
    at: float
    tasks: int


class _Track(NamedTuple):
    """One boot of a robot: two marks to measure from, and the newest counters."""

    boot_id: str
    old: _Mark
    young: _Mark
    last: _Mark


class Throughput:
    """Takes telemetry in and tells rates. Memory is constant per robot."""

    def __init__(self) -> None:
        self._tracks: dict[str, dict[str, _Track]] = {}

    def on_telemetry(self, model_id: str, robot_id: str, telemetry: Telemetry, now: float) -> None:
        """Take in a robot's counters; a reboot begins anew."""
        mark = _Mark(now, sum(found.tasks.finished for found in telemetry.versions.values()))
        tracks = self._tracks.setdefault(model_id, {})
        track = tracks.get(robot_id)
        if track is None or track.boot_id != telemetry.boot_id or mark.tasks < track.last.tasks:
            tracks[robot_id] = _Track(telemetry.boot_id, mark, mark, mark)
            return
        if now - track.young.at >= _SPAN_S:
            track = track._replace(old=track.young, young=mark)
        tracks[robot_id] = track._replace(last=mark)

    def age_s(self, model_id: str, robot_id: str, now: float) -> float | None:
        """Return how old a robot's newest counters are; None: there are none."""
        track = self._tracks.get(model_id, {}).get(robot_id)
        return None if track is None else now - track.last.at

    def tasks_per_s(self, model_id: str, robot_ids: Iterable[str]) -> Mapping[str, float]:
        """Return the rates of those robots that were listened to for long enough."""
        tracks = self._tracks.get(model_id, {})
        return {
            robot_id: (track.last.tasks - track.old.tasks) / (track.last.at - track.old.at)
            for robot_id in robot_ids
            if (track := tracks.get(robot_id)) is not None
            and track.last.at - track.old.at >= _LEAST_S
        }
