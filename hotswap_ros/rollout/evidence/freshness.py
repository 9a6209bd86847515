# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Times of the newest counters of the watched robots."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator


class Freshness:
    """The watched robots in order of their newest counters; times are seconds of one clock."""

    def __init__(self) -> None:
        self._heard: OrderedDict[str, float] = OrderedDict()

    def watch(self, robot_ids: Collection[str], now: float) -> None:
        """Watch these robots alone; the counters of new ones are expected from now on."""
        for robot_id in self._heard.keys() - robot_ids:
            del self._heard[robot_id]
        for robot_id in robot_ids - self._heard.keys():
            self._heard[robot_id] = now

    def hear(self, robot_id: str, now: float) -> None:
        """Note new counters of a robot."""
        self._heard[robot_id] = now
        self._heard.move_to_end(robot_id)

    def silent_since(self, moment: float) -> Iterator[str]:
        """Return the robots without new counters since a moment, the longest silent first."""
        for robot_id, heard in self._heard.items():
            if heard >= moment:
                return
            yield robot_id
