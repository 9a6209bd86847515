# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The fleet's side, as `ros2 launch hotswap_ros coordinator.launch.py` starts it."""

import _needs_launch  # noqa: F401
import launch_pytest
import pytest
from _launched import Site
from _world import wait_until
from rclpy.action import ActionClient

from hotswap_ros import action, msg, srv
from hotswap_ros.coordinator.journal import Journal
from hotswap_ros.nodes import qos
from hotswap_ros.nodes.process import CANNOT_START


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.world.close()


@launch_pytest.fixture
def coordinator(site):
    return site.launch('coordinator.launch.py')


@pytest.mark.launch(fixture=coordinator)
def test_a_coordinator_takes_goals_and_knows_the_plans_of_the_package(coordinator, site):
    goal = site.world.send(action.Rollout, '/fleet_coordinator/rollout', plan='canary_v24.yaml')
    result = goal.result()
    assert result.error_code == result.NO_ROBOTS, result.error_msg
    assert (site.folder / 'hotswap_ros' / 'journal.sqlite3').exists()
    assert site.parameters('/fleet_coordinator', 'use_sim_time') == {'use_sim_time': False}
    yield
    assert site.ended_well('fleet_coordinator')


@launch_pytest.fixture
def coordinator_of_our_own(site):
    plans = site.folder / 'plans'
    plans.mkdir()
    path = site.folder / 'parameters.yaml'
    path.write_text(
        f'/**: {{ros__parameters: {{journal: none, plans_folder: {plans}, '
        'heartbeat_period_s: 0.25}}'
    )
    return site.launch(
        'coordinator.launch.py',
        namespace='site_a',
        params_file=str(path),
        journal=str(site.folder / 'j' / 'journal'),
        fleet_namespace='/site_a/fleet',
        use_sim_time='true',
    )


@pytest.mark.launch(fixture=coordinator_of_our_own)
def test_arguments_override_the_parameters_file_and_this_the_defaults(
    coordinator_of_our_own, site
):
    expected = {
        'heartbeat_period_s': 0.25,
        'plans_folder': str(site.folder / 'plans'),
        'journal': str(site.folder / 'j' / 'journal'),
        'fleet_namespace': '/site_a/fleet',
        'use_sim_time': True,
    }
    node = '/site_a/fleet_coordinator'
    assert site.parameters(node, *expected) == expected
    assert (site.folder / 'j' / 'journal').exists()
    client = site.world.do(
        lambda: ActionClient(site.world.node, action.Rollout, f'{node}/rollout')
    )
    assert client.wait_for_server(timeout_sec=30.0)
    heard = site.world.listen(msg.Heartbeat, '/site_a/fleet/heartbeat', qos.STREAM)
    heard.wait_for(lambda m: True)
    yield
    assert site.ended_well('fleet_coordinator')


@launch_pytest.fixture
def coordinator_that_dies(site):
    return site.launch('coordinator.launch.py')


@pytest.mark.launch(fixture=coordinator_that_dies)
def test_a_coordinator_that_dies_comes_back(coordinator_that_dies, site):
    name = '/fleet_coordinator/list_rollouts'
    assert site.world.ask(srv.ListRollouts, name).error_code == 0
    heard = site.world.listen(msg.Heartbeat, '/fleet/heartbeat', qos.STREAM)
    epoch = heard.wait_for(lambda m: True).epoch
    site.kill('fleet_coordinator')
    heard.wait_for(lambda m: m.epoch > epoch, 'a later epoch')
    assert site.world.ask(srv.ListRollouts, name).error_code == 0
    yield
    assert site.exit_codes == {'fleet_coordinator': [-9, 0]}, site.output


@launch_pytest.fixture
def coordinator_of_a_held_journal(site):
    held = Journal(site.folder / 'journal')
    held.hold()
    yield site.launch('coordinator.launch.py', journal=str(site.folder / 'journal'))
    held.close()


@pytest.mark.launch(fixture=coordinator_of_a_held_journal)
def test_a_coordinator_whose_journal_is_held_is_not_started_again(
    coordinator_of_a_held_journal, site, launch_service
):
    # The launch ends by itself only when no process runs and none is to be started again.
    wait_until(launch_service.task.done, lambda: f'the end of the launch: {site.output}')
    assert site.exit_codes == {'fleet_coordinator': [CANNOT_START]}, site.output
