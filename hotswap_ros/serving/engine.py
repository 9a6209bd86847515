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

from hotswap_ros.models import ModelRepository, Routing, TaskCounts, VersionCounters
from hotswap_ros.serving.breaker import BREAKER_LIMIT, Breaker, OpenBreaker
from hotswap_ros.serving.errors import (
    InferenceFailedError,
    InUseError,
    MovingError,
    NotLoadedError,
    NotServingError,
    ObservationError,
    UnknownTaskError,
)
from hotswap_ros.serving.loaded_version import Answer, Failure, LoadedVersion
from hotswap_ros.serving.onnx.runtime import RuntimeSettings
from hotswap_ros.serving.recorder import Recorder
from hotswap_ros.serving.restart import LastKnownGood, Restart
from hotswap_ros.serving.router import Router, ShadowActsError
from hotswap_ros.serving.routing_in_force import InForce
from hotswap_ros.serving.tasks import Task, Tasks
from hotswap_ros.serving.types import Decision, ShadowComparison, TaskOutcome
from hotswap_ros.serving.versions import Isolation, VersionInfo, Versions
from hotswap_ros.serving.worker.shadow_ring import Primary, Verdict
from hotswap_ros.serving.worker.supervisor import WorkerSupervisor

_log = logging.getLogger(__name__)

_E = TypeVar('_E', bound='Engine')

_DEFAULTS = RuntimeSettings()

#: How many of its typical times stable gets to answer for a worker before the deadline.
_RESERVE = 2.0


class Engine:
    """
    Serves one model: decides, guards, counts, and swaps versions between two requests.

    Any method may be called from any thread. `load` and `known_versions` take long and belong in a
    worker thread; nothing waits for them. One lock guards the routing, the tasks and the counters:
    it is held for microseconds, and never while a version runs or loads.

    `on_change`, if set, is called without locks after every change of the routing or of the state
    of a version, in the thread that made the change: it must be quick, as that may be one that
    infers. `on_shadow` is called for every shadowed observation, in batches, by other threads.

    The routing in force is kept in `state_folder`, for `restore` after a restart. A stable version
    is on probation for `probation_s`: a process that ends unasked meanwhile is put down to it.

    `settings` are those of the runtime. `isolation` says where versions run; `idle_background`:
    workers load and shadow in the lowest scheduling class, which may take for ever on a machine
    that is never idle. A worker that grows by more than `worker_growth_bytes` once it is warm is
    given up with its version, 0: never. A candidate that fails `breaker_limit` requests in a row
    is out, 0: never.
    """

    def __init__(
        self,
        model_id: str,
        repository: ModelRepository,
        *,
        resident_limit: int = 2,
        task_timeout_s: float = 60.0,
        breaker_limit: int = BREAKER_LIMIT,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        memory_budget_bytes: int | None = None,
        worker_growth_bytes: int = 100_000_000,
        settings: RuntimeSettings = _DEFAULTS,
        on_change: Callable[[], None] | None = None,
        isolation: Isolation | str = Isolation.IN_PROCESS,
        idle_background: bool = True,
        on_shadow: Callable[[ShadowComparison], None] | None = None,
        state_folder: Path | str | None = None,
        probation_s: float = 300.0,
    ) -> None:
        self.model_id = model_id
        self.resident_limit = resident_limit
        self.boot_id = secrets.token_hex(8)
        self.on_change = on_change
        self.on_shadow = on_shadow
        self._task_timeout_s = task_timeout_s
        self._isolation = Isolation(isolation)
        self._clock = clock
        self._lock = threading.Lock()
        folder = None if state_folder is None else Path(state_folder)
        self._last_known_good = LastKnownGood(folder, model_id)
        self._probation_s = probation_s
        self._tasks = Tasks()
        self._breaker = Breaker(breaker_limit)
        self._in_force = InForce(
            model_id,
            self._tasks,
            self._breaker,
            clock,
            wall_clock,
            ready=lambda version: self._versions.ready(version),
            on_due=self.tick,
        )
        self._is_restoring = False
        self._task_ended = threading.Condition(self._lock)
        self._recorders: dict[str, Recorder] = {}
        self._versions = Versions(
            model_id,
            repository,
            limit=resident_limit,
            memory_budget_bytes=memory_budget_bytes,
            settings=settings,
            recorder_of=self._recorder_of,
            on_change=self._announce,
            on_lost=self._drop_lost,
            on_verdicts=self._hear_verdicts,
            also_keep=self._last_known_good.versions,
            isolation=self._isolation,
            idle=idle_background,
            worker_growth_bytes=worker_growth_bytes,
        )

    def close(self, *, asked: bool = True) -> None:
        """
        End serving, and every worker process with it; to be called once no request is under way.

        Not `asked`: as a crash or a power cut would, with nothing noted for the next start. An
        engine that is not closed is no leak: its workers end with this process.
        """
        with self._lock:
            self._in_force.router = Router(Routing(self.model_id))
            self._in_force.forget_pending()
            self._tasks.clear()
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

        Raises NotServingError without a stable version, ObservationError for inputs that are not
        as the manifest says, and InferenceFailedError when the stable version fails and declares
        no safe decision. What is returned belongs to the caller.
        """
        taken = perf_counter()
        stable, task = self._take(inputs, task_id, category)
        resident = task.resident
        resident.observation.check(inputs)
        reserve_ms = 0.0 if resident is stable else _RESERVE * stable.typical_ms
        limits_rates = resident.limits_rates
        previous = task.previous_for(resident, stable) if limits_rates else None
        result = resident.attempt(inputs, reserve_ms, previous)
        if isinstance(result, Failure):
            return self._fall_back(inputs, stable, task, resident, result, taken)
        outputs, latency_ms = result
        if limits_rates:
            task.remember(outputs, resident)
        router = self._in_force.router
        if router.shadow is not None and resident is stable:
            primary = Primary(task_id, resident.version, latency_ms)
            self._let_shadow(router.shadow, inputs, outputs, primary)
        with self._lock:
            resident.recorder.count_request(latency_ms, task.on_trial)
            if resident.watches_inputs:
                resident.recorder.sample_inputs(inputs)
            if self._breaker.count and resident is router.candidate:
                self._breaker.record_success()
        return Decision(outputs, resident.version, False, None, (perf_counter() - taken) * 1e3)

    def _let_shadow(
        self,
        shadow: LoadedVersion,
        inputs: dict[str, NDArray[Any]],
        outputs: dict[str, NDArray[Any]],
        primary: Primary,
    ) -> None:
        """Offer what stable decided to the shadow's worker, which takes it if it keeps up."""
        session = shadow.session
        taken = isinstance(session, WorkerSupervisor) and session.offer(inputs, outputs, primary)
        with self._lock:
            shadow.recorder.count_offer(taken)
            if shadow.watches_inputs:
                shadow.recorder.sample_inputs(inputs)

    def report_task(self, task_id: str, success: bool, *, stuck: bool = False) -> TaskOutcome:
        """End a task; a stuck one did not succeed. Raises UnknownTaskError."""
        succeeded = int(success and not stuck)
        with self._lock:
            task = self._tasks.finish(task_id)
            if task is None:
                raise UnknownTaskError(task_id)
            task.count(TaskCounts(finished=1, succeeded=succeeded, stuck=int(stuck)))
            self._task_ended.notify_all()
        return TaskOutcome(task.version, task.category)

    def _take(
        self, inputs: dict[str, NDArray[Any]], task_id: str, category: str
    ) -> tuple[LoadedVersion, Task]:
        """Return the stable version, and the task with the version that this request is for."""
        with self._lock:
            router = self._in_force.router
            if router.stable is None:
                raise NotServingError(self.model_id)
            now = self._clock()
            task = self._tasks.go_on(task_id, now)
            if task is None:
                if not task_id:
                    raise ObservationError('task_id', 'the name of a task', 'an empty text')
                candidate = router.candidate_for(task_id)
                resident = candidate or router.stable
                # Before the task begins: what no version understands must not count as a task.
                resident.observation.check(inputs)
                task = self._tasks.begin(task_id, category, resident, resident is candidate, now)
            return router.stable, task

    def _fall_back(
        self,
        inputs: dict[str, NDArray[Any]],
        stable: LoadedVersion,
        task: Task,
        resident: LoadedVersion,
        failure: Failure,
        taken: float,
    ) -> Decision:
        """
        Let stable answer the request that another version failed, or its manifest for stable.

        A late answer of stable is better than none: it is given, and counts as an error.
        """
        answer: Answer | Failure = failure
        if resident is not stable:
            previous = task.previous_for(stable, stable) if stable.limits_rates else None
            answer = stable.attempt(inputs, previous=previous)
        outputs, is_safe = answer.outputs, False
        saved = resident is not stable and outputs is not None
        with self._lock:
            resident.recorder.count_failure(
                failure.latency_ms, failure.cause, saved, task.on_trial
            )
            opened = self._in_force.record_failure(resident, failure.cause)
        if opened:
            self._announce()
        if outputs is None:
            broken = cast('Failure', answer)
            if stable.safe_outputs is None:
                raise InferenceFailedError(stable.version, broken.cause, broken.detail)
            outputs, is_safe = _copied(stable.safe_outputs), True
        if resident.limits_rates or stable.limits_rates:
            task.remember(outputs, stable)
        return Decision(
            outputs,
            stable.version,
            resident is not stable,
            failure.cause,
            _ms_since(taken),
            failure.detail,
            is_safe,
        )

    # --- Versions -----------------------------------------------------------------------------

    def load(self, version: str) -> VersionInfo:
        """
        Bring a version to READY; one that is READY already is a success. Blocks.

        Raises NoRoomError, LoadFailedError, or a ModelError for what is wrong in the repository.
        After a failure the version is FAILED and may be loaded again; everything else serves on.
        """
        info = self._versions.load(version)
        with self._lock:
            self._in_force.look_up_again(version)
        return info

    def unload(self, version: str, drain_s: float = 0.0, delete_files: bool = False) -> None:
        """
        Release a version. Raises InUseError or NotLoadedError.

        With `delete_files` the robot's cached copy goes too, of a version that is not loaded as
        well; raises OSError when it cannot. What lies in a repository is never touched.

        Waits up to `drain_s` for the tasks that are on it; it is DRAINING meanwhile, and READY
        again when they did not end in time.
        """
        with self._lock:
            self._refuse_if_named(version)
            is_draining = drain_s > 0 and self._tasks.count_on(version) > 0
        if is_draining:
            self._drain(version, drain_s)
        with self._lock:
            self._refuse_if_named(version)
            self._refuse_if_decided_on(version)
            released = self._release(version, delete_files)
        # A large model takes its time to be freed: not under the lock.
        if released is not None:
            released.session.close()
        del released
        if delete_files:
            self._versions.delete(version)
        self._announce()

    def _release(self, version: str, delete_files: bool) -> LoadedVersion | None:
        try:
            return self._versions.release(version)
        except NotLoadedError:
            if not delete_files:
                raise
            return None

    def workers(self) -> dict[str, int]:
        """Return the worker processes' ids, by version; 0 for one that is being restarted."""
        return self._versions.workers()

    def versions(self) -> tuple[VersionInfo, ...]:
        """Return every version that was asked for since the start, by name."""
        return self._versions.infos()

    def known_versions(self) -> tuple[VersionInfo, ...]:
        """Return those that only lie in the repository too. Blocks: reads the disk."""
        return self._versions.known()

    def _drain(self, version: str, drain_s: float) -> None:
        """Wait until no task is on a version, a routing names it again, or time is up."""
        if not self._versions.begin_draining(version):
            return
        self._announce()
        with self._lock:
            self._task_ended.wait_for(
                lambda: self._in_force.names(version) or not self._tasks.count_on(version), drain_s
            )
            self._versions.end_draining(version)
        self._announce()

    def _refuse_if_named(self, version: str) -> None:
        if self._in_force.names(version):
            raise InUseError(version, 'the routing names it', 'set a routing without it first')

    def _refuse_if_decided_on(self, version: str) -> None:
        tasks = self._tasks.count_on(version)
        if tasks:
            raise InUseError(
                version, f'{tasks} task(s) under way are on it', 'try again when they have ended'
            )

    # --- Routing ------------------------------------------------------------------------------

    @property
    def routing(self) -> Routing:
        """Return the routing in force."""
        return self._in_force.router.routing

    @property
    def pending(self) -> Routing | None:
        """Return the routing that takes effect at its `activate_at`, or None."""
        pending = self._in_force.pending
        return None if pending is None else pending.routing

    @property
    def breaker(self) -> OpenBreaker | None:
        """Return why the candidate is out, or None while it is not."""
        return self._breaker.opened

    def set_routing(self, routing: Routing) -> Routing:
        """
        Put a routing in force as a whole; returns the one in force.

        The same routing again is a success. One with `activate_at` in the future is `pending`
        until then, and superseded by a newer one. What is in force is on disk when this returns.
        Raises UnknownModelError, StaleGenerationError, NotReadyError, InvalidRoutingError for a
        candidate or shadow that does not go with stable, and MovingError for a shadow that has
        acted: that is brought into a worker first, and the same routing is taken soon.
        """
        try:
            with self._lock:
                if self._in_force.is_known(routing):
                    return self.routing
                self._in_force.accept(routing)
                self._task_ended.notify_all()  # a version that drains may be named again
        except ShadowActsError:
            if self._isolation is Isolation.IN_PROCESS:
                raise
            problem = self._versions.move_problem(routing.shadow)
            self._settle_one(self._versions.ready(routing.shadow))
            raise MovingError(routing.shadow, problem) from None
        self._settle()
        self._commit()
        self._announce()
        return self.routing

    def renew_lease(self, rollout_ids: Collection[str]) -> None:
        """Take note of a heartbeat: the lease of a candidate of these rollouts starts anew."""
        with self._lock:
            self._in_force.renew_lease(rollout_ids)

    def tick(self) -> bool:
        """
        Let time take effect; to be called 1 to 10 times a second.

        Puts a routing in force whose time has come, drops a candidate whose lease ended, gives
        workers up that take ever more memory, and ends tasks that fell silent, which count as
        timed out. Returns whether anything changed that others can see.
        """
        self._versions.check_growth()
        with self._lock:
            now = self._clock()
            is_activated = self._in_force.activate_if_due()
            lease_ended = self._in_force.end_lease_if_over()
            silent = self._tasks.pop_silent_since(now - self._task_timeout_s)
            for task in silent:
                task.count(TaskCounts(finished=1, timed_out=1))
            if silent or is_activated:
                self._task_ended.notify_all()
            stable = self.routing.stable
            is_proven = bool(stable) and now >= self._in_force.stable_since + self._probation_s
        if is_activated:
            self._settle()
        self._note_in_force()
        if is_proven:
            self._last_known_good.prove(stable)
        self._last_known_good.save_later()
        if lease_ended or is_activated:
            self._announce()
        return lease_ended or is_activated or bool(silent)

    def restore(self) -> Routing | None:
        """
        Serve what was served before a restart; to be called first of all. Blocks.

        Returns the routing in force, None when nothing is known; then nothing is served. Without
        its candidate or shadow, it may be, when these do not load; and with the proven version as
        stable, when the last one crashed the process twice or does not load. Raises what `load`
        raises when there is nothing left to serve.
        """
        record = self._last_known_good.recall()
        if record is None or not record.routing.stable:
            return None
        restart = Restart(record, self.load, self._versions.discard, self._enforce)
        # Until all of it is back the record stays: a power cut may come now.
        self._is_restoring = True
        try:
            restart.run()
            pending = restart.pending()
        finally:
            self._is_restoring = False
        if pending is not None:
            self.set_routing(pending)
        self._commit()
        return self.routing

    def _enforce(self, routing: Routing) -> None:
        with self._lock:
            self._in_force.put(Router.of(routing, self._versions.ready))
        self._announce()

    def _commit(self) -> None:
        """Keep the routing in force, and the one that waits, for the next start."""
        self._note_in_force()
        self._last_known_good.save()

    def _note_in_force(self) -> None:
        with self._lock:
            routing = self.routing
            if not routing.stable or self._is_restoring:
                return
            workers = self._versions.workers()
            in_process = [version for version in routing.versions if version not in workers]
            self._last_known_good.note(routing, self.pending, in_process, self._versions.digests())

    def _settle(self) -> None:
        """Bring stable into this process, and a candidate that is in it out of it."""
        router = self._in_force.router
        for resident in (router.stable, router.candidate):
            if resident is not None:
                self._settle_one(resident)

    def _settle_one(self, resident: LoadedVersion) -> None:
        self._versions.settle(resident, lambda: self._in_force.router.stable is resident)

    def _drop_lost(self, resident: LoadedVersion) -> None:
        with self._lock:
            self._in_force.drop_lost(resident)

    # --- Counting -----------------------------------------------------------------------------

    def counters(self) -> dict[str, VersionCounters]:
        """Return the counts of this moment, by version. They never fall within one `boot_id`."""
        with self._lock:
            return {name: recorder.snapshot() for name, recorder in self._recorders.items()}

    def _recorder_of(self, version: str) -> Recorder:
        # Kept when the version is unloaded: counts that fell would look like another boot.
        with self._lock:
            return self._recorders.setdefault(version, Recorder())

    def _hear_verdicts(self, recorder: Recorder, verdicts: list[Verdict]) -> None:
        with self._lock:
            for verdict in verdicts:
                recorder.count_verdict(verdict)
        if self.on_shadow is None:
            return
        try:
            for verdict in verdicts:
                if verdict.comparison is not None:
                    self.on_shadow(verdict.comparison)
        except Exception:
            _log.exception('on_shadow raised an error; serving goes on')

    def _announce(self) -> None:
        if self.on_change is None:
            return
        try:
            self.on_change()
        except Exception:
            _log.exception('on_change raised an error; serving goes on')


def _copied(outputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name: array.copy() for name, array in outputs.items()}


def _ms_since(moment: float) -> float:
    return (perf_counter() - moment) * 1e3
