# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Layout of a simulated fleet, drawn from a seed: busy computers, pauses, regions, labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hotswap_ros.sim.arm.scene import generator


def busy_robots(robot_ids: Iterable[str], share: float, seed: int) -> set[str]:
    """Return the robots with busy computers: the same for a seed, more for a larger share."""
    lots = {robot_id: generator(seed, robot_id, 'busy').random() for robot_id in robot_ids}
    return set(sorted(lots, key=lots.__getitem__)[: round(share * len(lots))])


def mean_pause_s(robot_id: str, pause_s: float, seed: int) -> float:
    """
    Return the mean pause of a robot between tasks, in simulated seconds.

    It is between zero and twice `pause_s`, which is the mean over robots.
    """
    return pause_s * generator(seed, robot_id, 'pause').uniform(0.0, 2.0)


def place_of(
    regions: Sequence[str], labels: Sequence[str], number: int
) -> tuple[str, tuple[str, ...]]:
    """Return region and labels of a robot, by its `number` from 0: all labels are everywhere."""
    dealt = [regions[i % len(regions)] if regions else '' for i in range(number + 1)]
    return dealt[-1], labels_of(labels, dealt.count(dealt[-1]) - 1)


def labels_of(entries: Sequence[str], number: int) -> tuple[str, ...]:
    """
    Return the labels of a robot, by its `number` in its region, from 0.

    Robots take the entries in turn; an entry with commas is several labels: "gripper=jaw,floor=1".
    """
    if not entries:
        return ()
    return tuple(part.strip() for part in entries[number % len(entries)].split(','))
