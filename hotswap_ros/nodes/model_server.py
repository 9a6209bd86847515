# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The robot's side: a managed node around one serving engine.

`configure` builds everything and starts loading the stable version; `activate` needs it ready.
Robot code either calls the services and topics, or holds the node and uses `engine` in its own
process.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.executors import Executor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from hotswap_ros import msg, srv
from hotswap_ros.models import (
    DigestMismatchError,
    FetchFailedError,
    InvalidManifestError,
    InvalidRoutingError,
    NoDiskError,
    Routing,
    UnknownVersionError,
    VersionState,
)
from hotswap_ros.nodes import conversions, qos, robot_conversions
from hotswap_ros.nodes._model_server_parameters import ModelServerParameters
from hotswap_ros.nodes.parameters import declare
from hotswap_ros.nodes.process import run
from hotswap_ros.nodes.worker import Worker, in_worker
from hotswap_ros.serving import (
    Engine,
    InferenceFailedError,
    InUseError,
    MovingError,
    NoMemoryError,
    NoRoomError,
    NotLoadedError,
    NotReadyError,
    NotServingError,
    ObservationError,
    ServingError,
    ShadowComparison,
    StaleGenerationError,
    TaskOutcome,
    UnknownModelError,
    UnknownTaskError,
)

_LOAD_CODES: dict[type[Exception], int] = {
    UnknownVersionError: srv.LoadModel.Response.UNKNOWN_VERSION,
    InvalidManifestError: srv.LoadModel.Response.INVALID_MANIFEST,
    DigestMismatchError: srv.LoadModel.Response.DIGEST_MISMATCH,
    NoRoomError: srv.LoadModel.Response.NO_ROOM,
    FetchFailedError: srv.LoadModel.Response.FETCH_FAILED,
    NoDiskError: srv.LoadModel.Response.NO_DISK,
    NoMemoryError: srv.LoadModel.Response.NO_MEMORY,
}
_ROUTING_CODES: dict[type[Exception], int] = {
    UnknownModelError: srv.SetRouting.Response.UNKNOWN_MODEL,
    StaleGenerationError: srv.SetRouting.Response.STALE_GENERATION,
    NotReadyError: srv.SetRouting.Response.NOT_READY,
    MovingError: srv.SetRouting.Response.NOT_READY,
    InvalidRoutingError: srv.SetRouting.Response.INVALID,
}


class ModelServer(LifecycleNode):
    """
    Serves one model on one robot.

    `worker` loads versions; nodes of one process may share one. `engine` is there once the node is
    configured. `stop` must be called before the node is destroyed.
    """

    PARAMETERS: type[ModelServerParameters] = ModelServerParameters

    def __init__(self, *, worker: Worker | None = None, **node_options: Any) -> None:
        super().__init__('model_server', **node_options)
        self.parameters = declare(self, self.PARAMETERS)
        self._engine: Engine | None = None
        self._worker = worker or Worker('load')
        self._owns_worker = worker is None
        # A rollback must not queue behind downloads.
        self._quick = worker or Worker('routing', threads=1)
        self._active = False
        self._entities: list[tuple[Callable[[Any], Any], Any]] = []
        self._epoch = 0
        self._lost_candidate = ''
        self._disk_free = 0
        self._models = Path()
        self._disk_is_being_measured = False
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        # The default group waits for the end of a coroutine: no inference while a version loads.
        self._at_once = ReentrantCallbackGroup()
        self._activates_itself = self.parameters.autostart
        if self._activates_itself:
            self._autostart = self.create_timer(0.0, self._begin, clock=self._steady)

    @property
    def engine(self) -> Engine:
        """Return the serving engine. Raises RuntimeError before the node is configured."""
        if self._engine is None:
            raise RuntimeError('the model server is not configured: configure it first')
        return self._engine

    @property
    def is_serving(self) -> bool:
        """Return whether the node is active and has a version to serve."""
        return self._active and self._engine is not None and bool(self._engine.routing.stable)

    @property
    def robot_id(self) -> str:
        """Return the robot's name in the fleet."""
        return self.parameters.robot_id or _host_name()

    def wall_time(self) -> float:
        """Return the time that routings name, seconds since 1970: never that of a simulation."""
        return time.time()

    def disk_free_bytes(self) -> int:
        """Return the space left where versions are kept. Raises OSError."""
        return shutil.disk_usage(self._models).free

    # -- lifecycle --------------------------------------------------------------------------------

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Build the engine and the interface, and start loading the stable version."""
        given = self.parameters
        try:
            given.require_sound()
            repository = given.repository()
        except (ValueError, OSError) as error:
            self.get_logger().error(str(error))
            return TransitionCallbackReturn.FAILURE
        self._models = repository.root
        self._engine = Engine(
            given.model_id,
            repository,
            resident_limit=given.resident_limit,
            task_timeout_s=given.task_timeout_s,
            memory_budget_bytes=given.memory_budget_mb * 1_000_000 or None,
            worker_growth_bytes=given.worker_growth_mb * 1_000_000,
            breaker_limit=given.breaker_limit,
            isolation=given.isolation,
            state_folder=given.state_folder or None,
            settings=given.settings(),
            wall_clock=self.wall_time,
            on_change=self._publish_status,
            on_shadow=self._publish_shadow,
        )
        try:
            self._build_interface()
        except Exception as error:
            self.get_logger().error(f'cannot configure: {error}')
            self._tear_down()
            return TransitionCallbackReturn.FAILURE
        self._worker.submit(self._load_stable)
        self.get_logger().info(
            f"configured: robot '{self.robot_id}' serves model '{given.model_id}'"
        )
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to serve; refused while the stable version is not ready."""
        stable = self.parameters.stable_version
        if stable and self.engine.routing.stable == '':
            infos = {info.version: info for info in self.engine.versions()}
            reason = infos[stable].reason if stable in infos else ''
            self.get_logger().error(
                f"cannot activate: stable version '{stable}' is not ready. {reason}"
                f'{"" if reason else "It is being loaded: try again in a moment."}'
            )
            return TransitionCallbackReturn.FAILURE
        self._active = True
        self.get_logger().info(f'active: serving {self.engine.routing.stable or "nothing yet"}')
        self._publish_status()
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop answering; versions stay loaded."""
        self._active = False
        self.get_logger().info('inactive: requests are refused')
        self._publish_status()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release everything that configure built."""
        self._tear_down()
        self.get_logger().info('unconfigured: every version is released')
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release everything that configure built."""
        self._tear_down()
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release everything, so that the node can be configured again."""
        self._tear_down()
        return TransitionCallbackReturn.SUCCESS

    def stop(self) -> None:
        """Stop the threads, before the node is destroyed."""
        self._active = False
        if self._engine is not None:
            self._engine.on_change = self._engine.on_shadow = None
            self._engine.close()
        if self._owns_worker:
            self._quick.stop()
            self._worker.stop()

    def _begin(self) -> None:
        self._autostart.cancel()
        self.trigger_configure()

    def _load_stable(self) -> None:
        version = self.parameters.stable_version
        engine = self._engine
        if engine is None:
            return
        try:
            restored = engine.restore()
            if restored is not None:
                text = f'routing {restored.generation} from before the restart'
                self.get_logger().info(f'{text}: {_described(restored)}')
            elif version:
                engine.load(version)
                engine.set_routing(Routing(engine.model_id, version))
        except Exception as error:  # whatever it is, the node is there to be asked
            self.get_logger().error(f'stable version: {error}')
            return
        self._activate_at_start()

    def _activate_at_start(self) -> None:
        # At the start only: who configures the node by hand later activates it by hand.
        if self._activates_itself and self.executor is not None:
            self._activates_itself = False
            self.executor.create_task(self.trigger_activate)

    def _tear_down(self) -> None:
        self._active = False
        if self._engine is not None:
            self._engine.on_change = self._engine.on_shadow = None
            self._worker.submit(self._engine.close)
        for destroy, entity in reversed(self._entities):
            destroy(entity)
        self._entities.clear()
        self._engine = None
        self._lost_candidate = ''

    # -- interface --------------------------------------------------------------------------------

    def _build_interface(self) -> None:
        fleet = self.parameters.fleet_namespace
        self._status_publisher = self._publisher(msg.RobotStatus, f'{fleet}/status', qos.EVENT)
        self._telemetry_publisher = self._publisher(
            msg.ModelTelemetry, f'{fleet}/telemetry', qos.STREAM
        )
        self._shadow_publisher = self._publisher(
            msg.ShadowComparison, f'{fleet}/shadow', qos.STREAM
        )
        self._result_publisher = self._publisher(
            msg.TaskResult, f'{fleet}/task_results', qos.EVENT
        )
        # The one name that tools expect to be absolute.
        self._diagnostics_publisher = self._publisher(DiagnosticArray, '/diagnostics', qos.EVENT)
        self._decision_publisher = self._publisher(msg.Decision, '~/decision', qos.STREAM)
        self._keep(
            self.destroy_subscription,
            self.create_subscription(
                msg.Observation, '~/observation', self._on_observation, qos.STREAM
            ),
        )
        self._keep(
            self.destroy_subscription,
            self.create_subscription(
                msg.Heartbeat, f'{fleet}/heartbeat', self._on_heartbeat, qos.STREAM
            ),
        )
        for kind, name, callback in (
            (srv.Infer, 'infer', self._infer),
            (srv.LoadModel, 'load_model', self._load_model),
            (srv.UnloadModel, 'unload_model', self._unload_model),
            (srv.SetRouting, 'set_routing', self._set_routing),
            (srv.ListModels, 'list_models', self._list_models),
            (srv.ReportTask, 'report_task', self._report_task),
        ):
            service = self.create_service(
                kind, f'~/{name}', callback, callback_group=self._at_once
            )
            self._keep(self.destroy_service, service)
        for period, tick in (
            (self.parameters.status_period_s, self._beat),
            (self.parameters.telemetry_period_s, self._publish_telemetry),
            (0.2, self._let_time_take_effect),
        ):
            self._keep(self.destroy_timer, self.create_timer(period, tick, clock=self._steady))

    def _publisher(self, kind: Any, topic: str, profile: Any) -> Any:
        # Not a lifecycle publisher: the fleet hears of an inactive robot too.
        publisher = self.create_publisher(kind, topic, profile)
        return self._keep(self.destroy_publisher, publisher)

    def _keep(self, destroy: Callable[[Any], Any], entity: Any) -> Any:
        self._entities.append((destroy, entity))
        return entity

    # -- what is published ------------------------------------------------------------------------

    def _beat(self) -> None:
        if not self._disk_is_being_measured:
            self._disk_is_being_measured = True
            self._worker.submit(self._measure_disk)
        self._publish_status()
        self._publish_diagnostics()

    def _measure_disk(self) -> None:
        try:
            self._disk_free = self.disk_free_bytes()
        except OSError:
            self._disk_free = 0
        self._disk_is_being_measured = False

    def _publish_status(self) -> None:
        engine = self._engine
        if engine is None:
            return
        health, text = self._health(engine)
        given = self.parameters
        self._status_publisher.publish(
            msg.RobotStatus(
                stamp=self._now(),
                wall_time=conversions.time_msg(self.wall_time()),
                robot_id=self.robot_id,
                server=self.get_fully_qualified_name(),
                region=given.region,
                labels=given.labels,
                boot_id=engine.boot_id,
                model_id=engine.model_id,
                routing=conversions.routing_msg(engine.routing),
                pending_routing=_routing_msg(engine.pending),
                **robot_conversions.breaker_fields(engine.breaker),
                versions=[robot_conversions.version_msg(info) for info in engine.versions()],
                resident_limit=engine.resident_limit,
                disk_free_bytes=self._disk_free,
                health=health,
                health_msg=text,
            )
        )

    def _publish_telemetry(self) -> None:
        message = robot_conversions.telemetry_msg(self.engine.counters())
        message.stamp = self._now()
        message.robot_id = self.robot_id
        message.boot_id = self.engine.boot_id
        message.model_id = self.engine.model_id
        self._telemetry_publisher.publish(message)

    def _publish_shadow(self, comparison: ShadowComparison) -> None:
        message = robot_conversions.shadow_msg(comparison)
        message.stamp = self._now()
        message.robot_id = self.robot_id
        message.model_id = self.engine.model_id
        self._shadow_publisher.publish(message)

    def _publish_diagnostics(self) -> None:
        health, text = self._health(self.engine)
        routing = self.engine.routing
        level = {
            msg.RobotStatus.HEALTH_OK: DiagnosticStatus.OK,
            msg.RobotStatus.HEALTH_DEGRADED: DiagnosticStatus.WARN,
        }.get(health, DiagnosticStatus.ERROR)
        values = {'stable': routing.stable, 'candidate': routing.candidate or 'none'}
        values |= (
            {f'share of {routing.candidate}': f'{routing.candidate_share:.0%}'}
            if (routing.candidate)
            else {}
        )
        for version, counters in self.engine.counters().items():
            tasks = counters.tasks
            values[f'{version}: tasks succeeded'] = f'{tasks.succeeded} of {tasks.finished}'
            values[f'{version}: errors'] = f'{counters.errors} of {counters.requests} requests'
        status = DiagnosticStatus(
            level=level,
            name=f'{self.robot_id}: {self.engine.model_id}',
            message=text or f'serving {routing.stable}',
            hardware_id=self.robot_id,
            values=[KeyValue(key=key, value=value) for key, value in values.items()],
        )
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._now()
        self._diagnostics_publisher.publish(array)

    def _health(self, engine: Engine) -> tuple[int, str]:
        if not engine.routing.stable:
            failed = [i.reason for i in engine.versions() if i.state is VersionState.FAILED]
            return msg.RobotStatus.HEALTH_ERROR, '; '.join(failed) or 'no version is in force'
        if not self._active:
            return msg.RobotStatus.HEALTH_ERROR, 'the model server is not active'
        breaker = engine.breaker
        if breaker is not None:
            text = f'{breaker.version} is out after {breaker.count} failures in a row'
            return msg.RobotStatus.HEALTH_DEGRADED, text
        if self._lost_candidate:
            text = f'{self._lost_candidate} was dropped: the coordinator was not heard'
            return msg.RobotStatus.HEALTH_DEGRADED, text
        return msg.RobotStatus.HEALTH_OK, ''

    def _let_time_take_effect(self) -> None:
        routing = self.engine.routing
        self.engine.tick()
        now = self.engine.routing
        same = now.generation == routing.generation and self.engine.breaker is None
        if same and routing.candidate and not now.candidate:
            self._lost_candidate = routing.candidate
            self.get_logger().warning(
                f'no heartbeat for {routing.lease_s:g} s: {routing.candidate} is dropped, '
                f'{routing.stable} serves every task'
            )

    def _now(self) -> Any:
        return self.get_clock().now().to_msg()

    # -- what is asked ----------------------------------------------------------------------------

    def _infer(self, request: Any, response: Any) -> Any:
        decision, code, text = self._decide(request)
        decision.task_id = request.task_id
        decision.error_code, decision.error_msg = code, text
        response.decision, response.error_code, response.error_msg = decision, code, text
        return response

    def _on_observation(self, observation: Any) -> None:
        decision, code, text = self._decide(observation)
        decision.sequence = observation.sequence
        decision.task_id = observation.task_id
        decision.error_code, decision.error_msg = code, text
        self._decision_publisher.publish(decision)

    def _decide(self, asked: Any) -> tuple[Any, int, str]:
        codes = srv.Infer.Response
        if not self._active:
            return msg.Decision(stamp=self._now()), codes.NOT_ACTIVE, _NOT_ACTIVE
        try:
            inputs = robot_conversions.tensors_to_arrays(asked.inputs)
            made = self.engine.infer(inputs, asked.task_id, asked.category)
        except (robot_conversions.TensorError, ObservationError) as error:
            return msg.Decision(stamp=self._now()), codes.INVALID_OBSERVATION, str(error)
        except NotServingError as error:
            return msg.Decision(stamp=self._now()), codes.NOT_ACTIVE, str(error)
        except InferenceFailedError as error:
            return msg.Decision(stamp=self._now()), codes.INFERENCE_FAILED, str(error)
        decision = robot_conversions.decision_msg(made)
        decision.stamp = self._now()
        return decision, codes.NONE, ''

    def _is_for_another(self, request: Any, response: Any) -> bool:
        served = self.engine.model_id
        if request.model_id == served:
            return False
        response.error_code = response.UNKNOWN_MODEL
        response.error_msg = str(UnknownModelError(request.model_id, served))
        return True

    async def _load_model(self, request: Any, response: Any) -> Any:
        engine = self.engine
        if self._is_for_another(request, response):
            return response
        try:
            info = await in_worker(
                self._worker, self.executor, lambda: engine.load(request.version)
            )
        except Exception as error:  # whatever it is, the node serves on
            self.get_logger().error(f'load {request.version}: {error}')
            response.error_code = _LOAD_CODES.get(type(error), response.LOAD_FAILED)
            response.error_msg = str(error)
            return response
        response.status = robot_conversions.version_msg(info)
        self.get_logger().info(f'{request.version} is ready, digest {info.digest[:12]}…')
        return response

    async def _unload_model(self, request: Any, response: Any) -> Any:
        engine = self.engine
        if self._is_for_another(request, response):
            return response
        try:
            await in_worker(
                self._worker,
                self.executor,
                lambda: engine.unload(request.version, request.drain_s, request.delete_files),
            )
        except NotLoadedError as error:
            response.error_code, response.error_msg = response.UNKNOWN_VERSION, str(error)
        except InUseError as error:
            response.error_code, response.error_msg = response.IN_USE, str(error)
        except OSError as error:
            response.error_code = response.DELETE_FAILED
            response.error_msg = (
                f'{request.version} is released, but its files could not be deleted ({error}): '
                "look after the folder of parameter 'cache_folder'"
            )
        else:
            gone = ' and its cached files are deleted' if request.delete_files else ''
            self.get_logger().info(f'{request.version} is released{gone}')
        return response

    async def _set_routing(self, request: Any, response: Any) -> Any:
        engine = self.engine
        response.routing = conversions.routing_msg(engine.routing)
        try:
            wanted = conversions.routing_value(request.routing)
            changed = wanted != engine.routing
            # In a worker: what is in force goes to the disk first.
            in_force = await in_worker(
                self._quick, self.executor, lambda: engine.set_routing(wanted)
            )
        except (InvalidRoutingError, ServingError) as error:
            response.error_code = _ROUTING_CODES.get(type(error), response.INVALID)
            response.error_msg = str(error)
            return response
        self._lost_candidate = ''
        response.routing = conversions.routing_msg(in_force)
        # A robot whose own stable version is gone begins to serve when it is given another.
        self._activate_at_start()
        if changed:
            self.get_logger().info(f'routing {in_force.generation}: {_described(in_force)}')
        return response

    async def _list_models(self, request: Any, response: Any) -> Any:
        engine = self.engine
        try:
            infos = await in_worker(self._quick, self.executor, engine.known_versions)
        except OSError as error:
            self.get_logger().error(f'the model repository cannot be read: {error}')
            infos = engine.versions()
        response.model_id = engine.model_id
        response.versions = [robot_conversions.version_msg(info) for info in infos]
        response.routing = conversions.routing_msg(engine.routing)
        return response

    def _report_task(self, request: Any, response: Any) -> Any:
        if not self._active:
            response.error_code, response.error_msg = response.NOT_ACTIVE, _NOT_ACTIVE
            return response
        try:
            outcome = self.report_task(
                request.task_id,
                request.success,
                stuck=request.stuck,
                error=request.error,
                duration_s=conversions.seconds(request.duration),
            )
        except UnknownTaskError as error:
            response.error_code, response.error_msg = response.UNKNOWN_TASK, str(error)
            return response
        response.version = outcome.version
        return response

    def report_task(
        self,
        task_id: str,
        success: bool,
        *,
        stuck: bool = False,
        error: str = '',
        duration_s: float = 0.0,
    ) -> TaskOutcome:
        """
        Count how a task ended and publish it; from any thread. Raises UnknownTaskError.

        `duration_s` is in seconds, `error` in the robot's words.
        """
        outcome = self.engine.report_task(task_id, success, stuck=stuck)
        self._result_publisher.publish(
            msg.TaskResult(
                stamp=self._now(),
                robot_id=self.robot_id,
                model_id=self.engine.model_id,
                task_id=task_id,
                category=outcome.category,
                version=outcome.version,
                success=success,
                stuck=stuck,
                error=error,
                duration=conversions.duration_msg(duration_s),
            )
        )
        return outcome

    def _on_heartbeat(self, heartbeat: Any) -> None:
        if heartbeat.epoch < self._epoch:
            return
        self._epoch = heartbeat.epoch
        self.engine.renew_lease(heartbeat.rollout_ids)


def _routing_msg(routing: Routing | None) -> Any:
    return msg.Routing() if routing is None else conversions.routing_msg(routing)


_NOT_ACTIVE = (
    'the model server is not active: activate it (ros2 lifecycle set <node> activate), or look at '
    'its log for why it could not be'
)


def _described(routing: Routing) -> str:
    if not routing.candidate:
        return f'{routing.stable} serves every task'
    return f'{routing.candidate} serves {routing.candidate_share:.0%}, {routing.stable} the rest'


def _host_name() -> str:
    import socket

    return socket.gethostname()


def main(args: list[str] | None = None) -> None:
    """Run one model server until SIGINT or SIGTERM."""

    def start(executor: Executor) -> Callable[[], None]:
        server = ModelServer()
        executor.add_node(server)
        return server.stop

    run(args, start)
