# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A model server, as a process, whose stable version hangs on one observation."""

import json
import os
import signal
from dataclasses import asdict
from pathlib import Path

import pytest
from _world import Program, wait_until

from hotswap_ros import msg, srv
from hotswap_ros.models import Routing
from hotswap_ros.nodes import qos

RECORD = {
    'format': 1,
    'routing': asdict(Routing('policy', 'v2', generation=3)),
    'proven': 'v1',
    'on_probation': ['v2'],
    'crashes': {},
    'is_clean': True,
    'pending': None,
    'digests': {},
}


def processor_s(pid):
    """Return the processor time that a process has used, in seconds."""
    fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


class Robot:
    """The process of a model server that serves v2 after v1, and what is heard of it."""

    def __init__(self, world, folder, root):
        self.world, self.folder, self.root = world, folder, root
        (folder / 'state').mkdir()
        (folder / 'state' / 'policy.json').write_text(json.dumps(RECORD))
        self.statuses = world.listen(msg.RobotStatus, '/hang/status', qos.EVENT)
        self.start()

    def start(self):
        self.program = Program(
            'model_server',
            self.folder,
            self.world.domain,
            robot_id='r1',
            model_id='policy',
            model_repository=str(self.root),
            state_folder=str(self.folder / 'state'),
            fleet_namespace='/hang',
            status_period_s=0.1,
        )

    def wait_until_it_serves(self, version):
        self.statuses.clear()
        return self.statuses.wait_for(
            lambda s: s.routing.stable == version and s.health != s.HEALTH_ERROR
        )

    def infer(self, value):
        fields = {'dtype': msg.Tensor.FLOAT32, 'shape': [1, 4], 'values': [value] * 4}
        inputs = [msg.Tensor(name='observation', **fields)]
        return self.world.begin(srv.Infer, '/model_server/infer', task_id='t', inputs=inputs)

    def hang(self):
        """Send what v2 hangs on, and return the answer to come."""
        return self.infer(-1.0)


@pytest.fixture
def make_robot(world, make_version, tmp_path):
    """Return a maker of robots; whatever a failing test leaves behind is killed."""
    robots = []
    make_version('v1', bias=1.0)

    def make(fault):
        more = {'deadline_ms': 50.0, 'safe_decision': {'decision': 7.0}}
        make_version('v2', fault=fault, bias=2.0, **more)
        robots.append(Robot(world, tmp_path, make_version.root))
        robots[-1].wait_until_it_serves('v2')
        return robots[-1]

    yield make
    for robot in robots:
        if robot.program.is_running:
            robot.program.kill()


def test_a_run_that_hangs_is_ended_and_the_last_proven_version_serves(make_robot, world):
    robot = make_robot('endless')
    answer = world.result_of(robot.hang())
    assert answer.decision.safe_decision
    status = robot.wait_until_it_serves('v1')
    assert status.breaker_version == 'v2'
    assert status.health == status.HEALTH_DEGRADED
    assert world.result_of(robot.hang()).decision.version == 'v1'
    robot.program.kill()
    robot.start()
    robot.wait_until_it_serves('v1')
    robot.program.stop(signal.SIGTERM)


def test_a_run_that_cannot_be_ended_ends_the_process_once(make_robot, world):
    robot = make_robot('long')
    robot.hang()
    assert robot.program.wait() == 70
    robot.start()
    robot.wait_until_it_serves('v1')
    assert world.result_of(robot.hang()).decision.version == 'v1'
    robot.program.stop(signal.SIGTERM)


def test_a_process_in_which_a_version_hangs_ends_when_it_is_asked_to(make_robot):
    robot = make_robot('long')
    before_s = processor_s(robot.program.pid)
    robot.hang()
    wait_until(lambda: processor_s(robot.program.pid) > before_s + 0.3, 'the begin of the run')
    robot.program.stop(signal.SIGTERM)
