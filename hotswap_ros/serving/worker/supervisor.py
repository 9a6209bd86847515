# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The supervisor of a worker: a process for one version that is not yet trusted.

A worker that crashes, hangs or leaks memory costs a request its deadline at most, and harms
nothing else; its memory is free again when it ends, whatever the runtime does.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from hotswap_ros.models import FailureCause, VersionState
from hotswap_ros.serving.errors import LoadFailedError, RunFailedError, SessionClosedError
from hotswap_ros.serving.onnx.runtime import NOWHERE, Placement
from hotswap_ros.serving.worker.job import Job
from hotswap_ros.serving.worker.load_deadline import LoadDeadline
from hotswap_ros.serving.worker.process import Process, resident_bytes
from hotswap_ros.serving.worker.shadow_ring import Listener, Primary
from hotswap_ros.text import megabytes

_log = logging.getLogger(__name__)

#: How often the worker of a version is restarted before the version has FAILED.
RESTARTS = 3

_OVERDUE = (
    'a step of its load took longer than {step_s:.0f} s: if it is large, raise load_deadline_s'
)


@dataclass(frozen=True)
class News:
    """Progress of a load: the version's state, facts about it, and why it failed."""

    state: VersionState
    digest: str = ''
    size_bytes: int = 0
    reason: str = ''
    placement: Placement = NOWHERE


class RepositoryRefusedError(Exception):
    """The worker found the version damaged or gone; the repository explains the problem best."""


class WorkerSupervisor:
    """
    A session of one version in a worker process that is restarted when it dies.

    `run` may be called from several threads; the worker answers one after the other. `on_news` and
    `on_verdicts` are called by the supervisor's own threads. Times and placement are known once
    the version is warm.
    """

    runs_in_worker = True

    def __init__(
        self,
        job: Job,
        on_news: Callable[[News], None],
        on_verdicts: Listener = lambda verdicts: None,
    ) -> None:
        self._on_verdicts = on_verdicts
        self._job = job
        self._on_news = on_news
        self._lock = threading.Lock()
        self._sampling = threading.Lock()
        self._closing = False
        self.placement = NOWHERE
        self.typical_ms = self.warm_latency_ms = math.nan
        self._worker: Process | None = None
        self._serving: Process | None = None
        self._ready: Future[None] = Future()
        self._why_not = 'it is being started'
        self._is_late = False
        self._warm_bytes = 0
        self._outgrown = ''
        self._ended_because = ''
        # A worker dies with the thread that started it: this one lives as long as the supervisor.
        self._thread = threading.Thread(
            target=self._supervise, name=f'supervisor of {job.manifest.version}', daemon=True
        )

    def open(self) -> None:
        """
        Start the worker; returns once the version is warm.

        Raises LoadFailedError, or RepositoryRefusedError for what the repository can explain.
        """
        self._thread.start()
        try:
            self._ready.result()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Return the process id of the worker, 0 while there is none."""
        worker = self._worker
        return 0 if worker is None else worker.pid

    @property
    def is_stuck(self) -> bool:
        """Return False: a worker that hangs is ended."""
        return False

    def run(
        self, inputs: dict[str, NDArray[Any]], patience_s: float
    ) -> tuple[dict[str, NDArray[Any]], float]:
        """
        Return the outputs, arrays of the caller's own, by name, and the wait; see VersionSession.

        Raises RunFailedError, when `patience_s` has passed at the latest, and SessionClosedError.
        """
        if not self._lock.acquire(blocking=False):
            patience_s = self._queue(patience_s)
        try:
            if self._closing:
                raise SessionClosedError
            worker = self._serving
            if worker is None:
                cause = FailureCause.DEADLINE if self._is_late else FailureCause.CRASH
                raise RunFailedError(cause, self._why_not)
            return worker.run(inputs, patience_s)
        finally:
            self._lock.release()

    def offer(
        self, inputs: dict[str, NDArray[Any]], outputs: dict[str, NDArray[Any]], primary: Primary
    ) -> bool:
        """Let the version shadow a decision; returns at once, with whether it will."""
        worker = self._serving
        # The pipes of a worker that ends are closed under this lock.
        if worker is None or not self._sampling.acquire(blocking=False):
            return False
        try:
            return self._serving is worker and worker.samples.offer(inputs, outputs, primary)
        finally:
            self._sampling.release()

    def check_growth(self) -> None:
        """End the worker if its memory has grown too much; the version has FAILED then."""
        worker, allowed = self._serving, self._job.growth_bytes
        if worker is None or not allowed or self._outgrown:
            return
        grown = resident_bytes(worker.pid) - self._warm_bytes
        if grown > allowed:
            self._outgrown = (
                f'its worker took {megabytes(grown)} more memory than when it was warm, '
                f'{megabytes(allowed)} are allowed: it leaks, or needs a larger worker_growth_mb'
            )
            worker.kill()

    def _queue(self, patience_s: float) -> float:
        """Wait for the lock behind other requests; returns the patience that is left."""
        started = perf_counter()
        if not self._lock.acquire(timeout=patience_s):
            raise RunFailedError(FailureCause.DEADLINE, 'its worker was busy with other requests')
        return max(0.0, patience_s - (perf_counter() - started))

    def close(self) -> None:
        """End the worker, and free its memory, once the request under way is answered."""
        with self._lock:
            self._closing = True
            self._serving = None
            worker = self._worker
        if worker is not None:
            worker.kill()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def cancel(self) -> None:
        """End the first load, which raises an error then."""
        self._end('its load was cancelled')

    def _end(self, why: str) -> None:
        with self._lock:
            self._ended_because = why.format(step_s=self._job.step_s)
            worker = self._worker
        if worker is not None:
            worker.kill()

    def _supervise(self) -> None:
        """Start the worker, and restart it when it died; the main line of the thread."""
        for start in range(1 + RESTARTS):
            end = self._live_through(is_first=start == 0)
            if self._closing or end is None:
                return
            if self._outgrown:
                self._why_not = self._outgrown
                self._on_news(News(VersionState.FAILED, reason=self._outgrown))
                return
            left = RESTARTS - start
            self._why_not = f'its worker {end}' + (' and is restarted' if left else ' too often')
            _log.warning('version %s: %s', self._job.manifest.version, self._why_not)
            state = VersionState.LOADING if left else VersionState.FAILED
            self._on_news(News(state, reason=self._why_not))

    def _live_through(self, is_first: bool) -> str | None:
        """Start a worker and return how it ended, or None when a restart is no use."""
        worker = self._start()
        if worker is None:
            return None
        try:
            with LoadDeadline(
                worker.pid, self._job.step_s, lambda: self._end(_OVERDUE)
            ) as deadline:
                is_warm = self._bring_up(worker, is_first, deadline)
            if is_warm:
                self._warm_bytes = resident_bytes(worker.pid)
                worker.usual_s = self.warm_latency_ms / 1e3
                with self._lock:
                    self._serving = None if self._closing else worker
                if is_first:
                    self._ready.set_result(None)
                else:
                    self._on_news(News(VersionState.READY))
            worker.samples.collect(self._on_verdicts)
            for _ in worker.news():  # a worker that serves has none: this waits for its end
                pass
        except Exception as error:
            self._give_up(error)
            return None
        finally:
            with self._lock, self._sampling:
                self._serving = self._worker = None
                self._is_late = worker.was_late
            worker.kill()
            end = worker.wait()
        if is_first and not is_warm:
            problem = self._ended_because or f'its worker {end} while loading it'
            self._give_up(LoadFailedError(self._job.manifest.version, problem))
            return None
        self._ended_because = ''
        return end

    def _start(self) -> Process | None:
        try:
            worker = Process(self._job)
        except Exception as error:  # whatever it is: somebody waits for it
            failure = LoadFailedError(
                self._job.manifest.version, f'its worker cannot be started: {error}'
            )
            self._give_up(failure)
            return None
        with self._lock:
            if not (self._closing or self._ended_because):
                self._worker = worker
                return worker
        worker.kill()
        worker.wait()
        if not self._ready.done():  # somebody waits for it
            self._give_up(LoadFailedError(self._job.manifest.version, self._ended_because))
        return None

    def _bring_up(self, worker: Process, is_first: bool, deadline: LoadDeadline) -> bool:
        """Return whether the version is warm: not when the worker died before."""
        for news in worker.news():
            deadline.begin_step()
            if 'error' in news:
                if news['error'] == 'model':
                    raise RepositoryRefusedError(news['problem'])
                raise LoadFailedError(self._job.manifest.version, news['problem'])
            if 'manifest' in news:
                if news['manifest'] != self._job.manifest.model_dump_json():
                    raise LoadFailedError(
                        self._job.manifest.version, 'its manifest changed while it was loaded'
                    )
                self.typical_ms = float(news['typical_ms'])
                self.warm_latency_ms = float(news['warm_latency_ms'])
                return True
            placement = Placement(tuple(news.get('providers', ())), news.get('note', ''))
            self.placement = placement
            if is_first:
                state, digest = VersionState(news['state']), news.get('digest', '')
                self._on_news(News(state, digest, news.get('size_bytes', 0), placement=placement))
        return False

    def _give_up(self, error: Exception) -> None:
        self._why_not = str(error)
        if self._ready.done():
            self._on_news(News(VersionState.FAILED, reason=str(error)))
        else:
            self._ready.set_exception(error)
