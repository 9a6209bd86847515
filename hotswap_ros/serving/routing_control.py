# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Controls the versions of one robot: sets its routing, restores it, and unloads versions."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from hotswap_ros.models import ModelError, Routing
from hotswap_ros.serving.errors import (
    InUseError,
    MovingError,
    NotLoadedError,
    NotReadyError,
    ServingError,
)
from hotswap_ros.serving.router import Router, ShadowActsError
from hotswap_ros.serving.routing_in_force import InForce
from hotswap_ros.serving.settings import EngineSettings, Isolation
from hotswap_ros.serving.versions.last_known_good import LastKnownGood
from hotswap_ros.serving.versions.loaded_version import LoadedVersion, VersionInfo
from hotswap_ros.serving.versions.restart import Restart
from hotswap_ros.serving.versions.versions import Versions

_log = logging.getLogger(__name__)


class RoutingControl:
    """
    Puts routings in force, moves versions to where they belong then, and notes it on the disk.

    Unloads versions once no routing names them and no task is on them. Threads may share it.
    `changed` is a condition on the engine's lock, which guards `in_force`; it is notified when a
    task ends or a routing is set.
    """

    def __init__(
        self,
        settings: EngineSettings,
        in_force: InForce,
        changed: threading.Condition,
        versions: Versions,
        last_known_good: LastKnownGood,
        announce: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._changed = changed
        self._in_force = in_force
        self._tasks = in_force.tasks
        self._versions = versions
        self._last_known_good = last_known_good
        self._announce = announce
        self._is_restoring = False

    def set_routing(self, routing: Routing) -> None:
        """Put a routing in force, or let it wait for its time. Raises as `Engine.set_routing`."""
        try:
            with self._changed:
                if self._in_force.is_known(routing):
                    return
                self._in_force.accept(routing)
                self._changed.notify_all()  # a version that drains may be named again
        except ShadowActsError:
            if self._settings.isolation is Isolation.IN_PROCESS:
                raise
            problem = self._versions.move_problem(routing.shadow)
            self._settle_one(self._versions.ready(routing.shadow))
            raise MovingError(routing.shadow, problem) from None
        self._settle()
        self._commit()
        self._announce()

    def drop_hung(self, hung: LoadedVersion) -> None:
        """
        Drop a version that hung in this process, and serve the last proven one for stable.

        Returns at once: a proven version that is not loaded takes over when it is.
        """
        proven = self._last_known_good.note_hang(hung.version)
        with self._changed:
            self._in_force.drop_lost(hung)
            is_stable = self._in_force.router.stable is hung
        if is_stable and proven:
            _log.error('stable %s hung: %s serves in its place', hung.version, proven)
            self._serve_instead(hung, proven)
        self._last_known_good.save_later()
        self._announce()

    def _serve_instead(self, hung: LoadedVersion, proven: str) -> None:
        try:
            self._versions.ready(proven)
        except NotReadyError:
            threading.Thread(
                target=self._load_instead,
                args=(hung, proven),
                name=f'fall back to {proven}',
                daemon=True,
            ).start()
        else:
            self._replace_hung(hung, proven)

    def _load_instead(self, hung: LoadedVersion, proven: str) -> None:
        try:
            self._replace_hung(hung, hung.version)
            for version in self._versions.loaded():
                if not self._in_force.names(version):  # it may have the last place
                    self._versions.discard(version)
            self._versions.load(proven)
            self._replace_hung(hung, proven)
        except (ModelError, ServingError) as error:
            _log.error('%s; %s serves on', error, hung.version)

    def _replace_hung(self, hung: LoadedVersion, version: str) -> None:
        """Let a version serve alone, unless a newer routing has another stable one."""
        with self._changed:
            router = self._in_force.router
            if router.stable is not hung:
                return
            routing = router.routing.with_stable_alone(version)
            self._in_force.put(Router.of(routing, self._versions.ready))
            self._changed.notify_all()
        self._settle()
        self._note_in_force()
        self._last_known_good.save_later()
        self._announce()

    def tick(self) -> bool:
        """Let time take effect on routing and probation; returns whether the routing changed."""
        with self._changed:
            is_activated = self._in_force.activate_if_due()
            lease_ended = self._in_force.end_lease_if_over()
            if is_activated:
                self._changed.notify_all()
            stable = self._in_force.router.routing.stable
            proven_at = self._in_force.stable_since + self._settings.probation_s
            is_proven = bool(stable) and self._in_force.clock() >= proven_at
        if is_activated:
            self._settle()
        self._note_in_force()
        if is_proven:
            self._last_known_good.prove(stable)
        self._last_known_good.save_later()
        if lease_ended or is_activated:
            self._announce()
        return lease_ended or is_activated

    def restore(self, load: Callable[[str], VersionInfo]) -> bool:
        """Put in force what was before a restart; returns whether anything is known."""
        record = self._last_known_good.recall()
        if record is None or not record.routing.stable:
            return False
        restart = Restart(record, load, self._versions.discard, self._enforce)
        # The record stays until all of it is in force again: a power cut may come now.
        self._is_restoring = True
        try:
            restart.run()
            pending = restart.pending()
        finally:
            self._is_restoring = False
        if pending is not None:
            self.set_routing(pending)
        self._commit()
        return True

    def unload(self, version: str, drain_s: float, delete_files: bool) -> None:
        """Unload a version, and delete its files if asked for. Raises as `Engine.unload`."""
        with self._changed:
            self._refuse_if_named(version)
            is_draining = drain_s > 0 and self._tasks.count_on(version) > 0
        self._versions.cancel(version)
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

    def _enforce(self, routing: Routing) -> None:
        with self._changed:
            self._in_force.put(Router.of(routing, self._versions.ready))
        self._announce()

    def _commit(self) -> None:
        """Keep the routing in force, and the one that waits, for the next start."""
        self._note_in_force()
        self._last_known_good.save()

    def _note_in_force(self) -> None:
        with self._changed:
            routing, waiting = self._in_force.router.routing, self._in_force.pending_routing
            # A routing without a generation is that of the start: nobody has ended serving.
            if not (routing.stable or routing.generation) or self._is_restoring:
                return
            workers = self._versions.workers()
            in_process = [version for version in routing.versions if version not in workers]
            digests = self._versions.digests()
            self._last_known_good.note(routing, waiting, in_process, digests)

    def _settle(self) -> None:
        """Move stable into this process, and a candidate out of it."""
        router = self._in_force.router
        for loaded in (router.stable, router.candidate):
            if loaded is not None:
                self._settle_one(loaded)

    def _settle_one(self, loaded: LoadedVersion) -> None:
        self._versions.settle(loaded, lambda: self._in_force.router.stable is loaded)

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
                lambda: self._in_force.names(version) or not self._tasks.count_on(version),
                drain_s,
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
