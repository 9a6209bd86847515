# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The node of one robot: a managed node around one serving engine.

`configure` builds everything and starts loading the stable version; `activate` needs it ready.
Robot code either calls the services and topics, or holds the node and uses `engine` in its own
process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.executors import Executor
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from hotswap_ros import msg
from hotswap_ros.models import Routing, VerifiedVersion, succeeded
from hotswap_ros.nodes import qos
from hotswap_ros.nodes.conversions.common import NOT_REPORTED, duration_msg
from hotswap_ros.nodes.model_server.hang import end_if_stuck
from hotswap_ros.nodes.model_server.managed_node import ManagedNode
from hotswap_ros.nodes.model_server.publishers import ServerPublishers
from hotswap_ros.nodes.model_server.requests import RobotRequests
from hotswap_ros.nodes.model_server.robot_name import id_advice
from hotswap_ros.nodes.model_server.version_services import VersionServices, described
from hotswap_ros.nodes.process import run
from hotswap_ros.nodes.thread_pool import ThreadPool
from hotswap_ros.serving import Engine, RuntimeSettings, Session, TaskOutcome

#: More than versions may be loaded, so that a few loads and unloads that hang hold up no other.
_LOAD_THREADS = 32


class ModelServer(ManagedNode):
    """
    Serves one model on one robot.

    `worker` loads versions; nodes of one process may share one. `engine` is there once the node is
    configured. `stop` must be called before the node is destroyed.
    """

    def __init__(self, *, worker: ThreadPool | None = None, **node_options: Any) -> None:
        super().__init__(**node_options)
        self._engine: Engine | None = None
        self._status: ServerPublishers | None = None
        self._worker = worker or ThreadPool('load', threads=_LOAD_THREADS)
        self._owns_worker = worker is None
        # A rollback must not queue behind anything that reads a disk or the network.
        self._routing = ThreadPool('routing', threads=1)
        self._epoch = 0
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
    def stuck_version(self) -> str:
        """Return the version that hangs in this process and cannot be ended; empty: none."""
        return '' if self._engine is None else self._engine.stuck_version()

    @property
    def is_serving(self) -> bool:
        """Return whether the node is active and has a version to serve."""
        return self._active and self._engine is not None and bool(self._engine.routing.stable)

    def open_session(self, verified: VerifiedVersion, settings: RuntimeSettings) -> Session:
        """Open a session of a version in this process. Raises LoadFailedError."""
        return Session(verified, settings)

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
            repository,
            given.model_id,
            given.engine_settings(),
            wall_clock=self.wall_time,
            open_session=self.open_session,
        )
        try:
            self._build_interface(self._engine)
        except Exception as error:
            self.get_logger().error(f'cannot configure: {error}')
            self._tear_down()
            return TransitionCallbackReturn.FAILURE
        self._worker.submit(self._load_stable)
        if not given.robot_id:
            self.get_logger().warning(self.unstable_id or id_advice(self.robot_id))
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
        self._routing.stop()
        if self._owns_worker:
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
        except Exception as error:  # whatever it is, the node goes on and can be asked
            self.get_logger().error(f'stable version: {error}')
            return
        self._activate_at_start()

    def _activate_at_start(self) -> None:
        # At the start only: a node that is configured by hand later is activated by hand.
        if self._activates_itself and self.executor is not None:
            self._activates_itself = False
            self.executor.create_task(self.trigger_activate)

    def _tear_down(self) -> None:
        self._active = False
        if self._engine is not None:
            self._engine.on_change = self._engine.on_shadow = None
            self._worker.submit(self._engine.close)
        self.destroy_entities()
        self._engine = None
        self._status = None

    # -- interface --------------------------------------------------------------------------------

    def _build_interface(self, engine: Engine) -> None:
        given = self.parameters
        publishers = self._status = ServerPublishers(self, engine, self._worker)
        engine.on_change, engine.on_shadow = publishers.publish_status, publishers.publish_shadow
        results = f'{given.fleet_namespace}/task_results'
        self._results = self.publisher(msg.TaskResult, results, qos.EVENT)
        RobotRequests(self, engine, self.report_task)
        VersionServices(self, engine, self._worker, self._routing, self._on_routed)
        heartbeat = f'{given.fleet_namespace}/heartbeat'
        self.listen(msg.Heartbeat, heartbeat, self._on_heartbeat, qos.STREAM)
        self.every(given.status_period_s, publishers.publish_heartbeat)
        self.every(given.telemetry_period_s, publishers.publish_telemetry)
        self.every(0.2, self._tick)

    def _publish_status(self) -> None:
        if self._status is not None:
            self._status.publish_status()

    def _tick(self) -> None:
        routing = self.engine.routing
        self.engine.tick()
        now = self.engine.routing
        same = now.generation == routing.generation and self.engine.breaker is None
        if same and routing.candidate and not now.candidate and self._status is not None:
            self._status.lost_candidate = routing.candidate
            self.get_logger().warning(
                f'no heartbeat for {routing.lease_s:g} s: {routing.candidate} is dropped, '
                f'{routing.stable} serves every task'
            )

    def _on_routed(self) -> None:
        if self._status is not None:
            self._status.lost_candidate = ''
        # A robot whose own stable version is missing begins to serve when it gets another one.
        self._activate_at_start()

    def _on_heartbeat(self, heartbeat: Any) -> None:
        if heartbeat.epoch < self._epoch:
            return
        self._epoch = heartbeat.epoch
        self.engine.renew_lease(heartbeat.rollout_ids)

    def report_task(
        self,
        task_id: str,
        success: bool,
        *,
        stuck: bool = False,
        error: str = '',
        progress: float | None = None,
        duration_s: float | None = None,
        interventions: int = 0,
    ) -> TaskOutcome:
        """
        Count how a task ended and publish it; from any thread.

        `error` is in the words of the robot; TaskReport has the meaning of the other figures.
        Raises UnknownTaskError or InvalidReportError.
        """
        outcome = self.engine.report_task(
            task_id,
            success,
            stuck=stuck,
            progress=progress,
            duration_s=duration_s,
            interventions=interventions,
        )
        self._results.publish(
            msg.TaskResult(
                stamp=self.now(),
                robot_id=self.robot_id,
                model_id=self.engine.model_id,
                task_id=task_id,
                category=outcome.category,
                version=outcome.version,
                success=succeeded(success, stuck),
                stuck=stuck,
                error=error,
                duration=duration_msg(duration_s or 0.0),
                progress=NOT_REPORTED if progress is None else progress,
                interventions=interventions,
            )
        )
        return outcome


def run_server(kind: Callable[[], ModelServer], args: list[str] | None = None) -> None:
    """Run one model server of this kind until SIGINT or SIGTERM."""
    servers: list[ModelServer] = []

    def start(executor: Executor) -> Callable[[], None]:
        server = kind()
        servers.append(server)
        executor.add_node(server)
        return server.stop

    run(args, start, check=lambda: end_if_stuck(servers[0]))


def main(args: list[str] | None = None) -> None:
    """Run one model server until SIGINT or SIGTERM."""
    run_server(ModelServer, args)
