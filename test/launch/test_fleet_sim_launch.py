# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The simulated fleet and its coordinator, as `ros2 launch hotswap_ros fleet_sim.launch.py`."""

import _needs_launch  # noqa: F401
import launch_pytest
import pytest
from _launched import Site
from _world import plan, wait_until

from hotswap_ros import action, msg, srv
from hotswap_ros.nodes import qos

ROBOTS = {'robot_01', 'robot_02', 'robot_03', 'robot_04'}


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.world.close()


def wait_for_robots(site, topic, robots):
    """Wait until robots are heard to work, by themselves and by the coordinator."""
    heard = site.world.listen(msg.RobotStatus, topic, qos.EVENT)
    wait_until(
        lambda: {m.robot_id for m in heard if m.health == m.HEALTH_OK} == robots,
        lambda: f'{robots}: {site.output}',
    )
    return heard


@launch_pytest.fixture
def fleet(site):
    return site.launch('fleet_sim.launch.py', robots='4', speed='20')


@pytest.mark.launch(fixture=fleet)
def test_a_rollout_over_a_simulated_fleet_runs_to_its_end(fleet, site):
    wait_for_robots(site, '/fleet/status', ROBOTS)
    known = site.world.listen(msg.RolloutStatus, '/fleet_coordinator/rollout_status', qos.STATE)
    known.wait_for(lambda m: m.robots_heard == len(ROBOTS))
    goal = site.world.send(
        action.Rollout,
        '/fleet_coordinator/rollout',
        plan=plan('v24', [(50, 20), (100, 20)]),
    )
    result = goal.result()
    assert result.error_code == result.NONE, result.error_msg
    heard = site.world.listen(msg.RobotStatus, '/fleet/status', qos.EVENT)
    wait_until(
        lambda: {m.robot_id for m in heard if m.routing.stable == 'v24'} == ROBOTS,
        'v24 everywhere',
    )
    # Nothing is left of it for the next time.
    assert not (site.folder / 'hotswap_ros').exists()
    yield
    assert site.ended_well('fleet_coordinator', 'sim_fleet')


@launch_pytest.fixture
def fleet_of_our_own(site):
    path = site.folder / 'parameters.yaml'
    path.write_text('/**: {ros__parameters: {robots: 3, speed: 2, seed: 7, regions: []}}')
    return site.launch(
        'fleet_sim.launch.py',
        namespace='site_a',
        params_file=str(path),
        robots='2',
        stable_version='v24',
        fleet_namespace='/site_a/fleet',
        use_sim_time='true',
    )


@pytest.mark.launch(fixture=fleet_of_our_own)
def test_arguments_override_the_parameters_file_and_this_the_defaults(fleet_of_our_own, site):
    expected = {
        'robots': 2,
        'speed': 2.0,
        'seed': 7,
        'stable_version': 'v24',
        'fleet_namespace': '/site_a/fleet',
    }
    assert site.parameters('/site_a/sim_fleet', *expected) == expected
    expected = {'fleet_namespace': '/site_a/fleet', 'journal': 'none', 'use_sim_time': True}
    assert site.parameters('/site_a/fleet_coordinator', *expected) == expected
    heard = wait_for_robots(site, '/site_a/fleet/status', {'robot_01', 'robot_02'})
    assert {m.server for m in heard} == {
        '/site_a/robot_01/model_server',
        '/site_a/robot_02/model_server',
    }
    answer = site.world.ask(srv.ListModels, '/site_a/robot_01/model_server/list_models')
    assert answer.routing.stable == 'v24'
    yield
    assert site.ended_well('fleet_coordinator', 'sim_fleet')
