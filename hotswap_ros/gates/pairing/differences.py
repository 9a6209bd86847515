# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Cumulative counts that only some plans ask for, as differences."""

from __future__ import annotations

from collections.abc import Mapping
from operator import sub
from typing import Any

#: Names that are counted apart on a robot; the rest is left out, so that memory is bounded.
MAX_NAMES = 64
_BOOTS_KEPT = 16

Counts = Mapping[str, tuple[int, ...]]


class Differences:
    """
    Vectors of cumulative counts per robot and name; the first snapshot of a robot is a reference.

    A snapshot in which a count falls came too late; after a reboot all begin at zero.
    """

    def __init__(self) -> None:
        self._boots: dict[str, list[str]] = {}
        self._last: dict[str, dict[str, tuple[int, ...]]] = {}

    def advance(self, robot_id: str, boot_id: str, counts: Counts) -> Counts | None:
        """Return what is new on the robot, or None if this is no later snapshot."""
        boots = self._boots.get(robot_id)
        counts = dict(sorted(counts.items())[:MAX_NAMES])
        if boots is None:
            self._boots[robot_id], self._last[robot_id] = [boot_id], counts
            return None
        if boot_id != boots[-1]:
            if boot_id in boots:
                return None
            self._boots[robot_id] = [*boots, boot_id][-_BOOTS_KEPT:]
            self._last[robot_id] = {}
        last = self._last[robot_id]
        new = {
            name: tuple(map(sub, vector, last[name])) if name in last else tuple(vector)
            for name, vector in counts.items()
        }
        if any(min(vector, default=0) < 0 for vector in new.values()):
            return None
        self._last[robot_id] = {**last, **counts}
        return new

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            robot_id: [boots, {name: list(v) for name, v in self._last[robot_id].items()}]
            for robot_id, boots in self._boots.items()
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Take back what `dump` gave."""
        self._boots = {robot_id: list(found[0]) for robot_id, found in data.items()}
        self._last = {
            robot_id: {name: tuple(v) for name, v in found[1].items()}
            for robot_id, found in data.items()
        }
