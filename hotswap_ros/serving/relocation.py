# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Moves versions that are ready between this process and a worker, while they answer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from hotswap_ros.models import ModelError
from hotswap_ros.serving.errors import LoadFailedError, NoMemoryError
from hotswap_ros.serving.loaded_version import LoadedVersion, Runner
from hotswap_ros.serving.loading import Loader
from hotswap_ros.serving.worker.supervisor import WorkerSupervisor

_log = logging.getLogger(__name__)


class Mover:
    """
    Loads a version where it belongs, beside where it is, and lets it go on there.

    Where it is, it answers until that is done, and goes on when it fails. `lock` guards
    `residents` and their sessions; `took` is called with it held when one has got another session.
    `load_in_worker` returns the version once more, in a worker. `on_change` is called without the
    lock at the end of each move.
    """

    def __init__(
        self,
        lock: threading.Lock,
        residents: Mapping[str, LoadedVersion],
        loader: Loader,
        load_in_worker: Callable[[str], LoadedVersion],
        took: Callable[[LoadedVersion], None],
        on_change: Callable[[], None],
    ) -> None:
        self._lock = lock
        self._residents = residents
        self._loader = loader
        self._load_in_worker = load_in_worker
        self._took = took
        self._on_change = on_change
        self._threads: dict[str, threading.Thread] = {}
        self._problems: dict[str, str] = {}

    def settle(self, resident: LoadedVersion, is_at_home: Callable[[], bool]) -> None:
        """
        Bring a version to where it belongs, in a thread of its own.

        `is_at_home` says whether that is this process, and is asked again while it moves.
        """
        version = resident.version
        with self._lock:
            if version in self._threads or not self._is_misplaced(resident, is_at_home):
                return
            self._threads[version] = threading.Thread(
                target=self._settle,
                args=(resident, is_at_home),
                name=f'move of {version}',
                daemon=True,
            )
            self._threads[version].start()

    def problem(self, version: str) -> str:
        """Return why a version could not be moved the last time, empty when it could."""
        return self._problems.get(version, '')

    def join(self) -> None:
        """Wait for the end of the moves under way."""
        with self._lock:
            threads = list(self._threads.values())
        for thread in threads:
            thread.join()

    def _settle(self, resident: LoadedVersion, is_at_home: Callable[[], bool]) -> None:
        version = resident.version
        try:
            while not self._is_done(resident, is_at_home):
                self._move(resident, is_at_home)
            self._problems.pop(version, None)
        except (ModelError, LoadFailedError, NoMemoryError) as error:
            self._problems[version] = str(error)
            place = 'in its worker' if is_in_worker(resident) else 'in this process'
            _log.error('version %s stays %s: %s', version, place, error)
        finally:
            with self._lock:
                self._leave(resident)
        self._on_change()

    def _is_done(self, resident: LoadedVersion, is_at_home: Callable[[], bool]) -> bool:
        # Under one lock: who changes where it belongs finds the thread at work, or gone.
        with self._lock:
            is_done = not self._is_misplaced(resident, is_at_home)
            if is_done:
                self._leave(resident)
            return is_done

    def _is_misplaced(self, resident: LoadedVersion, is_at_home: Callable[[], bool]) -> bool:
        is_here = self._residents.get(resident.version) is resident
        return is_here and is_at_home() == is_in_worker(resident)

    def _leave(self, resident: LoadedVersion) -> None:
        version = resident.version
        if self._threads.get(version) is not threading.current_thread():
            return
        del self._threads[version]
        if self._residents.get(version) is resident:
            size_bytes = resident.manifest.size_bytes
            self._loader.budget.keep(version, size_bytes, is_in_worker(resident))

    def _move(self, resident: LoadedVersion, is_at_home: Callable[[], bool]) -> None:
        old = resident.session
        new, typical_ms = self._load_elsewhere(resident)
        with self._lock:
            is_moved = self._is_misplaced(resident, is_at_home)
            if is_moved:
                resident.session, resident.typical_ms = new, typical_ms
                self._took(resident)
        (old if is_moved else new).close()

    def _load_elsewhere(self, resident: LoadedVersion) -> tuple[Runner, float]:
        if is_in_worker(resident):
            return self._loader.load_again_here(resident)
        self._loader.reserve(resident.version, False, True)
        incubated = self._load_in_worker(resident.version)
        return incubated.session, incubated.typical_ms


def is_in_worker(resident: LoadedVersion) -> bool:
    """Return whether a version runs in a worker process."""
    return isinstance(resident.session, WorkerSupervisor)
