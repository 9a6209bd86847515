# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A policy runner over DDS: topics in, commands out, one task at a time."""

from pathlib import Path

import pytest
from _world import wait_until
from action_msgs.msg import GoalStatus
from builtin_interfaces.msg import Duration
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64MultiArray

from hotswap_ros import action, msg, srv
from hotswap_ros.nodes import qos
from hotswap_ros.nodes.policy_runner import PolicyRunner

JOINTS = ['a', 'b', 'c', 'd']
Result = action.RunTask.Result
#: The example of the package.
CONTRACT = Path(__file__).parents[2] / 'config' / 'contracts' / 'arm.yaml'


class Arm:
    """A policy runner, and the drivers of its robot."""

    def __init__(self, world, root, name):
        self.world, self.name = world, name
        values = {
            'robot_id': name,
            'model_id': 'policy',
            'model_repository': str(root),
            'stable_version': 'v1',
            'fleet_namespace': f'/{name}/fleet',
            'status_period_s': 0.1,
            'telemetry_period_s': 0.1,
            'contract': str(CONTRACT),
        }
        fleet = f'/{name}/fleet'
        self.statuses = world.listen(msg.RobotStatus, f'{fleet}/status', qos.EVENT)
        self.results = world.listen(msg.TaskResult, f'{fleet}/task_results', qos.EVENT)
        self.node = world.add(
            lambda: PolicyRunner(
                namespace=name,
                parameter_overrides=[Parameter(k, value=v) for k, v in values.items()],
                **world.node_options,
            )
        )
        ok = msg.RobotStatus.HEALTH_OK
        self.statuses.wait_for(lambda s: s.health == ok, 'a robot that is well')
        profile = QoSProfile(depth=1)
        self.commands = world.listen(Float64MultiArray, f'/{name}/commands', profile)
        self.sensor = world.publisher(JointState, f'/{name}/joint_states', profile)
        self.done = world.publisher(Bool, f'/{name}/done', profile)
        self._timer = None

    def move(self, value=1.0, joints=JOINTS):
        """Publish the state of the joints from now on, fifty times a second."""

        def publish():
            self.sensor.publish(JointState(name=joints, position=[value] * len(joints)))

        self.rest()
        self._timer = self.world.do(lambda: self.world.node.create_timer(0.02, publish))

    def rest(self):
        """Publish nothing any more."""
        timer, self._timer = self._timer, None
        if timer is not None:
            self.world.do(lambda: self.world.node.destroy_timer(timer))

    def begin(self, **fields):
        return self.world.send(action.RunTask, f'/{self.name}/policy_runner/run_task', **fields)

    def ask(self, kind, name, **fields):
        return self.world.ask(kind, f'/{self.name}/policy_runner/{name}', **fields)

    def wait_for_command(self, value):
        self.commands.clear()
        self.commands.wait_for(
            lambda command: list(command.data) == pytest.approx([value] * 2), f'command {value}'
        )

    def close(self):
        self.rest()
        self.world.do(self.node.stop)
        self.world.remove(self.node)


@pytest.fixture(scope='module')
def arm(world, version_maker, tmp_path_factory):
    folder = tmp_path_factory.mktemp('arm')
    maker = version_maker(folder / 'models')
    maker('v1', bias=0.25, safe_decision={'decision': 0.0})
    maker('v2', bias=0.5, safe_decision={'decision': 0.0}, fault='exception')
    made = Arm(world, maker.root, 'arm')
    yield made
    made.close()


def test_a_task_ends_with_the_outcome_of_its_topic(arm):
    arm.move()
    goal = arm.begin(task_id='first', category='near')
    arm.wait_for_command(0.25)
    wait_until(lambda: any(f.version == 'v1' for f in goal.feedback), 'feedback')
    arm.done.publish(Bool(data=True))
    result = goal.result()
    assert (result.success, result.error_code, result.task_id) == (True, Result.NONE, 'first')
    assert (result.version, result.fallbacks) == ('v1', 0)
    assert result.commands > 1
    told = arm.results.wait_for(lambda r: r.task_id == 'first', 'the result of the task')
    assert (told.success, told.version, told.category) == (True, 'v1', 'near')
    # When it has ended, the robot is told to stop, once.
    arm.commands.wait_for(lambda c: list(c.data) == [0.0, 0.0], 'the safe decision')


def test_whoever_reports_a_task_ends_it(arm):
    arm.move()
    goal = arm.begin(task_id='reported')
    arm.wait_for_command(0.25)
    answer = arm.ask(srv.ReportTask, 'report_task', task_id='reported', success=False, stuck=True)
    assert answer.error_code == answer.NONE
    result = goal.result()
    assert (result.success, result.version) == (False, 'v1')
    told = arm.results.wait_for(lambda r: r.task_id == 'reported', 'the result')
    assert told.stuck


def test_one_task_at_a_time_and_a_goal_can_be_canceled(arm):
    arm.move()
    goal = arm.begin(task_id='long')
    arm.wait_for_command(0.25)
    busy = arm.begin(task_id='other').result()
    assert (busy.error_code, 'long' in busy.error_msg) == (Result.BUSY, True)
    goal.cancel()
    result = goal.result()
    assert (goal.status, result.error_code) == (GoalStatus.STATUS_CANCELED, Result.CANCELED)
    assert not result.success


def test_a_task_that_takes_too_long_fails(arm):
    arm.move()
    late = arm.begin(timeout=Duration(nanosec=300_000_000)).result()
    assert (late.error_code, late.success) == (Result.TIMED_OUT, False)
    assert late.task_id, 'a task that nobody names gets a name'


def test_a_robot_without_observations_stops_and_says_which_are_missing(arm):
    arm.move()
    goal = arm.begin()
    arm.wait_for_command(0.25)
    arm.rest()
    result = goal.result()
    assert result.error_code == Result.NO_OBSERVATION
    assert 'joint_states' in result.error_msg
    assert not result.success


def test_a_joint_that_is_missing_is_named(arm):
    arm.move(joints=JOINTS[:3])
    wait_until(lambda: arm.sensor.get_subscription_count() == 1, 'the subscription')
    result = arm.begin().result()
    assert result.error_code == Result.NO_OBSERVATION
    assert 'no joint d' in result.error_msg


def test_a_candidate_decides_and_stable_answers_for_it(arm):
    answer = arm.ask(srv.LoadModel, 'load_model', model_id='policy', version='v2')
    assert answer.error_code == answer.NONE, answer.error_msg
    routing = msg.Routing(
        model_id='policy', stable='v1', candidate='v2', candidate_share=1.0, generation=5
    )
    answer = arm.ask(srv.SetRouting, 'set_routing', routing=routing)
    assert answer.error_code == answer.NONE, answer.error_msg
    arm.move()
    goal = arm.begin(task_id='trial')
    arm.wait_for_command(0.5)
    arm.move(-1.0)  # sets off the fault of v2
    arm.wait_for_command(0.25)
    arm.done.publish(Bool(data=True))
    result = goal.result()
    assert (result.success, result.version) == (True, 'v2')
    assert result.fallbacks > 0
