# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Light robots: only the ROS interface of a robot (status, counters and `set_routing`), no model.

A thousand model servers do not fit on two cores. Light robots replace them in a rollback, which
loads nothing and runs no model: every robot has its own service, which the coordinator discovers
and calls like any other, and publishes its status once a second and on every change. All share one
node, one process and one publisher of each kind: the time that a robot needs to answer is not
measured.

    python bench/fleet_parts/light_robots.py 1000
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from rclpy.executors import Executor
from rclpy.node import Node

from hotswap_ros import msg, srv
from hotswap_ros.models import LATENCY_EDGES_MS, Routing, TaskCounts, VersionCounters, VersionState
from hotswap_ros.nodes import qos
from hotswap_ros.nodes.conversions.common import STATES, routing_msg, routing_value
from hotswap_ros.nodes.conversions.robot import telemetry_msg
from hotswap_ros.nodes.process import run

MODEL_ID = 'pick_policy'
VERSIONS = ('v23', 'v24')
#: Batches per second in which the robots publish their status.
_TURNS = 20


class LightRobot:
    """One robot: its routing, and the service that changes it."""

    def __init__(self, node: Node, name: str, on_change: Callable[[LightRobot], None]) -> None:
        self.routing = Routing(MODEL_ID, VERSIONS[0], generation=1)
        self.status = msg.RobotStatus(
            robot_id=name,
            server=f'/light/{name}/model_server',
            boot_id=name,
            model_id=MODEL_ID,
            routing=routing_msg(self.routing),
            versions=[
                msg.VersionStatus(
                    version=version, digest=version, state=STATES[VersionState.READY]
                )
                for version in VERSIONS
            ],
            resident_limit=2,
            health=msg.RobotStatus.HEALTH_OK,
        )
        self._on_change = on_change
        node.create_service(srv.SetRouting, f'{self.status.server}/set_routing', self._set_routing)

    def _set_routing(self, request: Any, response: Any) -> Any:
        asked = routing_value(request.routing)
        if asked.generation > self.routing.generation:
            self.routing = asked
            self.status.routing = request.routing
            self._on_change(self)
        elif asked != self.routing:
            response.error_code = response.STALE_GENERATION
        response.routing = self.status.routing
        return response


class LightRobots(Node):
    """Many light robots in one node."""

    def __init__(self, robots: int) -> None:
        super().__init__('light_robots', enable_rosout=False, start_parameter_services=False)
        self._statuses = self.create_publisher(
            msg.RobotStatus, '/fleet/status', qos.EVENT_OF_FLEET
        )
        self._counters = self.create_publisher(
            msg.ModelTelemetry, '/fleet/telemetry', qos.STREAM_OF_FLEET
        )
        tasks = TaskCounts(started=100, finished=100, succeeded=92)
        latency = (100, *([0] * len(LATENCY_EDGES_MS)))
        counters = VersionCounters(requests=100, tasks=tasks, latency=latency)
        self._telemetry = telemetry_msg(dict.fromkeys(VERSIONS, counters))
        self._telemetry.model_id = MODEL_ID
        self.robots = [
            LightRobot(self, f'light_{number:04}', self._tell) for number in range(robots)
        ]
        self._turn = 0
        self.create_timer(1.0 / _TURNS, self._tell_some)

    def _tell(self, robot: LightRobot) -> None:
        robot.status.stamp = self.get_clock().now().to_msg()
        self._statuses.publish(robot.status)

    def _tell_some(self) -> None:
        self._turn += 1
        for robot in self.robots[self._turn % _TURNS :: _TURNS]:
            self._tell(robot)
            self._telemetry.robot_id = robot.status.robot_id
            self._telemetry.boot_id = robot.status.boot_id
            self._counters.publish(self._telemetry)


def main() -> None:
    """Run this number of light robots until SIGINT."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('robots', type=int)
    robots = parser.parse_args().robots

    def start(executor: Executor) -> Callable[[], None]:
        executor.add_node(LightRobots(robots))
        return lambda: None

    run([], start)


if __name__ == '__main__':
    main()
