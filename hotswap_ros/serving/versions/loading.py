# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Loads one version within the memory budget: into this process, or into a worker of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from hotswap_ros.models import (
    Interface,
    Manifest,
    ModelRepository,
    VerifiedVersion,
    VersionState,
    differences,
)
from hotswap_ros.serving.checks import Guard
from hotswap_ros.serving.errors import LoadFailedError, NoMemoryError, OtherInterfaceError
from hotswap_ros.serving.onnx.runtime import RuntimeSettings
from hotswap_ros.serving.onnx.session import Session
from hotswap_ros.serving.recorder import Recorder
from hotswap_ros.serving.settings import EngineSettings, Isolation
from hotswap_ros.serving.versions.loaded_version import LoadedVersion
from hotswap_ros.serving.versions.proofs import Proofs
from hotswap_ros.serving.worker.job import Job, Observations
from hotswap_ros.serving.worker.shadow_ring import Listener
from hotswap_ros.serving.worker.supervisor import News, RepositoryRefusedError, WorkerSupervisor

#: Opens a session in this process.
OpenSession = Callable[[VerifiedVersion, RuntimeSettings], Session]

#: Memory of a worker before it has loaded a version: interpreter, NumPy and runtime.
_WORKER_BYTES = 70_000_000

#: Of this process: a version that was proven does not need to be again.
_PROOFS = Proofs()


class MemoryBudget:
    """Reserves memory for each version. Threads may share it; None: no limit."""

    def __init__(self, limit_bytes: int | None) -> None:
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._needs: dict[str, int] = {}

    def reserve(self, version: str, size_bytes: int, *is_in_worker: bool) -> None:
        """
        Reserve memory for each copy of a version whose file has that size.

        Raises NoMemoryError with the figures; its earlier reservation stays then.
        """
        need = sum(_need(size_bytes, is_remote) for is_remote in is_in_worker)
        with self._lock:
            taken = {name: size for name, size in self._needs.items() if name != version}
            if self._limit is not None and sum(taken.values()) + need > self._limit:
                raise NoMemoryError(version, need, taken, self._limit)
            self._needs[version] = need

    def keep(self, version: str, size_bytes: int, is_in_worker: bool) -> None:
        """Reserve memory for one copy of a version, in place of its earlier reservation."""
        with self._lock:
            self._needs[version] = _need(size_bytes, is_in_worker)

    def free(self, version: str) -> None:
        """Free the reservation of a version."""
        with self._lock:
            self._needs.pop(version, None)

    def left_for(self, version: str) -> int:
        """Return the bytes that a version may grow to, 0 without a limit."""
        with self._lock:
            others = sum(size for name, size in self._needs.items() if name != version)
        return 0 if self._limit is None else max(1, self._limit - others)


@dataclass(frozen=True)
class Loader:
    """
    Loads versions of one model. Threads may share it.

    `recent` returns what versions are tried on, and `stable` the manifest of the stable version in
    force, None without one; `provided` are the forms of what the robot gives. Every method blocks,
    and raises NoMemoryError, LoadFailedError, OtherInterfaceError or a ModelError.
    """

    repository: ModelRepository
    model_id: str
    settings: EngineSettings
    budget: MemoryBudget
    open_session: OpenSession
    recent: Callable[[], Observations]
    stable: Callable[[], Manifest | None]
    provided: Callable[[], Mapping[str, str] | None]
    _opening: dict[str, WorkerSupervisor] = field(default_factory=dict, init=False)

    def reserve(self, version: str, *is_in_worker: bool) -> None:
        """
        Reserve memory for each copy of a version.

        Raises OtherInterfaceError for one that cannot serve what the robot gives to stable.
        """
        manifest = self.repository.manifest(self.model_id, version)
        self._require_interface(manifest)
        self.budget.reserve(version, manifest.size_bytes, *is_in_worker)

    def _require_interface(self, manifest: Manifest) -> None:
        """
        Refuse a version for which the observations of stable, or its outputs, have another form.

        An output that it lacks is none of this: a previous version may have fewer.
        """
        stable = self.stable()
        if stable is None:
            return
        found = differences(Interface.of(stable), Interface.of(manifest), self.provided())
        wrong = [one for one in found if one.kind == 'input' or one.other]
        if wrong:
            words = [one.words(stable.version, manifest.version) for one in wrong]
            raise OtherInterfaceError(manifest.version, stable.version, words)

    def load_here(
        self, version: str, recorder: Recorder, on_news: Callable[[News], None]
    ) -> LoadedVersion:
        """Load a version into this process, and report the progress; first in a worker."""
        if self.settings.isolation is Isolation.WORKER:
            self._prove(version)
        verified = self.repository.verify(self.model_id, version)
        manifest, size_bytes = verified.manifest, verified.copy.size_bytes
        on_news(News(VersionState.LOADING, verified.digest, size_bytes))
        session = self.open_session(verified, self.settings.runtime)
        del verified  # and its memory
        on_news(News(VersionState.WARMING, placement=session.placement))
        guard = Guard(manifest)
        session.warm_up(guard)
        return LoadedVersion(manifest, session, guard, recorder)

    def load_in_worker(
        self,
        version: str,
        recorder: Recorder,
        on_news: Callable[[WorkerSupervisor, News], None],
        on_verdicts: Listener,
    ) -> LoadedVersion:
        """Start a worker for a version; `on_news` is also called when it dies later."""
        manifest = self.repository.manifest(self.model_id, version)
        supervisor = WorkerSupervisor(
            self._job(manifest), lambda news: on_news(supervisor, news), on_verdicts
        )
        self._open(version, supervisor)
        return LoadedVersion(manifest, supervisor, Guard(manifest), recorder)

    def cancel(self, version: str) -> bool:
        """End the load of a version in a worker; returns whether there is one."""
        supervisor = self._opening.get(version)
        if supervisor is not None:
            supervisor.cancel()
        return supervisor is not None

    def _prove(self, version: str) -> None:
        """Load a version in a worker that ends then: what crashes or hangs does so there."""
        manifest = self.repository.manifest(self.model_id, version)
        _PROOFS.once(
            (manifest.model_dump_json(), self.settings.runtime),
            partial(self._open_and_close, version, manifest),
        )

    def _open_and_close(self, version: str, manifest: Manifest) -> None:
        supervisor = WorkerSupervisor(self._job(manifest), lambda news: None)
        self._open(version, supervisor)
        supervisor.close()

    def _job(self, manifest: Manifest) -> Job:
        return Job(
            self.repository.root,
            manifest,
            self.settings.runtime,
            self.settings.idle_background,
            self.budget.left_for(manifest.version),
            self.settings.worker_growth_bytes,
            self.settings.load_deadline_s,
            self.recent(),
        )

    def _open(self, version: str, supervisor: WorkerSupervisor) -> None:
        self._opening[version] = supervisor
        try:
            supervisor.open()
        except RepositoryRefusedError as error:
            self.repository.verify(self.model_id, version)  # raises what the worker met
            raise LoadFailedError(version, str(error)) from error
        finally:
            del self._opening[version]

    def load_again_here(self, loaded: LoadedVersion) -> Session:
        """Load a version that runs in a worker into this process too."""
        self.reserve(loaded.version, True, False)
        verified = self.repository.verify(self.model_id, loaded.version)
        if verified.manifest != loaded.manifest:  # the worker has proven another one
            raise LoadFailedError(loaded.version, 'its manifest changed while it was served')
        session = self.open_session(verified, self.settings.runtime)
        del verified
        session.warm_up(loaded.guard)
        return session


def _need(size_bytes: int, is_in_worker: bool) -> int:
    return size_bytes + size_bytes // 2 + (_WORKER_BYTES if is_in_worker else 0)
