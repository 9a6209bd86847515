# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The node sim_robot: one simulated robot in its own process, with the topics of a real robot.

Its arm is in MuJoCo, or in an external world such as Gazebo. It is driven by its own policy, or by
joint commands of a policy runner that calls the model server.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.executors import Executor
from rclpy.node import Node
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from hotswap_ros import msg
from hotswap_ros.nodes import qos
from hotswap_ros.nodes.conversions.robot import arrays_to_tensors
from hotswap_ros.nodes.parameters import ParameterError, declare, parameter
from hotswap_ros.nodes.process import run
from hotswap_ros.sim.arm.arm import Arm
from hotswap_ros.sim.arm.external import ExternalWorld
from hotswap_ros.sim.arm.task import CONTROL_PERIOD_S, DECISION_SIZE, PickWorld, TaskStart
from hotswap_ros.sim.nodes.external import JOINTS, ExternalArm
from hotswap_ros.sim.nodes.host import Host
from hotswap_ros.sim.nodes.injector import FaultInjector
from hotswap_ros.sim.nodes.robot import SimRobot

#: Parameters with a fixed value for an external world, which has its own clock.
_NOT_EXTERNAL = {'publish_clock': False, 'external_commands': False, 'speed': 1.0}


@dataclass(frozen=True)
class SimRobotParameters:
    """Parameters of sim_robot."""

    robot_id: str = parameter('', 'Name of the robot in the fleet; empty: the host name.')
    world: str = parameter(
        'mujoco',
        'Arm: "mujoco" (simulated here), or "external" (in Gazebo or elsewhere, connected by '
        'joint_states and velocity_controller/commands, with the time of the joint states).',
    )
    region: str = parameter('', 'Region of the robot.')
    labels: tuple[str, ...] = parameter((), 'Labels of the robot, as "key=value".')
    speed: float = parameter(
        1.0,
        'Simulated seconds per second; lower if the processor is too slow.',
        low=0.01,
        high=100.0,
    )
    seed: int = parameter(1, 'Random seed of the robot and its tasks.', low=0, high=2**31 - 1)
    publish_clock: bool = parameter(
        False, 'Publish /clock and use it for stamps, for a robot that runs alone.'
    )
    external_commands: bool = parameter(
        False,
        "Follow velocity_controller/commands instead of the robot's own policy; ~/observation has "
        'the input of a policy runner.',
    )
    command_timeout_s: float = parameter(
        0.5, 'Simulated seconds after the last command until the arm stops.', low=0.05, high=60.0
    )
    slowdown: float = parameter(
        1.0, 'Factor on the duration of inference, as on a busy computer.', low=1.0, high=1000.0
    )
    pause_s: float = parameter(
        0.0, 'Mean pause between tasks in simulated seconds.', low=0.0, high=3600.0
    )
    faults_file: str = parameter(
        '', 'YAML file with scheduled faults, see docs/reference/simulated_robots.md; empty: none.'
    )
    disk_folder: str = parameter(
        '',
        "Folder of the robot's disk, which keeps loaded versions and the last routing, also after "
        'a kill; empty: a temporary folder.',
    )
    model_id: str = parameter('pick_policy', 'Model (named policy) that the robot serves.')
    model_repository: str = parameter(
        '', 'Model repository (folder or http(s) address); empty: that of the package.'
    )
    stable_version: str = parameter('v23', 'Version that the robot serves at the start.')
    isolation: str = parameter(
        'worker',
        '"worker": versions that are not yet trusted run in a process of their own; "in_process": '
        'all versions run in the process of the node.',
    )
    fleet_namespace: str = parameter('/fleet', 'Namespace of the topics that the fleet shares.')


class SimRobotNode(Node):
    """The node with the robot. Call `stop` before you destroy it."""

    def __init__(self, **node_options: Any) -> None:
        super().__init__('sim_robot', **node_options)
        given = self.parameters = declare(self, SimRobotParameters)
        self.robot_id = given.robot_id or socket.gethostname()
        is_external = _is_external(given)
        world = ExternalWorld(self.robot_id, given.seed) if is_external else None
        self._host = Host(self, given.speed, given.seed, given.disk_folder)
        self.robot = self._robot('', world)
        self._injector = FaultInjector(
            self,
            {self.robot_id: self.robot},
            self._host.scheduler,
            self._twin,
            faults_file=given.faults_file,
            can_kill=True,
        )
        self._simulated_s = 0.0
        self._sequence = 0
        self._told: TaskStart | None = None
        self._command: NDArray[np.float64] | None = None
        self._commanded_s = 0.0
        self._external: ExternalArm | None = None
        if world is not None:
            self._external = ExternalArm(
                self, world, self.robot, self._host.scheduler, self.robot_id
            )
            return
        # Other programs expect reliable joint states, and this name of the clock.
        self._joint_publisher = self.create_publisher(JointState, 'joint_states', qos.EVENT)
        self._observation_publisher = self.create_publisher(
            msg.Observation, '~/observation', qos.STREAM
        )
        if given.publish_clock:
            self._clock_publisher = self.create_publisher(Clock, '/clock', qos.EVENT)
        self.create_subscription(
            Float64MultiArray, 'velocity_controller/commands', self._on_command, qos.STREAM
        )

    def start(self, executor: Executor) -> None:
        """Start the model server and the work of the robot."""
        self._injector.start(executor)
        if self._external is None:
            self._host.work(self.robot, self._step)
        self._host.start()
        driver = (
            'velocity_controller/commands' if self.parameters.external_commands else 'its policy'
        )
        where = ', in an external world' if self._external else ''
        self.get_logger().info(f"robot '{self.robot_id}' is driven by {driver}{where}")

    def stop(self) -> None:
        """Stop the threads, before the nodes are destroyed."""
        self._host.stop()
        if self._external is not None:
            self._external.stop()
        for robot in (self.robot, *self._injector.twins.values()):
            robot.stop()
        self._host.close()

    def _robot(self, place: str, world: ExternalWorld | None = None) -> SimRobot:
        given = self.parameters
        values: dict[str, Any] = {
            'region': given.region,
            'model_id': given.model_id,
            'model_repository': given.model_repository,
            'stable_version': given.stable_version,
            'isolation': given.isolation,
            'slowdown': given.slowdown,
            'fleet_namespace': given.fleet_namespace,
            'use_sim_time': self.get_parameter('use_sim_time').value
            if world
            else given.publish_clock,
        }
        if given.labels:
            values['labels'] = list(given.labels)
        return self._host.robot(self.robot_id, place, given.pause_s, values, world)

    def _twin(self, robot_id: str) -> SimRobot:
        twin = self._robot(f'{robot_id}_twin')
        self._host.work(twin, twin.step)
        return twin

    # -- one control period, in MuJoCo ------------------------------------------------------------

    @property
    def _arm(self) -> Arm:
        assert isinstance(self.robot.world, PickWorld)
        return self.robot.world.arm

    def _step(self) -> None:
        self._simulated_s += CONTROL_PERIOD_S
        if self.parameters.publish_clock:
            self._clock_publisher.publish(Clock(clock=self._stamp()))
        if not self.parameters.external_commands:
            self.robot.step()
        elif (task := self.robot.step_with(self._speeds)) is not None:
            self._tell(task)
        if self.robot.server is not None:
            self._publish_joints()

    def _speeds(self, task: TaskStart) -> NDArray[np.float64] | None:
        """Return the joint speeds for a task; None before its first observation."""
        if task is not self._told:
            return None
        is_late = self._simulated_s - self._commanded_s > self.parameters.command_timeout_s
        return self._held() if is_late or self._command is None else self._command

    def _held(self) -> NDArray[np.float64]:
        """Return the speeds that hold the arm: at zero its payload would pull it down."""
        arm = self._arm
        return np.array([[load / gain for load, gain in zip(arm.load, arm.servo_gain)]])

    def _tell(self, task: TaskStart) -> None:
        """Publish the observation; a command before the next period answers it."""
        if task is not self._told:
            self._told, self._command = task, None
        self._sequence += 1
        inputs = {'observation': self.robot.world.observation()}
        self._observation_publisher.publish(
            msg.Observation(
                stamp=self._stamp(),
                sequence=self._sequence,
                task_id=self.robot.task_id(task),
                category=task.category,
                inputs=arrays_to_tensors(inputs),
            )
        )

    def _publish_joints(self) -> None:
        arm = self._arm
        message = JointState(
            name=JOINTS, position=arm.joints, velocity=arm.speeds, effort=arm.effort
        )
        message.header.stamp = self._stamp()
        self._joint_publisher.publish(message)

    def _stamp(self) -> Any:
        if self.parameters.publish_clock:
            return Time(nanoseconds=round(self._simulated_s * 1e9)).to_msg()
        return self.get_clock().now().to_msg()

    def _on_command(self, message: Any) -> None:
        speeds = np.array(message.data, dtype=np.float64)
        if speeds.shape != (DECISION_SIZE,) or not np.isfinite(speeds).all():
            self.get_logger().warning(
                f'command {list(message.data)} is not {DECISION_SIZE} finite speeds in rad/s: '
                'the arm keeps the last one',
                throttle_duration_sec=5.0,
            )
            return
        self._command, self._commanded_s = speeds[np.newaxis], self._simulated_s


def _is_external(given: SimRobotParameters) -> bool:
    """Return whether the arm is external. Raises ParameterError."""
    if given.world == 'mujoco':
        return False
    if given.world != 'external':
        raise ParameterError(
            f"parameter 'world' is {given.world!r}, but must be 'mujoco' or 'external'"
        )
    for name, value in _NOT_EXTERNAL.items():
        if getattr(given, name) != value:
            raise ParameterError(
                f"parameter '{name}' is {getattr(given, name)!r}, but must be {value!r} with "
                "world 'external', which has its own clock and speed"
            )
    return True


def main(args: list[str] | None = None) -> None:
    """Run one simulated robot until SIGINT or SIGTERM."""

    def start(executor: Executor) -> Callable[[], None]:
        robot = SimRobotNode()
        executor.add_node(robot)
        robot.start(executor)
        return robot.stop

    run(args, start)
