# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Assigns each request to a task, and each task to the version that decides it."""

from __future__ import annotations

import threading
from typing import Any

from numpy.typing import NDArray

from hotswap_ros.models import TaskCounts
from hotswap_ros.serving.errors import NotServingError, ObservationError, UnknownTaskError
from hotswap_ros.serving.routing_in_force import InForce
from hotswap_ros.serving.tasks import Task
from hotswap_ros.serving.types import TaskOutcome, TaskReport
from hotswap_ros.serving.versions.loaded_version import LoadedVersion


class Assignment:
    """
    Begins and ends tasks. Threads may share it.

    `lock` is the engine's, and guards `in_force` and its tasks; `changed` is a condition on it,
    which is notified when a task ends.
    """

    def __init__(
        self, in_force: InForce, lock: threading.Lock, changed: threading.Condition
    ) -> None:
        self._in_force = in_force
        self._tasks = in_force.tasks
        self._clock = in_force.clock
        self._lock = lock
        self._changed = changed

    def take(
        self, inputs: dict[str, NDArray[Any]], task_id: str, category: str
    ) -> tuple[LoadedVersion, Task, LoadedVersion]:
        """
        Return the stable version, the task, and the version that decides this request.

        The observation is checked without the lock, and before a task begins: an observation that
        stable does not understand must not count as a task. If another version is stable
        meanwhile, that one checks it too.
        """
        checked = None
        while True:
            with self._lock:
                router = self._in_force.router
                stable = router.stable
                if stable is None:
                    raise NotServingError(self._in_force.model_id)
                now = self._clock()
                task = self._tasks.go_on(task_id, now)
                if task is not None:
                    loaded = task.loaded
                elif not task_id:
                    raise ObservationError('task_id', 'the name of a task', 'an empty text')
                else:
                    loaded = router.candidate_for(task_id) or stable
                    if stable is checked:
                        on_trial = loaded is router.candidate
                        task = self._tasks.begin(task_id, category, loaded, on_trial, now)
            if stable is not checked:
                stable.observation.check(inputs)
                checked = stable
            if task is not None:
                return stable, task, loaded

    def end(self, task_id: str, report: TaskReport) -> TaskOutcome:
        """End a task. Raises UnknownTaskError."""
        with self._changed:
            task = self._tasks.finish(task_id)
            if task is None:
                raise UnknownTaskError(task_id)
            task.count(report.counts(self._clock() - task.began))
            self._changed.notify_all()
        return TaskOutcome(task.version, task.category)

    def end_idle(self, timeout_s: float) -> bool:
        """End tasks without an inference for so long; returns whether there were any."""
        with self._changed:
            idle = self._tasks.pop_idle_since(self._clock() - timeout_s)
            for task in idle:
                task.count(TaskCounts(finished=1, timed_out=1))
            if idle:
                self._changed.notify_all()
        return bool(idle)
