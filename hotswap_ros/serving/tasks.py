# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tasks under way, and the version of each; the engine's lock guards every call."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from numpy.typing import NDArray

from hotswap_ros.models import TaskCounts
from hotswap_ros.serving.recorder import Recorder
from hotswap_ros.serving.router import Router
from hotswap_ros.serving.task_memory import TaskMemory
from hotswap_ros.serving.versions.loaded_version import LoadedVersion


@dataclass(slots=True, eq=False)
class Task:
    """
    One unit of robot work.

    It counts for `version`, which began it, and `loaded` decides it: the same version, unless that
    was a candidate (`on_trial`) that was dropped. `began` is when its first observation came.
    `decided_by` made the last decision, which `previous` is where versions have rate limits.
    `memories` are those of versions that remember; `runs_along` is the one that another version's
    decisions do not make forget. `followed_by` is a shadow that saw all of its observations.
    """

    number: int
    category: str
    version: str
    recorder: Recorder
    loaded: LoadedVersion
    on_trial: bool
    began: float
    last_inference: float
    previous: dict[str, NDArray[Any]] | None = None
    decided_by: LoadedVersion | None = None
    memories: dict[LoadedVersion, TaskMemory] = field(default_factory=dict)
    runs_along: LoadedVersion | None = None
    followed_by: LoadedVersion | None = None

    def previous_for(
        self, loaded: LoadedVersion, stable: LoadedVersion
    ) -> dict[str, NDArray[Any]] | None:
        """
        Return the decision that rate limits compare the next one with, or None.

        Stable is compared with its own decisions only: when it takes over, it has to decide.
        """
        if loaded is stable and self.decided_by is not stable:
            return None
        return self.previous

    def remember(self, outputs: dict[str, NDArray[Any]]) -> None:
        """Keep a copy of the decision: the robot may write to its own."""
        self.previous = {name: array.copy() for name, array in outputs.items()}

    def count(self, change: TaskCounts) -> None:
        """Count for the version that began the task."""
        self.recorder.count_task(self.category, change)


class Tasks:
    """Tasks under way, in the order of their last inference."""

    def __init__(self) -> None:
        self._tasks: OrderedDict[str, Task] = OrderedDict()
        self._numbers = count(1)

    def go_on(self, task_id: str, now: float) -> Task | None:
        """Note an inference of a task and return the task, or None when it has not begun."""
        task = self._tasks.get(task_id)
        if task is not None:
            task.last_inference = now
            self._tasks.move_to_end(task_id)
        return task

    def begin(
        self, task_id: str, category: str, loaded: LoadedVersion, on_trial: bool, now: float
    ) -> Task:
        """Add a task and count it as started."""
        task = self._tasks[task_id] = Task(
            next(self._numbers),
            category,
            loaded.version,
            loaded.recorder,
            loaded,
            on_trial,
            now,
            now,
        )
        task.count(TaskCounts(started=1))
        return task

    def clear(self) -> None:
        """Forget every task."""
        self._tasks.clear()

    def finish(self, task_id: str) -> Task | None:
        """Take a task out; None when it is not under way."""
        return self._tasks.pop(task_id, None)

    def pop_idle_since(self, moment: float) -> list[Task]:
        """Take out the tasks whose last inference was at `moment` or before."""
        idle = []
        while self._tasks:
            task_id, task = next(iter(self._tasks.items()))
            if task.last_inference > moment:
                break
            idle.append(self._tasks.pop(task_id))
        return idle

    def hand_over(self, router: Router) -> None:
        """Give the tasks of a dropped candidate to stable, for the rest of each task."""
        if router.stable is None:
            return
        for task in self._tasks.values():
            if task.on_trial and not router.names(task.loaded):
                task.loaded = router.stable
                task.on_trial = False

    def count_on(self, version: str) -> int:
        """Return how many tasks a version decides."""
        return sum(task.loaded.version == version for task in self._tasks.values())
