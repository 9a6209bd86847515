# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The versions on this robot: brings them to READY, hands them out, releases them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

from hotswap_ros.models import ModelError, ModelRepository, VersionState
from hotswap_ros.serving._errors import InUseError, NoRoomError, NotLoadedError, NotReadyError
from hotswap_ros.serving._guard import Guard
from hotswap_ros.serving._recorder import Recorder
from hotswap_ros.serving._resident import Resident
from hotswap_ros.serving._session import Session


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """One version on this robot. `digest` is empty until verified, `size_bytes` 0 until known."""

    version: str
    state: VersionState
    digest: str = ''
    reason: str = ''
    size_bytes: int = 0


class Versions:
    """
    Loads and releases versions of one model. Threads may share it.

    Loading happens outside the lock, so that lookups never wait for it. `on_change` is called
    outside the lock too, after every change of a state; it must not raise.
    """

    def __init__(
        self,
        model_id: str,
        repository: ModelRepository,
        *,
        limit: int,
        providers: Sequence[str],
        recorder_of: Callable[[str], Recorder],
        on_change: Callable[[], None],
    ) -> None:
        self._model_id = model_id
        self._repository = repository
        self._limit = limit
        self._providers = tuple(providers)
        self._recorder_of = recorder_of
        self._on_change = on_change
        self._lock = threading.Lock()
        self._infos: dict[str, VersionInfo] = {}
        self._residents: dict[str, Resident] = {}
        self._loading: dict[str, Future[VersionInfo]] = {}

    def load(self, version: str) -> VersionInfo:
        """Bring a version to READY, or wait for the thread that is doing so already."""
        with self._lock:
            if version in self._residents:
                return self._infos[version]
            outcome = self._loading.get(version)
            is_ours = outcome is None
            if outcome is None:
                outcome = self._take_place(version)
        if is_ours:
            self._on_change()
            self._fill_place(version, outcome)
        return outcome.result()

    def ready(self, version: str) -> Resident:
        """Return a version that is loaded and warm. Raises NotReadyError."""
        with self._lock:
            resident = self._residents.get(version)
            if resident is None:
                absent = VersionInfo(version, VersionState.ABSENT)
                info = self._infos.get(version, absent)
                raise NotReadyError(version, info.state, info.reason)
            return resident

    def release(self, version: str) -> Resident | None:
        """
        Take a version out; one that was released before is a success.

        Returns what was loaded: its memory comes back when the caller lets go of it.
        """
        with self._lock:
            info = self._infos.get(version)
            if info is None:
                raise NotLoadedError(version, sorted(self._residents))
            if version in self._loading:
                raise InUseError(version, 'it is being loaded', 'wait until that is done')
            self._infos[version] = replace(info, state=VersionState.RELEASED, reason='')
            return self._residents.pop(version, None)

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

    def _take_place(self, version: str) -> Future[VersionInfo]:
        taken = sorted({*self._residents, *self._loading})
        if len(taken) >= self._limit:
            raise NoRoomError(version, taken, self._limit)
        self._infos[version] = VersionInfo(version, VersionState.VERIFYING)
        outcome = self._loading[version] = Future()
        return outcome

    def _fill_place(self, version: str, outcome: Future[VersionInfo]) -> None:
        try:
            resident = self._bring_up(version)
        except BaseException as error:
            # Whatever it was: a version that stayed in LOADING would keep its place for ever.
            self._end_loading(version, reason=str(error) or type(error).__name__)
            outcome.set_exception(error)
        else:
            outcome.set_result(self._end_loading(version, resident))
        self._on_change()

    def _bring_up(self, version: str) -> Resident:
        verified = self._repository.verify(self._model_id, version)
        manifest = verified.manifest
        self._progress(
            VersionInfo(
                version,
                VersionState.LOADING,
                digest=verified.digest,
                size_bytes=len(verified.content),
            )
        )
        session = Session(verified.content, manifest, providers=self._providers)
        self._progress(replace(self._infos[version], state=VersionState.WARMING))
        guard = Guard(manifest)
        session.warm_up(guard)
        return Resident(manifest, session, guard, self._recorder_of(version))

    def _progress(self, info: VersionInfo) -> None:
        with self._lock:
            self._infos[info.version] = info
        self._on_change()

    def _end_loading(
        self, version: str, resident: Resident | None = None, reason: str = ''
    ) -> VersionInfo:
        with self._lock:
            del self._loading[version]
            if resident is not None:
                self._residents[version] = resident
            state = VersionState.FAILED if resident is None else VersionState.READY
            info = replace(self._infos[version], state=state, reason=reason)
            self._infos[version] = info
            return info
