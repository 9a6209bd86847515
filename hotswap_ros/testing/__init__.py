# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
A fake fleet for tests of rollout plans: no ROS, no models, and hours of a rollout in a second.

A `FakeFleet` has robots, a network and a coordinator with a journal, all in virtual time. The
coordinator, the gates and the journal are the real ones; the robots serve by the routing rules of
the real engine. Only the tasks are drawn by chance, from a success rate for each version. A test
states these rates, lets time pass, disturbs what it likes, and asserts where the rollout ends:

```python
import pytest

from hotswap_ros.rollout import Cause, PauseReason, Status, Verb
from hotswap_ros.testing import FakeFleet

PLAN = '''
modelId: pick_policy
version: v24
strategy: Canary
stages:
  - {percentage: 20, tasks: 60}
  - {percentage: 100, tasks: 300}
promoteOn: proven
proofBudget: {tasks: 5000}
'''


@pytest.fixture
def fleet(tmp_path):
    return FakeFleet(tmp_path / 'journal.sqlite3', {'v23': 0.90, 'v24': 0.95}, robots=10)


def test_a_better_version_is_promoted(fleet):
    state = fleet.finish(fleet.start(PLAN))
    assert state.status is Status.SUCCEEDED
    assert fleet.stables() == {'v24'}


def test_a_worse_version_is_rolled_back_from_the_first_stage(fleet):
    for robot in fleet.robots.values():
        robot.success['v24'] = 0.4
    state = fleet.finish(fleet.start(PLAN))
    assert (state.status, state.cause) == (Status.ROLLED_BACK, Cause.GATE_FAILED)
    assert fleet.serving('v23') == set(fleet.robots)
    assert sum('v24' in robot.served for robot in fleet.robots.values()) == 2


def test_an_unreachable_robot_pauses_the_rollout(fleet):
    rollout = fleet.start(PLAN)
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    robot = next(robot for robot in fleet.robots.values() if robot.routing.candidate)
    robot.online = False
    fleet.run(10)
    assert fleet.state(rollout).pause_reason is PauseReason.UNREACHABLE
    robot.online = True
    assert fleet.finish(rollout).status is Status.SUCCEEDED


def test_the_rollout_survives_a_kill_of_the_coordinator_and_a_bad_network(fleet):
    rollout = fleet.start(PLAN)
    fleet.network.disturb(loss=0.05, duplication=0.2, delay=0.2)
    fleet.run(20)
    fleet.kill_coordinator()
    fleet.run(5)
    fleet.boot_coordinator()
    assert fleet.finish(rollout).status is Status.SUCCEEDED


def test_an_operator_can_abort(fleet):
    rollout = fleet.start(PLAN)
    fleet.run(30)
    fleet.command(rollout, Verb.ABORT, 'not today')
    assert fleet.finish(rollout).status is Status.ABORTED
    assert fleet.candidates() == set()
    assert 'aborted' in fleet.kinds()
```

One `step` is one second: each robot does its tasks and reports once, then the coordinator acts
once. `run`, `run_until` and `finish` are many steps. Everything else happens at once: loading a
version takes no time, and a message arrives when it is sent unless the network is disturbed.

What can go wrong is an attribute or a method: see `FakeRobot` for robots that are offline, deaf or
mute, that reboot, have a wrong clock or cannot load a version; `FakeNetwork` for messages that are
lost, duplicated or late; `FakeFleet` for a robot with the robot_id of another one, a killed or a
second coordinator. `FakeFleet.coordinator` is the real Coordinator, with its reports and history.

Chance decides, so a plan that allows false alarms has them: where a test fails for that, give the
fleet another `seed`, or rates that differ more.
"""

from hotswap_ros.testing.fleet import FakeFleet
from hotswap_ros.testing.network import FakeNetwork
from hotswap_ros.testing.robot import FakeRobot

__all__ = ['FakeFleet', 'FakeNetwork', 'FakeRobot']
