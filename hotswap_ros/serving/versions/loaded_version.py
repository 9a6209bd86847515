# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One version on this robot: its state, and what one request to a loaded version needs."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.models import FailureCause, Manifest, VersionState
from hotswap_ros.serving.checks import Guard, ObservationCheck
from hotswap_ros.serving.errors import ObservationError, RunFailedError, SessionClosedError
from hotswap_ros.serving.onnx.runtime import NOWHERE, Placement
from hotswap_ros.serving.recorder import Recorder
from hotswap_ros.serving.task_memory import MemoryForm, TaskMemory
from hotswap_ros.serving.worker.shadow_ring import Primary

#: How long a worker may take for a version whose manifest sets no deadline: at least so long, and
#: as many times as long as when it was warmed.
_LEAST_DEADLINE_MS = 1000.0
_DEADLINE_PER_WARM_LATENCY = 3.0


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """
    One version on this robot. `digest` is empty until verified, `size_bytes` 0 until known.

    `placement` names the execution providers that it runs on, and notes on others.
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


class Answer(NamedTuple):
    """
    Outputs that keep the manifest's promises.

    `latency_ms` is without `waited_ms`, the time that a worker waited for a processor.
    """

    outputs: dict[str, NDArray[Any]]
    latency_ms: float
    waited_ms: float = 0.0


class Failure(NamedTuple):
    """
    A run that broke a promise; `detail` is the error message of the runtime, if it raised.

    `outputs` are there when all that is wrong with them is that they are late. Times are as in
    Answer. `is_hang`: the run had to be ended in this process.
    """

    cause: FailureCause
    latency_ms: float
    detail: str = ''
    outputs: dict[str, NDArray[Any]] | None = None
    waited_ms: float = 0.0
    is_hang: bool = False


class VersionSession(Protocol):
    """
    A session of one version, in this process or in a worker.

    `typical_ms` is how long a run takes when nothing disturbs it, and `warm_latency_ms` the 95th
    percentile of the warm-up.
    """

    runs_in_worker: bool
    placement: Placement
    typical_ms: float
    warm_latency_ms: float

    @property
    def pid(self) -> int:
        """Return the id of the process that the version runs in, 0 while there is none."""

    @property
    def is_stuck(self) -> bool:
        """Return whether a run in this process hangs, and cannot be ended."""

    def run(
        self, inputs: dict[str, NDArray[Any]], patience_s: float
    ) -> tuple[dict[str, NDArray[Any]], float]:
        """
        Return outputs of the caller's own, by name, and how long they waited for a processor.

        The wait is in ms, and only that for another process: 0.0 for a version in this one. Raises
        for whatever prevents an answer.
        """

    def offer(
        self, inputs: dict[str, NDArray[Any]], outputs: dict[str, NDArray[Any]], primary: Primary
    ) -> bool:
        """Let a version in a worker shadow a decision; returns at once, and whether it will."""

    def check_growth(self) -> None:
        """End the worker, if there is one, when its memory has grown too much."""

    def close(self) -> None:
        """Free the resources, once no run is under way."""


class LoadedVersion:
    """
    One loaded version. Threads may share it; the engine's lock guards its recorder.

    `session` may be replaced at any time by another one of the same version: a request goes on
    with the one that it began with.
    """

    __slots__ = (
        '_patience_s',
        'chunk',
        'deadline_ms',
        'guard',
        'limits_rates',
        'manifest',
        'memory_form',
        'observation',
        'recorder',
        'remembers',
        'safe_outputs',
        'session',
        'version',
        'watches_inputs',
    )

    def __init__(
        self,
        manifest: Manifest,
        session: VersionSession,
        guard: Guard,
        recorder: Recorder,
    ) -> None:
        self.version = manifest.version
        self.manifest = manifest
        self.chunk = manifest.chunk
        self.memory_form = MemoryForm(manifest)
        self.remembers = self.memory_form.is_needed
        self.observation = ObservationCheck(manifest)
        self.session = session
        self.guard = guard
        self.limits_rates = guard.limits_rates
        self.recorder = recorder
        self.watches_inputs = bool(manifest.input_statistics)
        recorder.watch_inputs(manifest.input_statistics)
        self.safe_outputs = safe_outputs_of(manifest)
        self.deadline_ms = manifest.deadline_ms or _default_deadline_ms(session.warm_latency_ms)
        self._patience_s = self.deadline_ms / 1e3

    def lacks(self, inputs: dict[str, NDArray[Any]], checked: LoadedVersion) -> Failure | None:
        """
        Return the failure on inputs that are not as the manifest says, None: they are.

        Inputs that another version has checked are not checked again if it takes the same.
        """
        if self.observation.forms == checked.observation.forms:
            return None
        try:
            self.observation.check(inputs)
        except ObservationError as error:
            return Failure(FailureCause.EXCEPTION, 0.0, str(error))
        return None

    def attempt(
        self,
        inputs: dict[str, NDArray[Any]],
        reserve_ms: float = 0.0,
        previous: dict[str, NDArray[Any]] | None = None,
        memory: TaskMemory | None = None,
    ) -> Answer | Failure:
        """
        Run the version and let the guard judge. Never raises for what the version does.

        A worker gets until `reserve_ms` before the deadline, and at least half of the time: the
        rest is for another version that answers in its place. `previous` is the decision that rate
        limits compare this one with, and `memory` that of the task, for a version that remembers.
        Waiting of a worker for a processor does not make an answer
        late: it is there now, and another version would only answer later.
        """
        started = perf_counter()
        if memory is not None:
            inputs = memory.inputs_for(inputs)
        patience_s = self._patience_s
        if reserve_ms:
            patience_s = max(patience_s / 2, patience_s - reserve_ms / 1e3)
        try:
            try:
                outputs, waited_ms = self.session.run(inputs, patience_s)
            except SessionClosedError:  # it was replaced a moment ago
                outputs, waited_ms = self.session.run(inputs, patience_s)
        except RunFailedError as error:
            waited_ms = error.waited_ms
            latency_ms = max(0.0, _ms_since(started) - waited_ms)
            is_hang = error.is_hang
            return Failure(error.cause, latency_ms, error.detail, None, waited_ms, is_hang)
        except Exception as error:
            return Failure(FailureCause.EXCEPTION, _ms_since(started), str(error))
        latency_ms = (perf_counter() - started) * 1e3 - waited_ms
        cause = self.guard.check(outputs, latency_ms)
        if previous is not None and cause in (None, FailureCause.DEADLINE):
            cause = self.guard.check_rate(outputs, previous) or cause
        if memory is not None and cause in (None, FailureCause.DEADLINE):
            memory.keep(outputs)
        if cause is None:
            return Answer(outputs, latency_ms, waited_ms)
        late = outputs if cause is FailureCause.DEADLINE else None
        return Failure(cause, latency_ms, outputs=late, waited_ms=waited_ms)


def _default_deadline_ms(warm_latency_ms: float) -> float:
    # In this order: the least one for a latency that is not known, which is NaN.
    return max(_LEAST_DEADLINE_MS, _DEADLINE_PER_WARM_LATENCY * warm_latency_ms)


def safe_outputs_of(manifest: Manifest) -> dict[str, NDArray[Any]] | None:
    """Return the outputs that a manifest declares safe, None when it declares none."""
    if manifest.safe_decision is None:
        return None
    return {
        spec.name: np.broadcast_to(
            np.asarray(manifest.safe_decision[spec.name], spec.dtype.value), spec.shape
        ).copy()
        for spec in manifest.decisions
    }


def _ms_since(started: float) -> float:
    return (perf_counter() - started) * 1e3
