# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A task that goes from one version to another: who remembers it, and who answers with safety."""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from typing import Any

from numpy.typing import NDArray

from hotswap_ros.models import TakeOver
from hotswap_ros.serving.task_memory import TaskMemory
from hotswap_ros.serving.tasks import Task
from hotswap_ros.serving.versions.loaded_version import LoadedVersion

#: Observations that may wait for a stable version that runs along.
_MOST_WAITING = 32


class TakeOvers:
    """
    What versions remember of tasks. Threads may share it, one of them for each task.

    A version remembers a task that it decides. Stable, which may have to go on with a task of
    another version, does then what its manifest says. A candidate for which stable answered once
    goes on with what it remembers.
    """

    def __init__(self) -> None:
        self._along = _RunsAlong()

    def close(self) -> None:
        """End the thread of versions that run along."""
        self._along.close()

    def memory(self, task: Task, loaded: LoadedVersion) -> TaskMemory:
        """Return what a version that remembers knows of a task that it decides now."""
        memory = task.memories.get(loaded)
        if memory is None:
            memory = task.memories[loaded] = loaded.memory_form.begin()
        elif task.runs_along is loaded:
            self._along.wait(loaded.deadline_ms / 1e3)
            task.runs_along = None  # from here on it decides
        return memory

    @staticmethod
    def is_safe_only(task: Task, stable: LoadedVersion) -> bool:
        """Return whether stable, asked to decide now, gives the safe decision instead."""
        is_safe = stable.manifest.take_over is TakeOver.SAFE
        return is_safe and task.decided_by not in (None, stable)

    def follow(
        self,
        task: Task,
        stable: LoadedVersion,
        observation: dict[str, NDArray[Any]],
    ) -> None:
        """Note that another version has decided: stable runs along, or forgets the task."""
        if stable.manifest.take_over is not TakeOver.WARM:
            task.memories.pop(stable, None)
            return
        memory = task.memories.get(stable)
        if memory is None:
            memory = task.memories[stable] = stable.memory_form.begin()
        task.runs_along = stable
        if not self._along.add(stable, memory, observation):
            del task.memories[stable]  # it does not keep up: one that has gaps misleads


class _RunsAlong:
    """A thread that lets stable decide on tasks of another version, for its memory of them."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[_Work | threading.Event | None] = queue.Queue(_MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def add(
        self, loaded: LoadedVersion, memory: TaskMemory, observation: dict[str, NDArray[Any]]
    ) -> bool:
        """Let a version see an observation; returns at once, and whether it will."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name='stable runs along', daemon=True
                )
                self._thread.start()
        copied = {name: array.copy() for name, array in observation.items()}
        try:
            self._waiting.put_nowait((loaded, memory, copied))
        except queue.Full:
            return False
        return True

    def wait(self, patience_s: float) -> None:
        """Wait until everything that was added has been seen, at most so long."""
        seen = threading.Event()
        try:
            self._waiting.put(seen, timeout=patience_s)
        except queue.Full:
            return
        seen.wait(patience_s)

    def close(self) -> None:
        """End the thread after the run under way."""
        with self._lock:
            if self._thread is None:
                return
            with suppress(queue.Empty):
                while True:
                    self._waiting.get_nowait()
            with suppress(queue.Full):  # somebody still adds: the thread ends with the process
                self._waiting.put_nowait(None)

    def _run(self) -> None:
        while (work := self._waiting.get()) is not None:
            if isinstance(work, threading.Event):
                work.set()
            else:
                loaded, memory, observation = work
                loaded.attempt(observation, memory=memory)


_Work = tuple[LoadedVersion, TaskMemory, dict[str, NDArray[Any]]]
