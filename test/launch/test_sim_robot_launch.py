# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One simulated robot, as `ros2 launch hotswap_ros sim_robot.launch.py` starts it."""

import _needs_launch  # noqa: F401
import launch_pytest
import pytest
from _launched import Site
from _world import wait_until
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState

from hotswap_ros import msg, srv
from hotswap_ros.nodes import qos


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.world.close()


@launch_pytest.fixture
def robot(site):
    return site.launch(
        'sim_robot.launch.py',
        namespace='cell_3',
        robot_id='r3',
        speed='10',
        disk_folder=str(site.folder / 'disk'),
        use_sim_time='true',
    )


@pytest.mark.launch(fixture=robot)
def test_a_robot_works_by_its_own_clock_and_comes_back_after_a_kill(robot, site):
    clocks = site.world.listen(Clock, '/clock', qos.EVENT)
    joints = site.world.listen(JointState, '/cell_3/joint_states', qos.EVENT)
    heard = site.world.listen(msg.RobotStatus, '/fleet/status', qos.EVENT)
    first = heard.wait_for(lambda m: m.health == m.HEALTH_OK)
    assert (first.robot_id, first.server) == ('r3', '/cell_3/model_server')
    joints.wait_for(lambda m: m.header.stamp.sec < 86400)
    clocks.wait_for(lambda m: m.clock.sec >= 1)
    kill = srv.InjectFault.Request.KILL
    site.world.ask(srv.InjectFault, '/cell_3/sim_robot/inject_fault', fault=kill)
    heard.wait_for(lambda m: m.boot_id != first.boot_id and m.health == m.HEALTH_OK)
    yield
    wait_until(lambda: site.exit_codes == {'sim_robot': [-9, 0]}, lambda: site.output)
