# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
One simulated robot in a process of its own, behind the topics that a real one has.

Its arm is in MuJoCo, or where somebody else moves it, such as Gazebo. Its own policy decides, or
who sends joint commands: a policy runner that asks the model server.
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
from hotswap_ros.nodes import conversions, qos
from hotswap_ros.nodes.parameters import ParameterError, declare, parameter
from hotswap_ros.nodes.process import run
from hotswap_ros.sim.arm.arm import Arm
from hotswap_ros.sim.arm.external import ExternalWorld
from hotswap_ros.sim.arm.task import CONTROL_PERIOD_S, DECISION_SIZE, PickWorld, TaskStart
from hotswap_ros.sim.nodes.external import JOINTS, ExternalArm
from hotswap_ros.sim.nodes.host import Host
from hotswap_ros.sim.nodes.injector import FaultInjector
from hotswap_ros.sim.nodes.robot import SimRobot

#: What an external world decides by itself, and what is to be left so.
_NOT_EXTERNAL = {'publish_clock': False, 'external_commands': False, 'speed': 1.0}


@dataclass(frozen=True)
class SimRobotParameters:
    """Parameters of one simulated robot."""

    robot_id: str = parameter('', 'Name of the robot in the fleet; empty: the host name.')
    world: str = parameter(
        'mujoco',
        'Where the arm is: "mujoco": simulated here; "external": in Gazebo or elsewhere, behind '
        'joint_states and velocity_controller/commands, with the time of the joint states.',
    )
    region: str = parameter('', 'Region of the robot.')
    labels: tuple[str, ...] = parameter((), 'Labels of the robot, as "key=value".')
    speed: float = parameter(
        1.0,
        'Simulated seconds per second; less where the processor cannot keep up.',
        low=0.01,
        high=100.0,
    )
    seed: int = parameter(1, 'Seed of the robot and its tasks.', low=0, high=2**31 - 1)
    publish_clock: bool = parameter(
        False, 'Publish /clock, and stamp with it: for a robot that runs alone.'
    )
    external_commands: bool = parameter(
        False,
        'Do what velocity_controller/commands says instead of what the own policy decides; '
        '~/observation has what a policy runner needs.',
    )
    command_timeout_s: float = parameter(
        0.5,
        'Simulated seconds after the last command until the arm holds.',
        low=0.05,
        high=60.0,
    )
    slowdown: float = parameter(
        1.0,
        'How many times as long an inference takes, as on a computer with other things to do.',
        low=1.0,
        high=1000.0,
    )
    pause_s: float = parameter(
        0.0,
        'Simulated seconds that the robot waits for the next task on average.',
        low=0.0,
        high=3600.0,
    )
    faults_file: str = parameter(
        '', 'YAML file of what goes wrong when, see docs/simulation.md; empty: nothing.'
    )
    disk_folder: str = parameter(
        '',
        "Folder for the robot's disk: what it has loaded and what it served last, which it needs "
        'after a kill. Empty: one that goes with the process.',
    )
    model_id: str = parameter('pick_policy', 'The model that the robot serves.')
    model_repository: str = parameter(
        '',
        'Folder, or http(s) address of a file server, that holds the versions; empty: the one '
        'that comes with the package.',
    )
    stable_version: str = parameter('v23', 'Version that the robot serves at the start.')
    isolation: str = parameter(
        'incubator',
        '"incubator": what is not yet trusted runs in a process of its own; "in_process": all in '
        "the node's.",
    )
    fleet_namespace: str = parameter('/fleet', 'Namespace of the topics that the fleet shares.')


class SimRobotNode(Node):
    """Holds the robot; `stop` must be called before it is destroyed."""

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
            self._host.agenda,
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
            self._external = ExternalArm(self, world, self.robot.step, self._host.agenda)
            return
        # Others expect the reliable one of joint states, and the clock at this very name.
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
        """Start the model server and let the robot work."""
        self._injector.start(executor)
        if self._external is None:
            self._host.work(self.robot, self._step)
        self._host.start()
        who = 'velocity_controller/commands' if self.parameters.external_commands else 'its policy'
        where = ', in an external world' if self._external else ''
        self.get_logger().info(f"robot '{self.robot_id}' does what {who} says{where}")

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
        """Return what the joints are to do for a task; None before its first observation."""
        if task is not self._told:
            return None
        is_late = self._simulated_s - self._commanded_s > self.parameters.command_timeout_s
        return self._held() if is_late or self._command is None else self._command

    def _held(self) -> NDArray[np.float64]:
        """Return what keeps the arm where it is: at zero its payload would pull it down."""
        arm = self._arm
        return np.array([[load / gain for load, gain in zip(arm.load, arm.servo_gain)]])

    def _tell(self, task: TaskStart) -> None:
        """Publish what is observed now; what is commanded until the next period answers it."""
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
                inputs=conversions.arrays_to_tensors(inputs),
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
                'the arm goes on with the last one',
                throttle_duration_sec=5.0,
            )
            return
        self._command, self._commanded_s = speeds[np.newaxis], self._simulated_s


def _is_external(given: SimRobotParameters) -> bool:
    """Return whether somebody else moves the arm. Raises ParameterError."""
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
                "world 'external', which has clock and pace of its own"
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
