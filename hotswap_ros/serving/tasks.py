# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The tasks under way and the version that each stays on; the engine's lock guards every call."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from hotswap_ros.models import TaskCounts
from hotswap_ros.serving.loaded_version import LoadedVersion
from hotswap_ros.serving.recorder import Recorder
from hotswap_ros.serving.router import Router


@dataclass(slots=True, eq=False)
class Task:
    """
    One unit of robot work.

    It is counted for `version`, which began it, and decided by `resident`: the same one, unless
    that was the candidate (`on_trial`) and was dropped. `previous` is the decision that was made
    last, by `previous_by`; it is kept only for versions with rate limits.
    """

    category: str
    version: str
    recorder: Recorder
    resident: LoadedVersion
    on_trial: bool
    last_inference: float
    previous: dict[str, NDArray[Any]] | None = None
    previous_by: LoadedVersion | None = None

    def previous_for(
        self, resident: LoadedVersion, stable: LoadedVersion
    ) -> dict[str, NDArray[Any]] | None:
        """
        Return the decision that a version's rate limits hold its next one to, or None.

        Stable is held to its own only: when it takes over, somebody has to decide.
        """
        if resident is stable and self.previous_by is not stable:
            return None
        return self.previous

    def remember(self, outputs: dict[str, NDArray[Any]], resident: LoadedVersion) -> None:
        """Keep the decision that the robot is given; a copy, as the robot may write to it."""
        self.previous = {name: array.copy() for name, array in outputs.items()}
        self.previous_by = resident

    def count(self, change: TaskCounts) -> None:
        """Count for the version that began the task."""
        self.recorder.count_task(self.category, change)


class Tasks:
    """Tasks under way, the one that was inferred for longest ago first."""

    def __init__(self) -> None:
        self._tasks: OrderedDict[str, Task] = OrderedDict()

    def go_on(self, task_id: str, now: float) -> Task | None:
        """Return a task that is inferred for now, or None when it has not begun."""
        task = self._tasks.get(task_id)
        if task is not None:
            task.last_inference = now
            self._tasks.move_to_end(task_id)
        return task

    def begin(
        self, task_id: str, category: str, resident: LoadedVersion, on_trial: bool, now: float
    ) -> Task:
        """Add a task and count it as started."""
        task = self._tasks[task_id] = Task(
            category, resident.version, resident.recorder, resident, on_trial, now
        )
        task.count(TaskCounts(started=1))
        return task

    def clear(self) -> None:
        """Forget every task: nobody will ask for it."""
        self._tasks.clear()

    def finish(self, task_id: str) -> Task | None:
        """Take a task out; None when it is not under way."""
        return self._tasks.pop(task_id, None)

    def pop_silent_since(self, moment: float) -> list[Task]:
        """Take out the tasks whose last inference was at `moment` or before."""
        silent = []
        while self._tasks:
            task_id, task = next(iter(self._tasks.items()))
            if task.last_inference > moment:
                break
            silent.append(self._tasks.pop(task_id))
        return silent

    def hand_over(self, router: Router) -> None:
        """Give the tasks of a candidate that the routing no longer names to stable, for good."""
        if router.stable is None:
            return
        for task in self._tasks.values():
            if task.on_trial and not router.names(task.resident):
                task.resident = router.stable
                task.on_trial = False

    def count_on(self, version: str) -> int:
        """Return how many tasks a version decides."""
        return sum(task.resident.version == version for task in self._tasks.values())
