# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tasks that are compared, once they have ended: those of one version, and of both together."""

from __future__ import annotations

from collections.abc import Mapping
from operator import add
from typing import NamedTuple


class Arm(NamedTuple):
    """
    Tasks of one version: ended with success, stuck, and with requests that it failed.

    The sums `progress`, `duration_ms` and `interventions` are those of TaskCounts. Of `shared`
    tasks they are parts of a sum over more tasks than these, in proportion.
    """

    tasks: int = 0
    succeeded: int = 0
    stuck: int = 0
    troubled: int = 0
    progress: int = 0
    duration_ms: int = 0
    interventions: int = 0
    shared: int = 0

    def plus(self, other: Arm) -> Arm:
        """Return the sum."""
        return Arm(*map(add, self, other))


NO_TASKS = Arm()


class FleetBlock(NamedTuple):
    """
    Tasks that are compared with each other, of all robots together.

    `is_drawn`: they were DrawnTasks before.
    """

    control: Arm = Arm()
    candidate: Arm = Arm()
    is_drawn: bool = False

    def plus(self, tasks: DrawnTasks) -> FleetBlock:
        """Return the block with more tasks."""
        control, candidate = self[:2]
        for more in tasks.categories.values():
            control, candidate = control.plus(more[0]), candidate.plus(more[1])
        return FleetBlock(control, candidate, is_drawn=True)


class DrawnTasks(NamedTuple):
    """
    Tasks whose versions were drawn, each with the probability `share` for the candidate.

    Those that are returned one after the other began one after the other. `categories` are the
    tasks of control and candidate by category, which is empty for tasks without one.
    """

    categories: Mapping[str, tuple[Arm, Arm]]
    share: float
