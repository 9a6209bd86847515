# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Moves ready versions between this process and a worker, while they answer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from hotswap_ros.models import ModelError
from hotswap_ros.serving.errors import LoadFailedError, NoMemoryError
from hotswap_ros.serving.versions.loaded_version import LoadedVersion, VersionSession
from hotswap_ros.serving.versions.loading import Loader

_log = logging.getLogger(__name__)


class Mover:
    """
    Loads a version where it belongs, and then replaces its session by the new one.

    The old session answers until then, and goes on when the move fails. `lock` guards `loaded` and
    their sessions; `on_moved` is called with it held when a version has got another session.
    `load_in_worker` loads the version once more, in a worker. `on_change` is called without the
    lock at the end of each move.
    """

    def __init__(
        self,
        lock: threading.Lock,
        loaded: Mapping[str, LoadedVersion],
        loader: Loader,
        load_in_worker: Callable[[str], LoadedVersion],
        on_moved: Callable[[LoadedVersion], None],
        on_change: Callable[[], None],
    ) -> None:
        self._lock = lock
        self._loaded = loaded
        self._loader = loader
        self._load_in_worker = load_in_worker
        self._on_moved = on_moved
        self._on_change = on_change
        self._threads: dict[str, threading.Thread] = {}
        self._problems: dict[str, str] = {}

    def settle(self, loaded: LoadedVersion, belongs_here: Callable[[], bool]) -> None:
        """
        Move a version to where it belongs, in a thread of its own.

        `belongs_here` returns whether that is this process; it is called again during the move.
        """
        version = loaded.version
        with self._lock:
            if version in self._threads or not self._is_misplaced(loaded, belongs_here):
                return
            self._threads[version] = threading.Thread(
                target=self._settle,
                args=(loaded, belongs_here),
                name=f'move of {version}',
                daemon=True,
            )
            self._threads[version].start()

    def problem(self, version: str) -> str:
        """Return why the last move of a version failed, empty when it did not."""
        return self._problems.get(version, '')

    def join(self) -> None:
        """Wait for the end of the moves under way."""
        with self._lock:
            threads = list(self._threads.values())
        for thread in threads:
            thread.join()

    def _settle(self, loaded: LoadedVersion, belongs_here: Callable[[], bool]) -> None:
        version = loaded.version
        try:
            while not self._is_done(loaded, belongs_here):
                self._move(loaded, belongs_here)
            self._problems.pop(version, None)
        except (ModelError, LoadFailedError, NoMemoryError) as error:
            self._problems[version] = str(error)
            place = 'in its worker' if loaded.session.runs_in_worker else 'in this process'
            _log.error('version %s stays %s: %s', version, place, error)
        finally:
            with self._lock:
                self._leave(loaded)
        self._on_change()

    def _is_done(self, loaded: LoadedVersion, belongs_here: Callable[[], bool]) -> bool:
        # Under one lock: who changes where it belongs finds the thread at work, or gone.
        with self._lock:
            is_done = not self._is_misplaced(loaded, belongs_here)
            if is_done:
                self._leave(loaded)
            return is_done

    def _is_misplaced(self, loaded: LoadedVersion, belongs_here: Callable[[], bool]) -> bool:
        is_loaded = self._loaded.get(loaded.version) is loaded
        return is_loaded and belongs_here() == loaded.session.runs_in_worker

    def _leave(self, loaded: LoadedVersion) -> None:
        version = loaded.version
        if self._threads.get(version) is not threading.current_thread():
            return
        del self._threads[version]
        if self._loaded.get(version) is loaded:
            size_bytes = loaded.manifest.size_bytes
            self._loader.budget.keep(version, size_bytes, loaded.session.runs_in_worker)

    def _move(self, loaded: LoadedVersion, belongs_here: Callable[[], bool]) -> None:
        old = loaded.session
        new = self._load_elsewhere(loaded)
        with self._lock:
            is_moved = self._is_misplaced(loaded, belongs_here)
            if is_moved:
                loaded.session = new
                self._on_moved(loaded)
        (old if is_moved else new).close()

    def _load_elsewhere(self, loaded: LoadedVersion) -> VersionSession:
        if loaded.session.runs_in_worker:
            return self._loader.load_again_here(loaded)
        self._loader.reserve(loaded.version, False, True)
        return self._load_in_worker(loaded.version).session
