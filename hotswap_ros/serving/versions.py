# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The versions on this robot: brings them to READY, hands them out, releases them."""

from __future__ import annotations

import enum
import logging
import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass, replace

from hotswap_ros.models import (
    DigestMismatchError,
    InvalidManifestError,
    ModelError,
    ModelRepository,
    VersionState,
)
from hotswap_ros.serving.errors import InUseError, NoRoomError, NotLoadedError, NotReadyError
from hotswap_ros.serving.loaded_version import LoadedVersion
from hotswap_ros.serving.loading import Loader
from hotswap_ros.serving.memory import MemoryBudget
from hotswap_ros.serving.onnx.runtime import NOWHERE, Placement, RuntimeSettings
from hotswap_ros.serving.onnx.session import Session
from hotswap_ros.serving.recorder import Recorder
from hotswap_ros.serving.relocation import Mover
from hotswap_ros.serving.worker.shadow_ring import Verdict
from hotswap_ros.serving.worker.supervisor import News, WorkerSupervisor

_log = logging.getLogger(__name__)


class Isolation(str, enum.Enum):
    """
    Where versions run.

    INCUBATOR: each in a worker process until it is stable. The first one is loaded into this
    process at once: there is nothing yet that it could disturb.
    """

    IN_PROCESS = 'in_process'
    INCUBATOR = 'incubator'


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """
    One version on this robot. `digest` is empty until verified, `size_bytes` 0 until known.

    `placement` names the execution providers that it runs on, and what became of others.
    `warm_latency_ms` is the 95th percentile of its warm-up; None until it is warm. A worker warms
    up in the lowest scheduling class: on a busy computer that takes longer than when it serves.
    """

    version: str
    state: VersionState
    digest: str = ''
    reason: str = ''
    size_bytes: int = 0
    placement: Placement = NOWHERE
    warm_latency_ms: float | None = None


class Versions:
    """
    Loads and releases versions of one model. Threads may share it.

    Loading happens outside the lock, so that lookups never wait for it. `on_change` is called
    outside the lock too, after every change of a state, and `on_lost` for a version whose worker
    died too often, `on_verdicts` for what shadows found; they must not raise. `idle`:
    workers load and shadow in the lowest scheduling class.
    """

    def __init__(
        self,
        model_id: str,
        repository: ModelRepository,
        *,
        limit: int,
        memory_budget_bytes: int | None = None,
        settings: RuntimeSettings,
        recorder_of: Callable[[str], Recorder],
        on_change: Callable[[], None],
        on_lost: Callable[[LoadedVersion], None],
        on_verdicts: Callable[[Recorder, list[Verdict]], None],
        also_keep: Callable[[], Collection[str]],
        isolation: Isolation = Isolation.IN_PROCESS,
        idle: bool = True,
        worker_growth_bytes: int = 0,
    ) -> None:
        self._model_id = model_id
        self._repository = repository
        self._limit = limit
        self._budget = MemoryBudget(memory_budget_bytes)
        self._loader = Loader(
            repository, model_id, settings, self._budget, idle, worker_growth_bytes
        )
        self._recorder_of = recorder_of
        self._on_change = on_change
        self._on_lost = on_lost
        self._on_verdicts = on_verdicts
        self._also_keep = also_keep
        self._is_closed = False
        self._isolation = isolation
        self._lock = threading.Lock()
        self._infos: dict[str, VersionInfo] = {}
        self._residents: dict[str, LoadedVersion] = {}
        self._loading: dict[str, Future[VersionInfo]] = {}
        self._mover = Mover(
            self._lock,
            self._residents,
            self._loader,
            self._load_in_worker,
            self._take_note_of_move,
            on_change,
        )

    def load(self, version: str) -> VersionInfo:
        """Bring a version to READY, or wait for the thread that is doing so already."""
        lost = None
        is_here = self._repository.has(self._model_id, version)
        try:
            with self._lock:
                if version in self._residents:
                    if self._infos[version].state is not VersionState.FAILED:
                        return self._infos[version]
                    lost = self._residents.pop(version)
                outcome = self._loading.get(version)
                is_ours = outcome is None
                if outcome is None:
                    in_process = lost is None and self._is_at_home()
                    outcome = self._take_place(version, is_here)
        except NoRoomError:
            self._repository.manifest(self._model_id, version)  # room is no help if this raises
            raise
        if lost is not None:
            lost.session.close()
        if is_ours:
            self._on_change()
            self._fill_place(version, outcome, in_process)
        return outcome.result()

    def _is_at_home(self) -> bool:
        """Return whether the next version is loaded into this process."""
        is_first = not self._residents and not self._loading
        return is_first or self._isolation is Isolation.IN_PROCESS

    def ready(self, version: str) -> LoadedVersion:
        """Return a version that is loaded and warm. Raises NotReadyError."""
        with self._lock:
            info = self._infos.get(version, VersionInfo(version, VersionState.ABSENT))
            resident = self._residents.get(version)
            # One that drains is as warm as ever: named again, it is not unloaded.
            if resident is None or info.state not in (VersionState.READY, VersionState.DRAINING):
                raise NotReadyError(version, info.state, info.reason)
            return resident

    def release(self, version: str) -> LoadedVersion | None:
        """
        Take a version out; one that was released before is a success.

        Returns what was loaded: its memory comes back when the caller closes its session and lets
        go of it.
        """
        with self._lock:
            info = self._infos.get(version)
            if info is None:
                raise NotLoadedError(version, sorted(self._residents))
            if version in self._loading:
                raise InUseError(version, 'it is being loaded', 'wait until that is done')
            self._infos[version] = replace(info, state=VersionState.RELEASED, reason='')
            self._budget.free(version)
            return self._residents.pop(version, None)

    def delete(self, version: str) -> bool:
        """Delete a version's files where they are this robot's own; returns whether they were."""
        return self._repository.delete(self._model_id, version)

    def discard(self, version: str) -> None:
        """Release a version that nothing names, with its memory."""
        released = self.release(version)
        if released is not None:
            released.session.close()

    def digests(self) -> dict[str, str]:
        """Return the digests of the versions that were verified since the start."""
        return {info.version: info.digest for info in self.infos() if info.digest}

    def begin_draining(self, version: str) -> bool:
        """Show that a version waits for its last tasks; returns whether it is READY now."""
        with self._lock:
            info = self._infos.get(version)
            if info is None or info.state is not VersionState.READY:
                return False
            self._infos[version] = replace(info, state=VersionState.DRAINING)
            return True

    def end_draining(self, version: str) -> None:
        """Show that a version waits no longer."""
        with self._lock:
            info = self._infos[version]
            if info.state is VersionState.DRAINING:
                self._infos[version] = replace(info, state=VersionState.READY)

    def infos(self) -> tuple[VersionInfo, ...]:
        """Return every version that was asked for since the start, by name."""
        with self._lock:
            return tuple(self._infos[version] for version in sorted(self._infos))

    def known(self) -> tuple[VersionInfo, ...]:
        """Return those of the repository too. Reads the disk."""
        infos = {info.version: info for info in self.infos()}
        for version in self._repository.versions(self._model_id):
            if version not in infos:
                infos[version] = self._stored(version)
        return tuple(infos[version] for version in sorted(infos))

    def _stored(self, version: str) -> VersionInfo:
        try:
            manifest = self._repository.manifest(self._model_id, version)
        except ModelError as error:
            return VersionInfo(version, VersionState.FAILED, reason=str(error))
        return VersionInfo(version, VersionState.ABSENT, size_bytes=manifest.size_bytes)

    def _take_place(self, version: str, is_here: bool) -> Future[VersionInfo]:
        taken = sorted({*self._residents, *self._loading})
        if len(taken) >= self._limit:
            raise NoRoomError(version, taken, self._limit)
        state = VersionState.VERIFYING if is_here else VersionState.FETCHING
        self._infos[version] = VersionInfo(version, state)
        outcome = self._loading[version] = Future()
        return outcome

    def _fill_place(self, version: str, outcome: Future[VersionInfo], in_process: bool) -> None:
        try:
            resident = self._bring_up(version, in_process)
        except BaseException as error:
            # Whatever it was: a version that stayed in LOADING would keep its place for ever.
            self._budget.free(version)
            self._end_loading(version, reason=str(error) or type(error).__name__)
            outcome.set_exception(error)
        else:
            info = self._end_loading(version, resident)
            if info.placement.note:
                _log.warning('version %s: %s', version, info.placement.note)
            outcome.set_result(info)
        self._on_change()

    def _bring_up(self, version: str, in_process: bool) -> LoadedVersion:
        load = self._load_here if in_process else self._load_in_worker
        self._loader.reserve(version, not in_process)
        self._fetch(version)
        try:
            return load(version)
        except (DigestMismatchError, InvalidManifestError):
            if self._repository.has(self._model_id, version):
                raise
        # A copy in the cache that was damaged is gone from there: the source has a better one.
        self._fetch(version)
        return load(version)

    def _fetch(self, version: str) -> None:
        if self._repository.has(self._model_id, version):
            return
        with self._lock:
            keep = {*self._residents, *self._loading}
        self._repository.fetch(self._model_id, version, keep.union(self._also_keep()))
        self._note(version, News(VersionState.VERIFYING))

    def _load_here(self, version: str) -> LoadedVersion:
        return self._loader.load_here(
            version, self._recorder_of(version), lambda news: self._note(version, news)
        )

    def _note(self, version: str, news: News) -> None:
        with self._lock:
            self._learn(version, news)
        self._on_change()

    def _load_in_worker(self, version: str) -> LoadedVersion:
        recorder = self._recorder_of(version)
        return self._loader.load_in_worker(
            version,
            recorder,
            lambda incubator, news: self._hear(version, incubator, news),
            lambda verdicts: self._on_verdicts(recorder, verdicts),
        )

    def _hear(self, version: str, incubator: WorkerSupervisor, news: News) -> None:
        """Take note of what a worker's nurse tells: while it loads, and when its worker died."""
        with self._lock:
            resident = self._residents.get(version)
            if version not in self._loading and (
                resident is None or resident.session is not incubator
            ):
                return  # released or promoted meanwhile
            self._learn(version, news)
        if resident is not None and news.state is VersionState.FAILED:
            self._on_lost(resident)
        self._on_change()

    def _learn(self, version: str, news: News) -> None:
        info = self._infos[version]
        self._infos[version] = replace(
            info,
            state=news.state,
            digest=news.digest or info.digest,
            size_bytes=news.size_bytes or info.size_bytes,
            reason=news.reason,
            placement=news.placement if news.placement.providers else info.placement,
        )

    def settle(self, resident: LoadedVersion, is_stable: Callable[[], bool]) -> None:
        """
        Bring a version that the routing names to where it belongs, in a thread of its own.

        That is this process for stable, a worker for any other, if the isolation is INCUBATOR.
        Where it is, it answers until that is done, and goes on when it fails.
        """
        if self._isolation is Isolation.INCUBATOR:
            self._mover.settle(resident, is_stable)

    def move_problem(self, version: str) -> str:
        """Return why a version could not be brought to where it belongs, empty when it could."""
        return self._mover.problem(version)

    def _take_note_of_move(self, resident: LoadedVersion) -> None:
        session = resident.session
        info = self._infos[resident.version]
        # A worker that it left may have been on the way back up, or given up.
        self._infos[resident.version] = replace(
            info,
            state=VersionState.READY,
            reason='',
            placement=session.placement if isinstance(session, Session) else info.placement,
            warm_latency_ms=session.warm_latency_ms,
        )

    def workers(self) -> dict[str, int]:
        """Return the process ids of the workers, by version; 0 for one that is being restarted."""
        return {version: one.pid for version, one in self._incubators().items()}

    def check_growth(self) -> None:
        """Give up versions whose workers have grown by more memory than they may."""
        for incubator in self._incubators().values():
            incubator.check_growth()

    def _incubators(self) -> dict[str, WorkerSupervisor]:
        with self._lock:
            residents = dict(self._residents)
        return {
            version: resident.session
            for version, resident in sorted(residents.items())
            if isinstance(resident.session, WorkerSupervisor)
        }

    def close(self) -> None:
        """End every worker and wait for moves under way; nothing is ready afterwards."""
        with self._lock:
            self._is_closed = True
            residents = list(self._residents.values())
            self._residents.clear()
            for resident in residents:
                self._infos[resident.version] = replace(
                    self._infos[resident.version], state=VersionState.RELEASED, reason=''
                )
        self._mover.join()
        for resident in residents:
            resident.session.close()

    # --- States -------------------------------------------------------------------------------

    def _end_loading(
        self, version: str, resident: LoadedVersion | None = None, reason: str = ''
    ) -> VersionInfo:
        with self._lock:
            del self._loading[version]
            is_late = self._is_closed and resident is not None
            if resident is not None and not is_late:
                self._residents[version] = resident
            state = VersionState.FAILED if resident is None else VersionState.READY
            state = VersionState.RELEASED if is_late else state
            info = replace(self._infos[version], state=state, reason=reason)
            if resident is not None:
                info = replace(info, warm_latency_ms=resident.session.warm_latency_ms)
            self._infos[version] = info
        if resident is not None and is_late:
            resident.session.close()
        return info
