# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Strata: robots that give the candidate the same share of their tasks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from typing import Any

from hotswap_ros.gates.pairing.blocks import Lane, Progress
from hotswap_ros.gates.pairing.in_flight import NO_BLOCK, RobotTasks
from hotswap_ros.gates.pairing.tasks import Arm, DrawnTasks, FleetBlock
from hotswap_ros.gates.tally import Tally
from hotswap_ros.gates.window import News
from hotswap_ros.plan import Control


class Strata:
    """
    A lane for each share of the candidate, as the control requires.

    If robots of different shares were pooled, differences of robots would look like differences of
    versions. Where robots without the candidate are the control, all of them are one stratum.

    A task belongs to the share that was in force when it began, and to no lane where that is not
    known: the first tasks that a robot reports after its share was changed may have begun before.
    Memory is constant per robot: an entry for each task in flight, and a block.

    `drawn`: a share is the probability with which the version of each task was drawn, and not only
    a name for robots that are alike.
    """

    def __init__(self, control: Control, *, drawn: bool = True) -> None:
        self._control = control
        self._drawn = drawn
        self._lanes: dict[float, Lane] = {}
        self._shares: dict[str, float] = {}
        self._moved: set[str] = set()
        self._in_flight: dict[str, RobotTasks] = {}
        self._begun = 0
        self._messages = 0
        self._numbers = 0
        self._has_compared = False

    def __contains__(self, robot_id: str) -> bool:
        """Return whether the tasks in flight on a robot are known here."""
        return robot_id in self._in_flight

    @property
    def under_way(self) -> list[int]:
        """
        Return the comparisons that wait only for tasks in flight.

        Before the first comparison these are also the ones for which more tasks have to begin: all
        tasks may have come in one message. DrawnTasks alone are no comparison.
        """
        lanes = self._lanes
        waiting = set(chain.from_iterable(lane.full for lane in lanes.values()))
        is_near = any(lane.full for lane in lanes.values() if not lane.is_drawn)
        if not is_near and not self._has_compared:
            waiting.update(lanes[share].next_block for share in lanes if self._compares(share))
        return sorted(waiting)

    def _compares(self, share: float) -> bool:
        """Return whether robots of a share have both versions, as far as the control asks."""
        return self._control is not Control.WITHIN_ROBOTS or 0 < share < 1

    def awaits(self, comparisons: Collection[int]) -> bool:
        """Return whether any of these still waits."""
        return any(not lane.blocks.isdisjoint(comparisons) for lane in self._lanes.values())

    def share(self, robot_id: str, candidate_share: float) -> None:
        """Take in the share of its tasks that a robot gives to the candidate from now on."""
        if self._control is not Control.WITHIN_ROBOTS:
            return
        last = self._shares.get(robot_id)
        if last == candidate_share:
            return
        self._shares[robot_id] = candidate_share
        self._moved.add(robot_id)
        if robot_id in self._in_flight:
            self._part(robot_id, last or 0.0)

    def doubt_share(self, robot_id: str) -> None:
        """Take note that a robot may have changed its share unheard, and may have changed back."""
        if robot_id in self._in_flight:
            self._moved.add(robot_id)

    def _part(self, robot_id: str, share: float) -> None:
        lane = self._lanes.get(share)
        if lane is None or robot_id not in lane.robots:
            return
        lane.part(robot_id, self._now)
        if lane.is_over:
            del self._lanes[share]

    def join(self, robot_id: str) -> None:
        """Take note of a robot whose counts are known from here on."""
        self._moved.discard(robot_id)

    def watch_only(self, robot_ids: Collection[str]) -> None:
        """Wait no longer for tasks in flight on other robots."""
        for robot_id in self._in_flight.keys() - set(robot_ids):
            self._leave(robot_id)

    def _leave(self, robot_id: str) -> None:
        """
        Give up a robot and, with it, the lanes that its last tasks are in.

        Only those of its tasks that end soon could be counted, which would not be a fair choice.
        """
        self._shares.pop(robot_id, None)
        waiting = self._in_flight.pop(robot_id).blocks
        for share, lane in list(self._lanes.items()):
            if robot_id in lane.robots or not lane.blocks.isdisjoint(waiting):
                lane.robots.discard(robot_id)
                lane.give_up()
            if lane.is_over:
                del self._lanes[share]

    def add(
        self,
        robot_id: str,
        news: News,
        in_flight: tuple[Mapping[str, int], Mapping[str, int]] = ({}, {}),
    ) -> tuple[FleetBlock | DrawnTasks, ...]:
        """
        Count what is new on a robot, and return the tasks and blocks that have ended with it.

        `in_flight` are its tasks in flight before by category, of candidate and control; those of
        a robot that joins began too early to count. Where its share is not known, a robot joins
        with its first task of the candidate: one that never serves the candidate is no control.
        """
        share = self._shares.get(robot_id, 0.0)
        is_known = robot_id not in self._moved
        self._moved.discard(robot_id)
        tasks = self._in_flight.get(robot_id)
        if tasks is None:
            if self._control is Control.WITHIN_ROBOTS and not share and not news.candidate.started:
                return ()
            tasks = self._in_flight[robot_id] = RobotTasks(in_flight[::-1])
        if share not in self._lanes:
            self._lanes[share] = self._new_lane(share)
        lane = self._lanes[share]
        lane.robots.add(robot_id)
        self._messages += 1
        both = news.control, news.candidate
        for index, new in enumerate(both):
            if new.errors > 0:
                tasks.trouble(index)
        if not any(new.started or new.finished for new in both):
            return ()  # Most news of a robot is about requests.
        for index, new in enumerate(both):
            self._begun += new.started
            if new.started or new.finished:
                self._count(tasks, lane if is_known else None, index, new)
        return tuple(self._ended())

    def _count(self, tasks: RobotTasks, lane: Lane | None, index: int, new: Tally) -> None:
        """Count the tasks of a version that began, in a lane (None: in none), and that ended."""
        for category, own in new.by_category.items():
            number = NO_BLOCK
            if lane is not None and own.started:
                number = lane.begin(index, category, own.started)
            tasks.begin(index, category, number, own.started)
            self._end(tasks.end(index, category, own), index, category)

    def _end(self, ended: Iterable[tuple[int, Arm]], index: int, category: str) -> None:
        for number, arm in ended:
            for lane in self._lanes.values():
                lane.end(number, index, category, arm)

    def _ended(self) -> list[FleetBlock | DrawnTasks]:
        now = self._now
        found: list[FleetBlock | DrawnTasks] = []
        for share, lane in list(self._lanes.items()):
            found += lane.ended(now)
            if lane.is_over:
                del self._lanes[share]
        if not self._has_compared:
            self._has_compared = any(isinstance(ended, FleetBlock) for ended in found)
        return found

    @property
    def _now(self) -> Progress:
        return Progress(self._begun, self._messages, len(self._in_flight))

    def _new_lane(self, share: float) -> Lane:
        if self._control is Control.WITHIN_ROBOTS and self._drawn and 0 < share < 1:
            return Lane(self._new_number, share=share)
        without_control = self._control in (Control.FIXED, Control.HISTORY)
        return Lane(self._new_number, without_control=without_control)

    def _new_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'shares': dict(self._shares),
            'moved': sorted(self._moved),
            'counted': [self._begun, self._messages, self._numbers],
            'has_compared': self._has_compared,
            'lanes': [[share, lane.dump()] for share, lane in self._lanes.items()],
            'in_flight': {robot_id: tasks.dump() for robot_id, tasks in self._in_flight.items()},
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self._shares, self._moved = dict(data['shares']), set(data['moved'])
        for share, dumped in data['lanes']:
            self._lanes[share] = self._new_lane(share)
            self._lanes[share].load(dumped)
        self._begun, self._messages, self._numbers = data['counted']
        self._has_compared = data['has_compared']
        self._in_flight = {
            robot_id: RobotTasks.load(tasks) for robot_id, tasks in data['in_flight'].items()
        }
