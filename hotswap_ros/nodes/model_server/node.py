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

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.executors import Executor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from hotswap_ros import msg, srv
from hotswap_ros.models import Routing
from hotswap_ros.nodes import conversions, qos
from hotswap_ros.nodes.model_server.parameters import ModelServerParameters
from hotswap_ros.nodes.model_server.publishers import ServerAnnouncements
from hotswap_ros.nodes.model_server.version_services import VersionServices, described
from hotswap_ros.nodes.parameters import declare
from hotswap_ros.nodes.process import run
from hotswap_ros.nodes.thread_pool import Worker
from hotswap_ros.serving import (
    Engine,
    InferenceFailedError,
    NotServingError,
    ObservationError,
    TaskOutcome,
    UnknownTaskError,
)


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
        self._announcements: ServerAnnouncements | None = None
        self._worker = worker or Worker('load')
        self._owns_worker = worker is None
        # A rollback must not queue behind downloads.
        self._quick = worker or Worker('routing', threads=1)
        self._active = False
        self._entities: list[tuple[Callable[[Any], Any], Any]] = []
        self._epoch = 0
        self._models = Path()
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
    def is_active(self) -> bool:
        """Return whether the node answers."""
        return self._active

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
        )
        try:
            self._build_interface(self._engine)
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
        self._tell_status()
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop answering; versions stay loaded."""
        self._active = False
        self.get_logger().info('inactive: requests are refused')
        self._tell_status()
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
                self.get_logger().info(f'{text}: {described(restored)}')
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
        self._announcements = None

    # -- interface --------------------------------------------------------------------------------

    def _build_interface(self, engine: Engine) -> None:
        fleet = self.parameters.fleet_namespace
        told = self._announcements = ServerAnnouncements(self, engine, self._worker)
        engine.on_change, engine.on_shadow = told.tell_status, told.tell_shadow
        self._results = self.publisher(msg.TaskResult, f'{fleet}/task_results', qos.EVENT)
        self._decisions = self.publisher(msg.Decision, '~/decision', qos.STREAM)
        for kind, name, callback in (
            (msg.Observation, '~/observation', self._on_observation),
            (msg.Heartbeat, f'{fleet}/heartbeat', self._on_heartbeat),
        ):
            heard = self.create_subscription(kind, name, callback, qos.STREAM)
            self._keep(self.destroy_subscription, heard)
        VersionServices(self, engine, self._worker, self._quick, self._on_routed)
        self.service(srv.Infer, 'infer', self._infer)
        self.service(srv.ReportTask, 'report_task', self._report_task)
        for period, tick in (
            (self.parameters.status_period_s, told.beat),
            (self.parameters.telemetry_period_s, told.tell_telemetry),
            (0.2, self._let_time_take_effect),
        ):
            self._keep(self.destroy_timer, self.create_timer(period, tick, clock=self._steady))

    def publisher(self, kind: Any, topic: str, profile: Any) -> Any:
        """Return a publisher that goes when the node is cleaned up."""
        # Not a lifecycle publisher: the fleet hears of an inactive robot too.
        publisher = self.create_publisher(kind, topic, profile)
        return self._keep(self.destroy_publisher, publisher)

    def service(self, kind: Any, name: str, callback: Callable[[Any, Any], Any]) -> None:
        """Serve `~/name` until the node is cleaned up."""
        service = self.create_service(kind, f'~/{name}', callback, callback_group=self._at_once)
        self._keep(self.destroy_service, service)

    def _keep(self, destroy: Callable[[Any], Any], entity: Any) -> Any:
        self._entities.append((destroy, entity))
        return entity

    # -- what time brings -------------------------------------------------------------------------

    def _tell_status(self) -> None:
        if self._announcements is not None:
            self._announcements.tell_status()

    def _let_time_take_effect(self) -> None:
        routing = self.engine.routing
        self.engine.tick()
        now = self.engine.routing
        same = now.generation == routing.generation and self.engine.breaker is None
        if same and routing.candidate and not now.candidate and self._announcements is not None:
            self._announcements.lost_candidate = routing.candidate
            self.get_logger().warning(
                f'no heartbeat for {routing.lease_s:g} s: {routing.candidate} is dropped, '
                f'{routing.stable} serves every task'
            )

    def _on_routed(self) -> None:
        if self._announcements is not None:
            self._announcements.lost_candidate = ''
        # A robot whose own stable version is gone begins to serve when it is given another.
        self._activate_at_start()

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
        self._decisions.publish(decision)

    def _decide(self, asked: Any) -> tuple[Any, int, str]:
        codes = srv.Infer.Response
        if not self._active:
            return msg.Decision(stamp=self._now()), codes.NOT_ACTIVE, _NOT_ACTIVE
        try:
            inputs = conversions.tensors_to_arrays(asked.inputs)
            made = self.engine.infer(inputs, asked.task_id, asked.category)
        except (conversions.TensorError, ObservationError) as error:
            return msg.Decision(stamp=self._now()), codes.INVALID_OBSERVATION, str(error)
        except NotServingError as error:
            return msg.Decision(stamp=self._now()), codes.NOT_ACTIVE, str(error)
        except InferenceFailedError as error:
            return msg.Decision(stamp=self._now()), codes.INFERENCE_FAILED, str(error)
        decision = conversions.decision_msg(made)
        decision.stamp = self._now()
        return decision, codes.NONE, ''

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
        self._results.publish(
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


_NOT_ACTIVE = (
    'the model server is not active: activate it (ros2 lifecycle set <node> activate), or look at '
    'its log for why it could not be'
)


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
