# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Publishers of a model server: status, telemetry, shadow comparisons, diagnostics."""

from __future__ import annotations

from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from hotswap_ros import msg
from hotswap_ros.bounded_calls import BoundedCalls
from hotswap_ros.models import FailureCause, VersionState
from hotswap_ros.nodes import qos
from hotswap_ros.nodes.conversions.bounds import sentence
from hotswap_ros.nodes.conversions.common import diagnostics_msg, routing_msg, time_msg
from hotswap_ros.nodes.conversions.robot import (
    breaker_fields,
    shadow_msg,
    telemetry_msg,
    version_msg,
)
from hotswap_ros.nodes.model_server.managed_node import ManagedNode
from hotswap_ros.nodes.thread_pool import ThreadPool
from hotswap_ros.serving import Engine, ShadowComparison
from hotswap_ros.text import count

_LEVELS = {
    msg.RobotStatus.HEALTH_OK: DiagnosticStatus.OK,
    msg.RobotStatus.HEALTH_DEGRADED: DiagnosticStatus.WARN,
}

#: A disk that does not say within these seconds how much is free has nothing to write on.
_DISK_S = 5.0


class ServerPublishers:
    """
    Publishes status, telemetry and shadow comparisons of a server to its fleet, and diagnostics.

    `lost_candidate` is a version that was dropped because no heartbeat came; empty: none.
    """

    def __init__(self, server: ManagedNode, engine: Engine, worker: ThreadPool) -> None:
        self._server = server
        self._engine = engine
        self._worker = worker
        self._disk_free = 0
        self._disk_is_being_measured = False
        self._calls = BoundedCalls()
        self.lost_candidate = ''
        fleet = server.parameters.fleet_namespace
        self._statuses = server.publisher(msg.RobotStatus, f'{fleet}/status', qos.EVENT)
        self._telemetry = server.publisher(msg.ModelTelemetry, f'{fleet}/telemetry', qos.STREAM)
        self._shadow = server.publisher(msg.ShadowComparison, f'{fleet}/shadow', qos.STREAM)
        # Tools expect this absolute name.
        self._diagnostics = server.publisher(DiagnosticArray, '/diagnostics', qos.EVENT)

    def publish_heartbeat(self) -> None:
        """Publish status and diagnostics, and measure the disk for the next time."""
        if not self._disk_is_being_measured:
            self._disk_is_being_measured = True
            self._worker.submit(self._measure_disk)
        self.publish_status()
        self._publish_diagnostics()

    def _measure_disk(self) -> None:
        try:
            self._disk_free = self._calls.call(
                'measuring the disk', self._server.disk_free_bytes, _DISK_S
            )
        except OSError:  # or a disk that does not answer
            self._disk_free = 0
        self._disk_is_being_measured = False

    def publish_status(self) -> None:
        """Publish routing, versions and health; from any thread."""
        server, engine = self._server, self._engine
        health, text = self._health()
        pending = engine.pending
        self._statuses.publish(
            msg.RobotStatus(
                stamp=self._server.now(),
                wall_time=time_msg(server.wall_time()),
                robot_id=server.robot_id,
                server=server.get_fully_qualified_name(),
                region=server.parameters.region,
                labels=server.parameters.labels,
                boot_id=engine.boot_id,
                model_id=engine.model_id,
                routing=routing_msg(engine.routing),
                pending_routing=(msg.Routing() if pending is None else routing_msg(pending)),
                **breaker_fields(engine.breaker),
                versions=[version_msg(info) for info in engine.versions()],
                resident_limit=engine.settings.resident_limit,
                disk_free_bytes=self._disk_free,
                health=health,
                health_msg=sentence(text),
            )
        )

    def publish_telemetry(self) -> None:
        """Publish the counters."""
        message = telemetry_msg(*self._engine.telemetry())
        message.boot_id = self._engine.boot_id
        self._telemetry.publish(self._signed(message))

    def publish_shadow(self, comparison: ShadowComparison) -> None:
        """Publish one comparison of a shadow; from any thread."""
        self._shadow.publish(self._signed(shadow_msg(comparison)))

    def _signed(self, message: Any) -> Any:
        message.stamp = self._server.now()
        message.robot_id = self._server.robot_id
        message.model_id = self._engine.model_id
        return message

    def _publish_diagnostics(self) -> None:
        engine, robot_id = self._engine, self._server.robot_id
        health, text = self._health()
        routing = engine.routing
        values = {'stable': routing.stable, 'candidate': routing.candidate or 'none'}
        if not self._server.parameters.robot_id:
            values['robot_id'] = "the host name, as parameter 'robot_id' is empty"
        if routing.candidate:
            values[f'share of {routing.candidate}'] = f'{routing.candidate_share:.0%}'
        for version, counters in engine.counters().items():
            tasks = counters.tasks
            values[f'{version}: tasks succeeded'] = f'{tasks.succeeded} of {tasks.finished}'
            values[f'{version}: errors'] = f'{counters.errors} of {counters.requests} requests'
        self._diagnostics.publish(
            diagnostics_msg(
                self._server.now(),
                _LEVELS.get(health, DiagnosticStatus.ERROR),
                # As diagnostic_updater names them; config/diagnostics.yaml relies on it.
                f'model_server: {robot_id} {engine.model_id}',
                sentence(text) or f'serving {routing.stable}',
                values,
                hardware_id=robot_id,
            )
        )

    def _health(self) -> tuple[int, str]:
        engine = self._engine
        if not engine.routing.stable:
            failed = [i.reason for i in engine.versions() if i.state is VersionState.FAILED]
            return msg.RobotStatus.HEALTH_ERROR, '; '.join(failed) or 'no version is in force'
        if not self._server.is_active:
            return msg.RobotStatus.HEALTH_ERROR, 'the model server is not active'
        breaker = engine.breaker
        if breaker is not None:
            why = f'after {breaker.count} failures in a row'
            if breaker.cause is FailureCause.CRASH and not breaker.count:
                why = 'because it crashed or hung'
            text = f'{breaker.version} was dropped {why}'
            return msg.RobotStatus.HEALTH_DEGRADED, text
        if self.lost_candidate:
            text = f'{self.lost_candidate} was dropped: no heartbeat of a coordinator'
            return msg.RobotStatus.HEALTH_DEGRADED, text
        problem = engine.state_problem or self._server.unstable_id
        if problem:
            return msg.RobotStatus.HEALTH_DEGRADED, problem
        busy = engine.busy_computer
        if busy is not None:
            text = (
                f'the computer is too busy: {busy.late} of {count(busy.requests, "request")} to '
                f'{busy.version} in the last minute waited too long for a processor, which does '
                f'not count against {busy.version}'
            )
            return msg.RobotStatus.HEALTH_DEGRADED, text
        return msg.RobotStatus.HEALTH_OK, ''
