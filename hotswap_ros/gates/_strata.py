# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Robots that are to give the candidate the same share of their tasks, block by block."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from hotswap_ros.gates._blocks import Blocks, FleetBlock
from hotswap_ros.gates._window import News
from hotswap_ros.plan import Control


class Strata:
    """
    Blocks for each share of the candidate, as the control asks for.

    Pooled, robots of different shares would mix up what a robot is like with what a version does.
    Where robots without the candidate are the control, all of them are one stratum.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._blocks: dict[float, Blocks] = {}
        self._shares: dict[str, float] = {}
        self._has_compared = False

    @property
    def waits_for_first(self) -> bool:
        """Return whether tasks enough have begun to compare, and none of them could be yet."""
        return not self._has_compared and any(blocks.waits for blocks in self._blocks.values())

    def share(self, robot_id: str, candidate_share: float) -> None:
        """Take in the share of its tasks that a robot is to give to the candidate."""
        if self._control is not Control.WITHIN_ROBOTS:
            return
        last = self._shares.get(robot_id)
        if last == candidate_share:
            return
        self._shares[robot_id] = candidate_share
        if last in self._blocks and self._blocks[last].leave(robot_id):
            del self._blocks[last]

    def watch_only(self, robot_ids: Collection[str]) -> None:
        """Wait no longer for tasks under way on other robots."""
        for share, blocks in list(self._blocks.items()):
            for robot_id in blocks.robots - set(robot_ids):
                self._shares.pop(robot_id, None)
                if blocks.leave(robot_id):
                    del self._blocks[share]

    def add(self, robot_id: str, news: News, in_flight: tuple[int, int]) -> tuple[FleetBlock, ...]:
        """Count what is new on a robot, and return the blocks that are full with it."""
        share = self._shares.get(robot_id, 0.0)
        if share not in self._blocks:
            self._blocks[share] = self._new(share)
        found = self._blocks[share].add(robot_id, news, in_flight)
        self._has_compared = self._has_compared or bool(found)
        return found

    def _new(self, share: float) -> Blocks:
        return Blocks(
            without_control=self._control in (Control.FIXED, Control.HISTORY),
            awaits_candidate=self._control is Control.WITHIN_ROBOTS and not share,
        )

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'shares': dict(self._shares),
            'has_compared': self._has_compared,
            'blocks': [[share, blocks.dump()] for share, blocks in self._blocks.items()],
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Take back what `dump` gave."""
        self._shares = dict(data['shares'])
        self._has_compared = data['has_compared']
        self._blocks = {}
        for share, dumped in data['blocks']:
            self._blocks[share] = self._new(share)
            self._blocks[share].load(dumped)
