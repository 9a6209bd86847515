# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One simulated robot as a process: the topics of an arm, and what a kill leaves of it."""

import itertools
import math
import signal
from functools import partial

import mujoco
import pytest
from _world import Program, wait_until
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64, Float64MultiArray

from hotswap_ros import msg, srv
from hotswap_ros.nodes import qos
from hotswap_ros.nodes.conversions.robot import tensors_to_arrays
from hotswap_ros.nodes.parameters import ParameterError
from hotswap_ros.sim.arm.arm import Arm
from hotswap_ros.sim.nodes.sim_robot import SimRobotNode

Fault = srv.InjectFault.Request


@pytest.fixture
def run(world, policies, tmp_path):
    """Return what starts a robot; all of them end well, so that nobody takes them to be there."""
    programs = []

    def start(**parameters):
        parameters = {'model_repository': str(policies), **parameters}
        robot = Program('sim_robot', tmp_path, world.domain, robot_id='r1', **parameters)
        programs.append(robot)
        return robot

    yield start
    for program in programs:
        if program.is_running:
            program.stop()


def wait_for_robot(world):
    heard = world.listen(msg.RobotStatus, '/fleet/status', qos.EVENT)
    heard.wait_for(lambda m: m.robot_id == 'r1' and m.health == m.HEALTH_OK)
    return heard


def test_it_has_the_topics_of_an_arm_and_its_own_policy_moves_it(run, world):
    joints = world.listen(JointState, '/joint_states', qos.EVENT)
    results = world.listen(msg.TaskResult, '/fleet/task_results', qos.EVENT)
    robot = run(speed=10.0)
    results.wait_for(lambda m: m.success and m.robot_id == 'r1' and m.version == 'v23')
    joints.wait_for(lambda m: max(map(abs, m.velocity)) > 0.1, 'an arm that moves')
    states = list(joints)
    assert {tuple(state.name) for state in states} == {('yaw', 'shoulder', 'elbow')}
    assert all(len(s.position) == len(s.velocity) == len(s.effort) == 3 for s in states)
    assert all(-2.91 < state.position[0] < 2.91 for state in states)
    robot.stop(signal.SIGTERM)


def test_alone_it_is_the_clock_of_its_world(run, world):
    clocks = world.listen(Clock, '/clock', qos.EVENT)
    joints = world.listen(JointState, '/joint_states', qos.EVENT)
    run(speed=10.0, publish_clock=True)
    heard = world.listen(msg.RobotStatus, '/fleet/status', qos.EVENT)
    # A day after 1970 at the latest, and later than the clock's first word.
    heard.wait_for(lambda m: m.health == m.HEALTH_OK and 0 < m.stamp.sec < 86400)
    times = [clock.clock.sec + clock.clock.nanosec / 1e9 for clock in clocks]
    assert all(math.isclose(b - a, 0.05) for a, b in itertools.pairwise(times))
    stamps = [state.header.stamp.sec + state.header.stamp.nanosec / 1e9 for state in joints]
    assert set(stamps) & set(times)


def test_a_policy_runner_of_somebody_else_may_drive_it(run, world):
    """Observations go to the model server's topic, its decisions become joint commands."""
    results = world.listen(msg.TaskResult, '/fleet/task_results', qos.EVENT)
    run(external_commands=True, speed=2.0)
    wait_for_robot(world)
    server = world.publisher(msg.Observation, '/model_server/observation', qos.STREAM)
    arm = world.publisher(Float64MultiArray, '/velocity_controller/commands', qos.EVENT)

    def command(decision):
        if not decision.error_code:
            outputs = tensors_to_arrays(decision.outputs)
            arm.publish(Float64MultiArray(data=outputs['decision'][0].astype(float).tolist()))

    node = world.node
    observe, decide = '/sim_robot/observation', '/model_server/decision'
    ears = [
        world.do(partial(node.create_subscription, kind, topic, hear, qos.STREAM))
        for kind, topic, hear in (
            (msg.Observation, observe, server.publish),
            (msg.Decision, decide, command),
        )
    ]
    # v23 succeeds nine times in ten where its decisions arrive in time and at the right task.
    wait_until(
        lambda: sum(m.success for m in results if m.robot_id == 'r1') >= 3,
        lambda: f'three placed payloads: {[(m.success, m.error) for m in results]}',
    )
    assert {m.version for m in results} == {'v23'}
    for ear in ears:
        world.do(partial(node.destroy_subscription, ear))


def test_nobody_moves_an_arm_that_waits_for_commands_and_a_wrong_one_is_named(run, world):
    joints = world.listen(JointState, '/joint_states', qos.EVENT)
    robot = run(external_commands=True, speed=10.0)
    arm = world.publisher(Float64MultiArray, '/velocity_controller/commands', qos.EVENT)
    wait_for_robot(world)
    arm.publish(Float64MultiArray(data=[1.0, 2.0]))
    robot.wait_for_log('command [1.0, 2.0] is not 3 finite speeds in rad/s')
    assert all(abs(speed) < 0.05 for state in joints for speed in state.velocity)


class Outside(Node):
    """An external world, as Gazebo is one: an arm that obeys, its joints, a clock, and no more."""

    STEP_NS = 10_000_000
    JOINTS = ('elbow', 'shoulder', 'yaw')

    def __init__(self, hears=True, **options):
        super().__init__('outside', **options)
        self.arm = Arm()
        away = (0.0, 0.0, -2.0)
        self.arm.place((0.0, -0.6, 1.2), 0.5, 0.03, away, away)
        self.commands = []
        self.is_paused = False
        self._time_ns = 0
        self._states = self.create_publisher(JointState, '/joint_states', qos.EVENT)
        self._clock_publisher = self.create_publisher(Clock, '/clock', qos.EVENT)
        if hears:
            self.create_subscription(
                Float64MultiArray, '/velocity_controller/commands', self._on_command, qos.EVENT
            )
        # Twice as fast as real time.
        self.create_timer(self.STEP_NS / 2e9, self._step)

    def _on_command(self, message):
        self.commands.append(list(message.data))
        self.arm.data.ctrl[:] = message.data

    def hear_joint(self, index):
        """Take the commands of one joint, as Gazebo does."""

        def on_speed(message):
            self.arm.data.ctrl[index] = message.data

        joint = self.JOINTS[::-1][index]
        self.create_subscription(Float64, f'/velocity_controller/{joint}', on_speed, qos.EVENT)

    def _step(self):
        if self.is_paused:
            return
        mujoco.mj_step(self.arm.model, self.arm.data)
        self._time_ns += self.STEP_NS
        stamp = Time(nanoseconds=self._time_ns).to_msg()
        self._clock_publisher.publish(Clock(clock=stamp))
        # In an order of its own, and with Gazebo's zeros for torques that it does not measure.
        state = JointState(name=self.JOINTS, effort=[0.0] * 3)
        state.position, state.velocity = self.arm.joints[::-1], self.arm.speeds[::-1]
        state.header.stamp = stamp
        self._states.publish(state)


def test_it_does_the_tasks_with_an_arm_that_somebody_else_moves(run, world):
    results = world.listen(msg.TaskResult, '/fleet/task_results', qos.EVENT)
    robot = run(world='external', use_sim_time=True)
    robot.wait_for_log('no joint states for 2 s')
    outside = world.add(lambda: Outside(**world.node_options))
    success = results.wait_for(lambda m: m.success, 'a payload placed')
    assert (success.robot_id, success.version) == ('r1', 'v23')
    # The time is the world's: that of a clock that began at zero.
    assert 0 < success.stamp.sec < 3600
    robot.wait_for_log('joint states received again')
    outside.is_paused = True
    wait_until(lambda: robot.log.count('no joint states for 2 s') == 2, 'the silence to be told')
    wait_until(lambda: outside.commands[-1] == [0.0] * 3, 'an arm that is told to stop')
    results.clear()
    outside.is_paused = False
    results.wait_for(lambda m: True, 'the task that was under way, or the next')
    world.remove(outside)


def test_no_task_begins_before_every_joint_hears_its_commands(run, world):
    results = world.listen(msg.TaskResult, '/fleet/task_results', qos.EVENT)
    diagnostics = world.listen(DiagnosticArray, '/diagnostics', qos.EVENT)
    robot = run(world='external', use_sim_time=True)
    outside = world.add(lambda: Outside(hears=False, **world.node_options))
    robot.wait_for_log('nobody subscribes to velocity_controller/commands, nor to')
    diagnostics.wait_for(
        lambda m: any(
            s.name == 'r1: external arm' and s.level == s.ERROR and 'nobody' in s.message
            for s in m.status
        )
    )
    for index in range(2):
        world.do(partial(outside.hear_joint, index))
    robot.wait_for_log('nor to velocity_controller/elbow')
    assert not list(results)
    world.do(partial(outside.hear_joint, 2))
    robot.wait_for_log('every joint follows its commands')
    results.wait_for(lambda m: m.success, 'a payload placed')
    world.remove(outside)


@pytest.mark.parametrize(
    ('parameters', 'problem'),
    [
        ({'world': 'gazebo'}, "'world' is 'gazebo', but must be 'mujoco' or 'external'"),
        (
            {'world': 'external', 'publish_clock': True},
            "'publish_clock' is True, but must be False with world 'external'",
        ),
        (
            {'world': 'external', 'speed': 2.0},
            "'speed' is 2.0, but must be 1.0 with world 'external'",
        ),
    ],
)
def test_a_world_that_cannot_be_is_refused(world, parameters, problem):
    overrides = [Parameter(name, value=value) for name, value in parameters.items()]
    with pytest.raises(ParameterError, match=problem):
        world.do(lambda: SimRobotNode(parameter_overrides=overrides, **world.node_options))


def test_after_a_kill_it_comes_back_as_it_was(run, world, tmp_path):
    disk = str(tmp_path / 'disk')
    robot = run(speed=10.0, disk_folder=disk)
    before = wait_for_robot(world).messages[-1]
    asked = {'model_id': 'pick_policy', 'version': 'v24'}
    world.ask(srv.LoadModel, '/model_server/load_model', **asked)
    routing = msg.Routing(model_id='pick_policy', stable='v24', generation=7)
    answer = world.ask(srv.SetRouting, '/model_server/set_routing', routing=routing)
    assert answer.error_code == answer.NONE, answer.error_msg
    answer = world.ask(srv.InjectFault, '/sim_robot/inject_fault', fault=Fault.KILL)
    assert answer.error_code == answer.NONE, answer.error_msg
    assert robot.wait() == -signal.SIGKILL
    heard = world.listen(msg.RobotStatus, '/fleet/status', qos.EVENT)
    run(speed=10.0, disk_folder=disk)
    after = heard.wait_for(lambda m: m.health == m.HEALTH_OK and m.boot_id != before.boot_id)
    assert (after.routing.stable, after.routing.generation) == ('v24', 7)


def test_without_power_the_arm_says_nothing_either(run, world):
    joints = world.listen(JointState, '/joint_states', qos.EVENT)
    robot = run(speed=10.0)
    heard = wait_for_robot(world)
    boot_id = heard.messages[-1].boot_id
    world.ask(srv.InjectFault, '/sim_robot/inject_fault', fault=Fault.POWER_OFF)
    robot.wait_for_log('r1: powered is False')

    def is_silent():
        joints.clear()
        heard.clear()
        world.ask(srv.InjectFault, '/sim_robot/inject_fault', fault=0)
        return not list(joints) and not list(heard)

    wait_until(is_silent, 'silence')
    world.ask(srv.InjectFault, '/sim_robot/inject_fault', fault=Fault.CLEAR)
    back = heard.wait_for(lambda m: m.health == m.HEALTH_OK and m.boot_id != boot_id)
    assert back.routing.stable == 'v23'
    joints.wait_for(lambda m: m.name)
