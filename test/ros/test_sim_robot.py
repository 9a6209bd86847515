# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One simulated robot as a process: the topics of an arm, and what a kill leaves of it."""

import itertools
import math
import signal
from functools import partial

import pytest
from _world import Program, wait_until
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from hotswap_ros import msg, srv
from hotswap_ros.nodes import qos, robot_conversions

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
            outputs = robot_conversions.tensors_to_arrays(decision.outputs)
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
