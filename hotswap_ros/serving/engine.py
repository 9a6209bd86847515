# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The serving engine: one model on one robot, without ROS."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar, cast

from numpy.typing import NDArray

from hotswap_ros.models import FailureCause, Manifest, ModelRepository, Routing, VersionCounters
from hotswap_ros.serving.assignment import Assignment
from hotswap_ros.serving.breaker import Breaker, OpenBreaker
from hotswap_ros.serving.errors import InferenceFailedError, NotServingError
from hotswap_ros.serving.onnx.session import Session
from hotswap_ros.serving.processor_waits import BusyComputer, ProcessorWaits
from hotswap_ros.serving.recent import RecentObservations
from hotswap_ros.serving.recorder import Recorders
from hotswap_ros.serving.router import Router
from hotswap_ros.serving.routing_control import RoutingControl
from hotswap_ros.serving.routing_in_force import InForce
from hotswap_ros.serving.settings import EngineSettings
from hotswap_ros.serving.shadowing import OnShadow, Shadowing
from hotswap_ros.serving.take_over import TakeOvers
from hotswap_ros.serving.tasks import Task, Tasks
from hotswap_ros.serving.types import Decision, TaskOutcome, TaskReport
from hotswap_ros.serving.versions.last_known_good import LastKnownGood
from hotswap_ros.serving.versions.loaded_version import Answer, Failure, LoadedVersion, VersionInfo
from hotswap_ros.serving.versions.loading import OpenSession
from hotswap_ros.serving.versions.versions import Versions
from hotswap_ros.serving.worker.shadow_ring import Primary

_log = logging.getLogger(__name__)

_E = TypeVar('_E', bound='Engine')

#: Time that stable gets to answer for a worker before the deadline, in its typical times.
_RESERVE = 2.0


class Engine:
    """
    Serves one model: decides, guards, counts, and swaps versions between two requests.

    Any method may be called from any thread. `load` and `known_versions` take long and belong in a
    thread of their own; nothing waits for them. One lock guards the routing, the tasks and the
    counters: it is held for microseconds, and never while a version runs or loads, or while an
    observation is checked.

    `on_change`, if set, is called without locks after every change of the routing or of the state
    of a version, in the thread that made the change: it must be quick, as that may be one that
    infers. `on_shadow` is called for every shadowed observation, in batches, by other threads.
    Clocks and `open_session` are those of a simulation or test, where they are not the usual ones.
    """

    def __init__(
        self,
        repository: ModelRepository,
        model_id: str,
        settings: EngineSettings = EngineSettings(),  # noqa: B008 (frozen)
        *,
        on_change: Callable[[], None] | None = None,
        on_shadow: OnShadow = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        open_session: OpenSession = Session,
    ) -> None:
        self.model_id = model_id
        self.settings = settings
        self.boot_id = secrets.token_hex(8)
        self.on_change = on_change
        self._lock = threading.Lock()
        self._shadowing = Shadowing(self._lock, on_shadow)
        changed = threading.Condition(self._lock)
        self._recorders = Recorders(self._lock)
        self._breaker = Breaker(settings.breaker_limit)
        self._waits = ProcessorWaits()
        self._recent = RecentObservations()
        folder = None if settings.state_folder is None else Path(settings.state_folder)
        self._last_known_good = LastKnownGood(folder, model_id)
        self._versions = Versions(
            repository,
            model_id,
            settings,
            open_session,
            recorder_of=self._recorders.of,
            on_change=self._announce,
            on_lost=self._drop_lost,
            on_verdicts=self._shadowing.hear,
            also_keep=self._last_known_good.versions,
            recent=self._recent.all,
            stable=self._stable_manifest,
            provided=lambda: self._recent.forms,
        )
        self._in_force = InForce(
            model_id,
            Tasks(),
            self._breaker,
            clock,
            wall_clock,
            ready=self._versions.ready,
            on_due=self.tick,
        )
        self._assignment = Assignment(self._in_force, self._lock, changed)
        self._take_overs = TakeOvers()
        self._control = RoutingControl(
            settings,
            self._in_force,
            changed,
            self._versions,
            self._last_known_good,
            self._announce,
        )

    def close(self, *, asked: bool = True) -> None:
        """
        End serving, and every worker process with it; to be called once no request is under way.

        Not `asked`: as in a crash or a power cut, nothing is noted for the next start. An engine
        that is not closed is no leak: its workers end with this process.
        """
        with self._lock:
            self._in_force.router = Router(Routing(self.model_id))
            self._in_force.forget_pending()
            self._in_force.tasks.clear()
        self._take_overs.close()
        self._versions.close()
        if asked:
            self._last_known_good.end()

    def __enter__(self: _E) -> _E:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- Deciding -----------------------------------------------------------------------------

    def infer(self, inputs: dict[str, NDArray[Any]], task_id: str, category: str = '') -> Decision:
        """
        Decide on one observation of a task; a task begins with its first one.

        Observations of one task come one after the other where versions remember it. Of `inputs`,
        each version takes its own. Raises NotServingError without a stable version,
        ObservationError for inputs that are not as stable's manifest says, and
        InferenceFailedError when the stable version fails and declares no safe decision. The
        arrays of the decision belong to the caller.
        """
        taken = perf_counter()
        stable, task, loaded = self._assignment.take(inputs, task_id, category)
        if taken >= self._recent.next_s:
            self._recent.keep(taken, inputs)
        # What only versions that remember need costs the others no call.
        is_new = task.decided_by is not loaded
        if is_new and loaded is stable and self._take_overs.is_safe_only(task, stable):
            return self._only_safe(stable, taken)
        reserve_ms = 0.0 if loaded is stable else _RESERVE * stable.session.typical_ms
        limits_rates = loaded.limits_rates
        previous = task.previous_for(loaded, stable) if limits_rates else None
        memory = self._take_overs.memory(task, loaded) if loaded.remembers else None
        missing = None if loaded is stable else loaded.lacks(inputs, stable)
        result = missing or loaded.attempt(inputs, reserve_ms, previous, memory)
        if isinstance(result, Failure):
            if result.is_hang:
                self._control.drop_hung(loaded)
            return self._fall_back(inputs, stable, task, loaded, result, taken)
        outputs, latency_ms, waited_ms = result
        if limits_rates:
            task.remember(outputs)
        router = self._in_force.router
        if loaded is not stable:
            if stable.remembers:
                self._take_overs.follow(task, stable, inputs)
        elif router.shadow is not None:
            primary = Primary(task_id, loaded.version, latency_ms, task.number)
            self._shadowing.offer(router.shadow, stable, task, inputs, outputs, primary)
        if is_new:
            task.decided_by = loaded
        with self._lock:
            loaded.recorder.count_request(latency_ms, task.on_trial)
            if loaded.watches_inputs:
                loaded.recorder.sample_inputs(inputs)
            if self._breaker.count and loaded is router.candidate:
                self._breaker.record_success()
            if waited_ms:
                is_late = waited_ms + latency_ms > loaded.deadline_ms
                self._waits.count(self._in_force.clock(), loaded.version, is_late)
        latency_ms = (perf_counter() - taken) * 1e3
        return Decision(outputs, loaded.version, False, None, latency_ms, '', False, loaded.chunk)

    def report_task(
        self,
        task_id: str,
        success: bool,
        *,
        stuck: bool = False,
        progress: float | None = None,
        duration_s: float | None = None,
        interventions: int = 0,
    ) -> TaskOutcome:
        """
        End a task; a stuck one did not succeed. TaskReport has the meaning of the figures.

        Raises UnknownTaskError, or InvalidReportError: then the task is still under way.
        """
        report = TaskReport(success, stuck, progress, duration_s, interventions)
        return self._assignment.end(task_id, report)

    def _fall_back(
        self,
        inputs: dict[str, NDArray[Any]],
        stable: LoadedVersion,
        task: Task,
        loaded: LoadedVersion,
        failure: Failure,
        taken: float,
    ) -> Decision:
        """
        Answer a failed request: with stable, or with the safe decision where stable failed.

        A late answer of stable is better than none: it is given, and counts as an error.
        """
        answer: Answer | Failure = failure
        if loaded is not stable and not self._take_overs.is_safe_only(task, stable):
            previous = task.previous_for(stable, stable) if stable.limits_rates else None
            memory = self._take_overs.memory(task, stable) if stable.remembers else None
            answer = stable.attempt(inputs, previous=previous, memory=memory)
            if isinstance(answer, Failure) and answer.is_hang:
                self._control.drop_hung(stable)
        # What comes too late of a candidate is not used: stable has answered meanwhile, or safety.
        outputs = None if answer is failure and loaded is not stable else answer.outputs
        is_safe = False
        saved = loaded is not stable and outputs is not None
        with self._lock:
            loaded.recorder.count_failure(failure.latency_ms, failure.cause, saved, task.on_trial)
            if failure.cause is FailureCause.BUSY_COMPUTER:
                self._waits.count(self._in_force.clock(), loaded.version, is_late=True)
            opened = self._in_force.record_failure(loaded, failure.cause)
        if opened:
            self._announce()
        if outputs is None:
            broken = cast('Failure', answer)
            if stable.safe_outputs is None:
                raise InferenceFailedError(stable.version, broken.cause, broken.detail)
            outputs = _copied(stable.safe_outputs)
            is_safe = True
        task.followed_by = None  # a shadow was not offered this one
        if not is_safe:
            task.decided_by = stable
        if loaded.limits_rates or stable.limits_rates:
            task.remember(outputs)
        is_fallback, latency_ms = loaded is not stable, (perf_counter() - taken) * 1e3
        cause, detail = failure.cause, failure.detail
        return Decision(
            outputs,
            stable.version,
            is_fallback,
            cause,
            latency_ms,
            detail,
            is_safe_decision=is_safe,
            chunk=stable.chunk,
        )

    def _only_safe(self, stable: LoadedVersion, taken: float) -> Decision:
        """Answer for a task that stable cannot go on with; see TakeOver.SAFE."""
        outputs = _copied(cast('dict[str, NDArray[Any]]', stable.safe_outputs))
        return Decision(
            outputs,
            stable.version,
            fallback=True,
            cause=None,
            latency_ms=(perf_counter() - taken) * 1e3,
            detail='the task ends with safe decisions',
            is_safe_decision=True,
            chunk=stable.chunk,
        )

    # --- Versions -----------------------------------------------------------------------------

    def load(self, version: str) -> VersionInfo:
        """
        Bring a version to READY; one that is READY already is a success. Blocks.

        Raises NoRoomError, LoadFailedError, OtherInterfaceError for a version that cannot take
        the place of stable, or a ModelError for a fault in the repository.
        After a failure the version is FAILED and may be loaded again; everything else serves on.
        """
        info = self._versions.load(version)
        with self._lock:
            self._in_force.look_up_again(version)
        return info

    def unload(self, version: str, drain_s: float = 0.0, delete_files: bool = False) -> None:
        """
        Release a version, or end its load in a worker. Raises InUseError or NotLoadedError.

        `delete_files` deletes the robot's cached copy too, also of a version that is not loaded;
        raises OSError when that fails. Files in a repository are never touched.

        Waits up to `drain_s` for the tasks that are on it; it is DRAINING meanwhile, and READY
        again when they did not end in time.
        """
        self._control.unload(version, drain_s, delete_files)

    def workers(self) -> dict[str, int]:
        """Return the worker processes' ids, by version; 0 for one that is being restarted."""
        return self._versions.workers()

    def versions(self) -> tuple[VersionInfo, ...]:
        """Return every version that was asked for since the start, by name."""
        return self._versions.infos()

    def known_versions(self) -> tuple[VersionInfo, ...]:
        """
        Return these, and the others of the repository. Blocks: reads the disk.

        Raises OverdueError, an OSError, when the repository does not answer within 5 s.
        """
        return self._versions.known()

    def stuck_version(self) -> str:
        """
        Return the version whose run in this process hangs and cannot be ended; empty: none.

        Whoever owns this process should end it: `note_hang` first, so that the next start serves
        the last proven version.
        """
        return self._versions.stuck()

    def note_hang(self, version: str) -> None:
        """Count a hang of a version as a crash, for the next start. Waits for the disk, 1 s."""
        self._last_known_good.note_hang(version)
        self._last_known_good.save()

    # --- Routing ------------------------------------------------------------------------------

    @property
    def routing(self) -> Routing:
        """Return the routing in force."""
        return self._in_force.router.routing

    @property
    def manifest(self) -> Manifest:
        """Return the manifest of the stable version. Raises NotServingError."""
        stable = self._in_force.router.stable
        if stable is None:
            raise NotServingError(self.model_id)
        return stable.manifest

    @property
    def taken_inputs(self) -> frozenset[str]:
        """Return the names of the inputs that stable, candidate or shadow take."""
        router = self._in_force.router
        versions = (router.stable, router.candidate, router.shadow)
        return frozenset().union(*(v.observation.names for v in versions if v is not None))

    @property
    def pending(self) -> Routing | None:
        """Return the routing that takes effect at its `activate_at`, or None."""
        return self._in_force.pending_routing

    @property
    def breaker(self) -> OpenBreaker | None:
        """Return why the candidate was dropped, or None."""
        return self._breaker.opened

    @property
    def state_problem(self) -> str:
        """Return why the state folder cannot be read or written; empty: it can."""
        return self._last_known_good.problem

    @property
    def busy_computer(self) -> BusyComputer | None:
        """Return how often the computer was too busy for the worker; None: hardly ever."""
        with self._lock:
            return self._waits.busy(self._in_force.clock())

    def set_routing(self, routing: Routing) -> Routing:
        """
        Put a routing in force as a whole; returns the one in force.

        The same routing again is a success. One with `activate_at` in the future is `pending`
        until then, and superseded by a newer one. What is in force is on disk when this returns.
        Raises UnknownModelError, StaleGenerationError, NotReadyError, InvalidRoutingError for a
        candidate or shadow that does not fit stable, and MovingError for a shadow that is not in a
        worker yet: it is moved there, and the same routing is accepted soon.
        """
        self._control.set_routing(routing)
        return self.routing

    def renew_lease(self, rollout_ids: Collection[str]) -> None:
        """Note a heartbeat: the lease of a candidate of these rollouts restarts."""
        with self._lock:
            self._in_force.renew_lease(rollout_ids)

    def tick(self) -> bool:
        """
        Let time take effect; to be called 1 to 10 times a second.

        Puts a routing in force whose time has come, drops a candidate whose lease ended, ends
        workers whose memory has grown too much, and tasks without an inference for too long, which
        count as timed out. Returns whether anything changed that others can see.
        """
        self._versions.check_growth()
        is_changed = self._control.tick()
        return self._assignment.end_idle(self.settings.task_timeout_s) or is_changed

    def restore(self) -> Routing | None:
        """
        Serve what was served before a restart; to be called first of all. Blocks.

        Returns the routing in force, or None when nothing is known. A candidate or shadow that
        does not load is dropped; a stable version that does not load, or has crashed the process
        twice, is replaced by the last proven one. Raises what `load` raises when there is nothing
        left to serve.
        """
        return self.routing if self._control.restore(self.load) else None

    def _drop_lost(self, loaded: LoadedVersion) -> None:
        with self._lock:
            self._in_force.drop_lost(loaded)

    @property
    def on_shadow(self) -> OnShadow:
        """Return what is called for every shadowed observation, None: nothing."""
        return self._shadowing.on_comparison

    @on_shadow.setter
    def on_shadow(self, call: OnShadow) -> None:
        self._shadowing.on_comparison = call

    # --- Counting -----------------------------------------------------------------------------

    def counters(self) -> dict[str, VersionCounters]:
        """Return the counts of this moment, by version. They never fall within one `boot_id`."""
        return self.telemetry()[1]

    def telemetry(self) -> tuple[Routing, dict[str, VersionCounters]]:
        """Return the routing in force and the counts, both of this one moment."""
        with self._lock:  # no task may begin under another routing between the two
            return self._in_force.router.routing, self._recorders.snapshot()

    def _stable_manifest(self) -> Manifest | None:
        stable = self._in_force.router.stable
        return None if stable is None else stable.manifest

    def _announce(self) -> None:
        if self.on_change is None:
            return
        try:
            self.on_change()
        except Exception:
            _log.exception('on_change raised an error; serving goes on')


def _copied(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name: array.copy() for name, array in arrays.items()}
