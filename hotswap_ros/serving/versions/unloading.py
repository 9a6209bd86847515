# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Unloads versions once no routing names them and no task is on them."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hotswap_ros.serving.errors import InUseError, NotLoadedError
from hotswap_ros.serving.routing_in_force import InForce
from hotswap_ros.serving.versions.loaded_version import LoadedVersion
from hotswap_ros.serving.versions.versions import Versions


class Unloader:
    """
    Unloads versions. Threads may share it.

    `changed` is a condition on the engine's lock, which guards `in_force`; it is notified when a
    task ends or a routing is set.
    """

    def __init__(
        self,
        in_force: InForce,
        changed: threading.Condition,
        versions: Versions,
        announce: Callable[[], None],
    ) -> None:
        self._changed = changed
        self._in_force = in_force
        self._tasks = in_force.tasks
        self._versions = versions
        self._announce = announce

    def unload(self, version: str, drain_s: float, delete_files: bool) -> None:
        """Unload a version, and delete its files if asked for. Raises as `Engine.unload`."""
        with self._changed:
            self._refuse_if_named(version)
            is_draining = drain_s > 0 and self._tasks.count_on(version) > 0
        if is_draining:
            self._drain(version, drain_s)
        with self._changed:
            self._refuse_if_named(version)
            self._refuse_if_tasks_on(version)
            released = self._release(version, delete_files)
        # A large model takes its time to be freed: not under the lock.
        if released is not None:
            released.session.close()
        del released
        if delete_files:
            self._versions.delete(version)
        self._announce()

    def _release(self, version: str, delete_files: bool) -> LoadedVersion | None:
        try:
            return self._versions.release(version)
        except NotLoadedError:
            if not delete_files:
                raise
            return None

    def _drain(self, version: str, drain_s: float) -> None:
        """Wait until no task is on a version, a routing names it again, or time is up."""
        if not self._versions.begin_draining(version):
            return
        self._announce()
        with self._changed:
            self._changed.wait_for(
                lambda: self._in_force.names(version) or not self._tasks.count_on(version), drain_s
            )
            self._versions.end_draining(version)
        self._announce()

    def _refuse_if_named(self, version: str) -> None:
        if self._in_force.names(version):
            raise InUseError(version, 'the routing names it', 'set a routing without it first')

    def _refuse_if_tasks_on(self, version: str) -> None:
        tasks = self._tasks.count_on(version)
        if tasks:
            raise InUseError(
                version, f'{tasks} task(s) under way are on it', 'try again when they have ended'
            )
