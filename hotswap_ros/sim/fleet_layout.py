# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What surrounds the robots of a simulated fleet, drawn from a seed: computers, work, places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hotswap_ros.sim.arm.scene import generator


def busy_robots(robot_ids: Iterable[str], share: float, seed: int) -> set[str]:
    """Choose whose computers are busy: the same robots for a seed, more for a larger share."""
    lots = {robot_id: generator(seed, robot_id, 'busy').random() for robot_id in robot_ids}
    return set(sorted(lots, key=lots.__getitem__)[: round(share * len(lots))])


def mean_pause_s(robot_id: str, pause_s: float, seed: int) -> float:
    """
    Return how long a robot waits for a task on average, in simulated seconds.

    It is from none to twice `pause_s`, the mean over robots.
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

    Entries are dealt in turn; one with commas is several labels: "gripper=jaw,floor=1".
    """
    if not entries:
        return ()
    return tuple(part.strip() for part in entries[number % len(entries)].split(','))
