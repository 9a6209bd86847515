# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A version that is loaded and warm, with everything that one request to it needs."""

from __future__ import annotations

from time import perf_counter
from typing import Any, NamedTuple

from numpy.typing import NDArray

from hotswap_ros.models import Manifest
from hotswap_ros.serving._guard import Cause, Guard
from hotswap_ros.serving._observation import ObservationCheck
from hotswap_ros.serving._recorder import Recorder
from hotswap_ros.serving._session import Session


class Answer(NamedTuple):
    """Outputs that keep the manifest's promises."""

    outputs: dict[str, NDArray[Any]]
    latency_ms: float


class Failure(NamedTuple):
    """
    A run that broke a promise; `detail` is what the runtime said, if it raised.

    `outputs` are there when all that is wrong with them is that they are late.
    """

    cause: Cause
    latency_ms: float
    detail: str = ''
    outputs: dict[str, NDArray[Any]] | None = None


class Resident:
    """One loaded version. Threads may share it; its recorder is the engine's to lock."""

    __slots__ = ('guard', 'manifest', 'observation', 'recorder', 'session', 'version')

    def __init__(
        self, manifest: Manifest, session: Session, guard: Guard, recorder: Recorder
    ) -> None:
        self.version = manifest.version
        self.manifest = manifest
        self.observation = ObservationCheck(manifest)
        self.session = session
        self.guard = guard
        self.recorder = recorder

    def attempt(self, inputs: dict[str, NDArray[Any]]) -> Answer | Failure:
        """Run the version and let the guard judge. Never raises for what the version does."""
        started = perf_counter()
        try:
            outputs = self.session.run(inputs)
        except Exception as error:
            return Failure(Cause.EXCEPTION, _ms_since(started), str(error))
        latency_ms = _ms_since(started)
        cause = self.guard.check(outputs, latency_ms)
        if cause is None:
            return Answer(outputs, latency_ms)
        late = outputs if cause is Cause.DEADLINE else None
        return Failure(cause, latency_ms, outputs=late)


def _ms_since(started: float) -> float:
    return (perf_counter() - started) * 1e3
