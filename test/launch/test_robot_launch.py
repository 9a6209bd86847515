# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One robot's side, as `ros2 launch hotswap_ros robot.launch.py` starts it."""

import _needs_launch  # noqa: F401
import launch_pytest
import pytest
from _launched import Site
from _world import wait_until

from hotswap_ros import msg, srv
from hotswap_ros.nodes import qos

NODE = '/robot_07/model_server'


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.world.close()


@launch_pytest.fixture
def robot(site):
    return site.launch('robot.launch.py', namespace='robot_07', robot_id='robot_07')


@pytest.mark.launch(fixture=robot)
def test_a_robot_serves_the_version_of_the_parameters_file(robot, site):
    heard = site.world.listen(msg.RobotStatus, '/fleet/status', qos.EVENT)
    status = heard.wait_for(lambda m: m.health == m.HEALTH_OK)
    assert (status.robot_id, status.server) == ('robot_07', NODE)
    assert status.routing.stable == 'v23'
    assert site.state(NODE) == 'active'
    answer = site.world.ask(srv.ListModels, f'{NODE}/list_models')
    states = {version.version: version.state for version in answer.versions}
    assert states['v23'] == msg.VersionStatus.STATE_READY
    assert {'v24', 'v25_regressed'} <= set(states)
    assert site.parameters(NODE, 'use_sim_time') == {'use_sim_time': False}
    kept = site.parameters(NODE, 'state_folder', 'cache_folder', 'memory_budget_mb')
    assert all('robot_07' in kept[name] for name in ('state_folder', 'cache_folder'))
    assert kept['memory_budget_mb'] > 0
    yield
    assert site.ended_well('model_server')


@launch_pytest.fixture
def robot_of_our_own(site):
    path = site.folder / 'parameters.yaml'
    path.write_text(
        '/**: {ros__parameters: {model_id: pick_policy, stable_version: v24, region: south, '
        'resident_limit: 3, memory_budget_mb: 1234}}'
    )
    return site.launch(
        'robot.launch.py',
        params_file=str(path),
        region='west',
        fleet_namespace='/site_a',
        autostart='false',
        use_sim_time='true',
    )


@pytest.mark.launch(fixture=robot_of_our_own)
def test_arguments_override_the_parameters_file_and_this_the_defaults(robot_of_our_own, site):
    expected = {
        'model_id': 'pick_policy',
        'stable_version': 'v24',
        'resident_limit': 3,
        'memory_budget_mb': 1234,
        'region': 'west',
        'fleet_namespace': '/site_a',
        'autostart': False,
        'use_sim_time': True,
        'robot_id': '',
    }
    assert site.parameters('/model_server', *expected) == expected
    assert site.state('/model_server') == 'unconfigured'
    yield
    assert site.ended_well('model_server')


@launch_pytest.fixture
def robot_that_dies(site):
    return site.launch('robot.launch.py', robot_id='robot_07')


@pytest.mark.launch(fixture=robot_that_dies)
def test_a_robot_that_dies_comes_back(robot_that_dies, site):
    heard = site.world.listen(msg.RobotStatus, '/fleet/status', qos.EVENT)
    first = heard.wait_for(lambda m: m.health == m.HEALTH_OK)
    site.kill('model_server')
    second = heard.wait_for(lambda m: m.boot_id != first.boot_id and m.health == m.HEALTH_OK)
    assert second.routing.stable == 'v23'
    yield
    wait_until(lambda: site.exit_codes == {'model_server': [-9, 0]}, lambda: site.output)
