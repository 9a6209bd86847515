# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Names of robots that were given none."""

import pytest

pytest.importorskip('rclpy', reason='needs ROS')
pytest.importorskip('hotswap_ros.msg', reason='needs the built ROS package')

from hotswap_ros.nodes.model_server.robot_name import id_problem

GENERATED = (
    '3f2a1b0c9d8e',
    'robot-7c9b5d8f6d-x2x4z',
    'localhost',
    'localhost.localdomain',
    'a1b2c3d',
    'ip-10-0-0-17',
)
GIVEN = ('robot-07', 'cell3-arm', 'picker', 'deadbeef-station', 'amr_12')


@pytest.mark.parametrize('name', GENERATED)
def test_a_generated_host_name_is_no_stable_id(name):
    assert name in id_problem('', name)
    assert not id_problem('robot_07', name)


@pytest.mark.parametrize('name', GIVEN)
def test_a_host_name_that_somebody_chose_may_be_stable(name):
    assert not id_problem('', name)
