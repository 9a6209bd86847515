# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How one version is brought up: in this process, or in a worker of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hotswap_ros.models import ModelRepository, VersionState
from hotswap_ros.serving.checks import Guard
from hotswap_ros.serving.errors import LoadFailedError
from hotswap_ros.serving.loaded_version import LoadedVersion
from hotswap_ros.serving.memory import MemoryBudget
from hotswap_ros.serving.onnx.runtime import RuntimeSettings
from hotswap_ros.serving.onnx.session import Session
from hotswap_ros.serving.recorder import Recorder
from hotswap_ros.serving.worker.process import Job
from hotswap_ros.serving.worker.shadow_ring import Listener
from hotswap_ros.serving.worker.supervisor import News, RepositoryRefusedError, WorkerSupervisor


@dataclass(frozen=True)
class Loader:
    """
    Brings versions of one model to where they can be asked. Threads may share it.

    Every method blocks, and raises NoMemoryError, LoadFailedError or a ModelError. `idle`: workers
    load and shadow in the lowest scheduling class, and may grow by `growth_bytes`, 0: no limit.
    """

    repository: ModelRepository
    model_id: str
    settings: RuntimeSettings
    budget: MemoryBudget
    idle: bool
    growth_bytes: int

    def reserve(self, version: str, *is_in_worker: bool) -> None:
        """Set memory aside for each copy of a version."""
        manifest = self.repository.manifest(self.model_id, version)
        self.budget.reserve(version, manifest.size_bytes, *is_in_worker)

    def load_here(
        self, version: str, recorder: Recorder, on_news: Callable[[News], None]
    ) -> LoadedVersion:
        """Load a version into this process, and tell how far that is."""
        verified = self.repository.verify(self.model_id, version)
        manifest, size_bytes = verified.manifest, verified.copy.size_bytes
        on_news(News(VersionState.LOADING, verified.digest, size_bytes))
        session = Session(verified, self.settings)
        del verified  # and its memory
        on_news(News(VersionState.WARMING, placement=session.placement))
        guard = Guard(manifest)
        return LoadedVersion(manifest, session, guard, recorder, session.warm_up(guard))

    def load_in_worker(
        self,
        version: str,
        recorder: Recorder,
        on_news: Callable[[WorkerSupervisor, News], None],
        on_verdicts: Listener,
    ) -> LoadedVersion:
        """Start a worker for a version; `on_news` goes on to be told when it dies."""
        manifest = self.repository.manifest(self.model_id, version)
        memory_bytes = self.budget.left_for(version)
        job = Job(
            self.repository.root,
            manifest,
            self.settings,
            self.idle,
            memory_bytes,
            self.growth_bytes,
        )
        incubator = WorkerSupervisor(job, lambda news: on_news(incubator, news), on_verdicts)
        try:
            typical_ms = incubator.open()
        except RepositoryRefusedError as error:
            self.repository.verify(self.model_id, version)  # raises what the worker met
            raise LoadFailedError(version, str(error)) from error
        return LoadedVersion(manifest, incubator, Guard(manifest), recorder, typical_ms)

    def load_again_here(self, resident: LoadedVersion) -> tuple[Session, float]:
        """Load a version of a worker into this process too; returns its typical time in ms."""
        self.reserve(resident.version, True, False)
        verified = self.repository.verify(self.model_id, resident.version)
        session = Session(verified, self.settings)
        del verified
        return session, session.warm_up(resident.guard)
