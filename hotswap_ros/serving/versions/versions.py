# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The versions on this robot: brings them to READY, hands them out, releases them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, wait
from dataclasses import replace
from functools import partial

from hotswap_ros.bounded_calls import BoundedCalls
from hotswap_ros.limits import SENTENCE_CHARACTERS
from hotswap_ros.models import (
    DigestMismatchError,
    IncompleteVersionError,
    InvalidManifestError,
    Manifest,
    ModelError,
    ModelRepository,
    VersionState,
)
from hotswap_ros.serving.errors import InUseError, NoRoomError, NotLoadedError, NotReadyError
from hotswap_ros.serving.recorder import Recorder
from hotswap_ros.serving.settings import EngineSettings, Isolation
from hotswap_ros.serving.versions.loaded_version import LoadedVersion, VersionInfo, VersionSession
from hotswap_ros.serving.versions.loading import Loader, MemoryBudget, OpenSession
from hotswap_ros.serving.versions.relocation import Mover
from hotswap_ros.serving.worker.job import Observations
from hotswap_ros.serving.worker.shadow_ring import Verdict
from hotswap_ros.serving.worker.supervisor import News, WorkerSupervisor
from hotswap_ros.text import plain

_log = logging.getLogger(__name__)

#: A repository or cache that does not answer within these seconds hangs.
_LIST_S = 5.0
_DELETE_S = 15.0

#: Longest wait in seconds for the end of a worker that was killed.
_CANCEL_S = 5.0


class Versions:
    """
    Loads and releases versions of one model. Threads may share it.

    Loading happens outside the lock, so that lookups never wait for it. The callbacks are called
    outside the lock too, and must not raise: `on_change` after every change of a state, `on_lost`
    for a version whose worker died too often, `on_verdicts` for the results of shadows.
    `also_keep` returns the versions whose cached files must stay, `recent` the observations that a
    version is tried on, `stable` the manifest of the stable version in force, and `provided` the
    forms of what the robot gives.
    """

    def __init__(
        self,
        repository: ModelRepository,
        model_id: str,
        settings: EngineSettings,
        open_session: OpenSession,
        *,
        recorder_of: Callable[[str], Recorder],
        on_change: Callable[[], None],
        on_lost: Callable[[LoadedVersion], None],
        on_verdicts: Callable[[Recorder, list[Verdict]], None],
        also_keep: Callable[[], Collection[str]],
        recent: Callable[[], Observations],
        stable: Callable[[], Manifest | None],
        provided: Callable[[], Mapping[str, str] | None],
    ) -> None:
        self._model_id = model_id
        self._repository = repository
        self._limit = settings.resident_limit
        self._budget = MemoryBudget(settings.memory_budget_bytes)
        self._loader = Loader(
            repository, model_id, settings, self._budget, open_session, recent, stable, provided
        )
        self._recorder_of = recorder_of
        self._on_change = on_change
        self._on_lost = on_lost
        self._on_verdicts = on_verdicts
        self._also_keep = also_keep
        self._is_closed = False
        self._calls = BoundedCalls()
        self._isolation = settings.isolation
        self._lock = threading.Lock()
        self._infos: dict[str, VersionInfo] = {}
        self._loaded: dict[str, LoadedVersion] = {}
        self._loading: dict[str, Future[VersionInfo]] = {}
        self._mover = Mover(
            self._lock,
            self._loaded,
            self._loader,
            self._load_in_worker,
            self._note_move,
            on_change,
        )

    def load(self, version: str) -> VersionInfo:
        """Bring a version to READY, or wait for the thread that is doing so already."""
        lost = None
        is_cached = self._repository.has(self._model_id, version)
        try:
            with self._lock:
                if version in self._loaded:
                    if self._infos[version].state is not VersionState.FAILED:
                        return self._infos[version]
                    lost = self._loaded.pop(version)
                outcome = self._loading.get(version)
                is_ours = outcome is None
                if outcome is None:
                    in_process = lost is None and self._is_next_in_process()
                    outcome = self._take_place(version, is_cached)
        except NoRoomError:
            self._repository.manifest(self._model_id, version)  # room is no help if this raises
            raise
        if lost is not None:
            lost.session.close()
        if is_ours:
            self._on_change()
            self._fill_place(version, outcome, in_process)
        return outcome.result()

    def _is_next_in_process(self) -> bool:
        """Return whether the next version is loaded into this process."""
        is_first = not self._loaded and not self._loading
        return is_first or self._isolation is Isolation.IN_PROCESS

    def ready(self, version: str) -> LoadedVersion:
        """Return a version that is loaded and warm. Raises NotReadyError."""
        with self._lock:
            info = self._infos.get(version, VersionInfo(version, VersionState.ABSENT))
            loaded = self._loaded.get(version)
            # One that drains is as warm as ever: named again, it is not unloaded.
            if loaded is None or info.state not in (VersionState.READY, VersionState.DRAINING):
                raise NotReadyError(version, info.state, info.reason)
            return loaded

    def cancel(self, version: str) -> None:
        """End the load of a version in a worker, if there is one, and wait until it has ended."""
        with self._lock:
            outcome = self._loading.get(version)
        if outcome is not None and self._loader.cancel(version):
            wait([outcome], _CANCEL_S)

    def release(self, version: str) -> LoadedVersion | None:
        """
        Take a version out; one that was released before is a success.

        Returns what was loaded: its memory comes back when the caller closes its session and lets
        go of it.
        """
        with self._lock:
            info = self._infos.get(version)
            if info is None:
                raise NotLoadedError(version, sorted(self._loaded))
            if version in self._loading:
                raise InUseError(version, 'it is being loaded', 'wait until that is done')
            self._infos[version] = replace(info, state=VersionState.RELEASED, reason='')
            self._budget.free(version)
            return self._loaded.pop(version, None)

    def delete(self, version: str) -> bool:
        """
        Delete a version's files where they are this robot's own; returns whether they were.

        Raises OSError.
        """
        delete = partial(self._repository.delete, self._model_id, version)
        return self._calls.call(f'deleting {version}', delete, _DELETE_S)

    def discard(self, version: str) -> None:
        """Release a version that nothing names, with its memory."""
        released = self.release(version)
        if released is not None:
            released.session.close()

    def loaded(self) -> tuple[str, ...]:
        """Return the versions that are loaded, by name."""
        with self._lock:
            return tuple(sorted(self._loaded))

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
        """Return those of the repository too. Reads the disk. Raises OSError."""
        return self._calls.call('reading the model repository', self._read_known, _LIST_S)

    def _read_known(self) -> tuple[VersionInfo, ...]:
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

    def _take_place(self, version: str, is_cached: bool) -> Future[VersionInfo]:
        taken = sorted({*self._loaded, *self._loading})
        if len(taken) >= self._limit:
            raise NoRoomError(version, taken, self._limit)
        state = VersionState.VERIFYING if is_cached else VersionState.FETCHING
        self._infos[version] = VersionInfo(version, state)
        outcome = self._loading[version] = Future()
        return outcome

    def _fill_place(self, version: str, outcome: Future[VersionInfo], in_process: bool) -> None:
        try:
            loaded = self._bring_up(version, in_process)
        except BaseException as error:
            # Whatever it was: a version that stayed in LOADING would keep its place forever.
            self._budget.free(version)
            reason = plain(str(error), SENTENCE_CHARACTERS) or type(error).__name__
            self._end_loading(version, reason=reason)
            outcome.set_exception(error)
        else:
            info = self._end_loading(version, loaded)
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
        except (DigestMismatchError, IncompleteVersionError, InvalidManifestError):
            if self._repository.has(self._model_id, version):
                raise
        # A copy in the cache that was damaged is gone from there: the source has a better one.
        self._fetch(version)
        return load(version)

    def _fetch(self, version: str) -> None:
        if self._repository.has(self._model_id, version):
            return
        with self._lock:
            keep = {*self._loaded, *self._loading}
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
            lambda supervisor, news: self._hear(version, supervisor, news),
            lambda verdicts: self._on_verdicts(recorder, verdicts),
        )

    def _hear(self, version: str, supervisor: WorkerSupervisor, news: News) -> None:
        """Note the news of a supervisor: the progress of a load, or that its worker died."""
        with self._lock:
            loaded = self._loaded.get(version)
            if version not in self._loading and (
                loaded is None or loaded.session is not supervisor
            ):
                return  # released or promoted meanwhile
            self._learn(version, news)
        if loaded is not None and news.state is VersionState.FAILED:
            self._on_lost(loaded)
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

    def settle(self, loaded: LoadedVersion, is_stable: Callable[[], bool]) -> None:
        """
        Move a version that the routing names to where it belongs, in a thread of its own.

        That is this process for stable, and a worker for any other version if the isolation is
        WORKER. The version answers during the move, and goes on where it is when the move fails.
        """
        if self._isolation is Isolation.WORKER:
            self._mover.settle(loaded, is_stable)

    def move_problem(self, version: str) -> str:
        """Return why a version could not be moved to where it belongs, empty when it could."""
        return self._mover.problem(version)

    def _note_move(self, loaded: LoadedVersion) -> None:
        session = loaded.session
        # The worker that it left may have been restarting, or given up.
        self._infos[loaded.version] = replace(
            self._infos[loaded.version],
            state=VersionState.READY,
            reason='',
            placement=session.placement,
            warm_latency_ms=session.warm_latency_ms,
        )

    def workers(self) -> dict[str, int]:
        """Return the process ids of the workers, by version; 0 for one that is being restarted."""
        return {version: session.pid for version, session in self._worker_sessions().items()}

    def stuck(self) -> str:
        """Return the version whose run in this process hangs and cannot be ended; empty: none."""
        with self._lock:
            sessions = {name: self._loaded[name].session for name in sorted(self._loaded)}
        return next((name for name, session in sessions.items() if session.is_stuck), '')

    def check_growth(self) -> None:
        """End the workers whose memory has grown too much; their versions have FAILED."""
        for session in self._worker_sessions().values():
            session.check_growth()

    def _worker_sessions(self) -> dict[str, VersionSession]:
        with self._lock:
            sessions = {name: self._loaded[name].session for name in sorted(self._loaded)}
        return {name: session for name, session in sessions.items() if session.runs_in_worker}

    def close(self) -> None:
        """End every worker and wait for moves under way; nothing is ready afterwards."""
        with self._lock:
            self._is_closed = True
            released = list(self._loaded.values())
            self._loaded.clear()
            for loaded in released:
                self._infos[loaded.version] = replace(
                    self._infos[loaded.version], state=VersionState.RELEASED, reason=''
                )
        self._mover.join()
        for loaded in released:
            loaded.session.close()

    def _end_loading(
        self, version: str, loaded: LoadedVersion | None = None, reason: str = ''
    ) -> VersionInfo:
        with self._lock:
            del self._loading[version]
            info = replace(self._infos[version], state=VersionState.FAILED, reason=reason)
            if loaded is not None:
                state = VersionState.RELEASED if self._is_closed else VersionState.READY
                warm_latency_ms = loaded.session.warm_latency_ms
                info = replace(info, state=state, warm_latency_ms=warm_latency_ms)
            if loaded is not None and not self._is_closed:
                self._loaded[version] = loaded
            self._infos[version] = info
        if loaded is not None and info.state is VersionState.RELEASED:
            loaded.session.close()
        return info
