# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The executables with parameter files and namespaces, as launch files start them."""

from pathlib import Path

import pytest
import yaml
from _world import Program
from rcl_interfaces.msg import ParameterType
from rcl_interfaces.srv import GetParameters
from rclpy.parameter import parameter_value_to_python

from hotswap_ros import msg, srv
from hotswap_ros.nodes import qos
from hotswap_ros.nodes.process import CANNOT_START

CONFIG = Path(__file__).resolve().parents[2] / 'config'
#: What keeps a test short and the user's own files untouched.
SHORT = {
    'fleet_coordinator': {'journal': 'none'},
    'model_server': {'autostart': False},
    'sim_fleet': {'robots': 1},
    'sim_robot': {'isolation': 'in_process'},
}


@pytest.fixture
def run(world, tmp_path):
    """Return what starts an executable with a parameter file."""
    programs = []

    def start(name, path, *arguments, **parameters):
        arguments = ['--params-file', path, *arguments]
        programs.append(Program(name, tmp_path, world.domain, arguments, **parameters))
        return programs[-1]

    yield start
    for program in programs:
        if program.is_running:
            program.stop()


def values(world, node, names):
    """Return parameters of a running node; one that it does not have is None."""
    answer = world.ask(GetParameters, f'{node}/get_parameters', names=list(names))
    return dict(zip(names, map(parameter_value_to_python, answer.values)))


@pytest.mark.parametrize('name', SHORT)
def test_the_file_that_comes_with_the_package_is_taken_as_it_is(run, world, name):
    path = CONFIG / f'{name}.yaml'
    run(name, path, **SHORT[name])
    ((_, content),) = yaml.safe_load(path.read_text()).items()
    expected = {**content['ros__parameters'], **SHORT[name]}
    assert values(world, f'/{name}', expected) == expected


@pytest.mark.parametrize('name', SHORT)
def test_every_parameter_may_be_given_to_it_by_name(run, world, tmp_path, name):
    """A namespace, a name of its own and a wildcard: the file's patterns are those of ROS."""
    path = tmp_path / 'parameters.yaml'
    path.write_text(
        yaml.safe_dump(
            {
                '/**': {'ros__parameters': {**SHORT[name], 'fleet_namespace': '/unseen'}},
                f'/{name}': {'ros__parameters': {'fleet_namespace': '/site_a'}},
            }
        )
    )
    run(name, path)
    assert values(world, f'/{name}', ['fleet_namespace']) == {'fleet_namespace': '/site_a'}


def test_a_whole_number_does_where_any_number_does(run, world, tmp_path):
    path = tmp_path / 'parameters.yaml'
    path.write_text('/**: {ros__parameters: {journal: none, unreachable_after_s: 3}}')
    run('fleet_coordinator', path)
    found = values(world, '/fleet_coordinator', ['unreachable_after_s'])
    assert found == {'unreachable_after_s': 3.0}


def test_a_list_may_be_empty(run, world, tmp_path):
    path = tmp_path / 'parameters.yaml'
    path.write_text('/**: {ros__parameters: {autostart: false, labels: []}}')
    run('model_server', path)
    found = values(world, '/model_server', ['labels', 'autostart'])
    assert found == {'labels': [''], 'autostart': False}


def test_a_wrong_value_in_a_file_is_named_in_one_line(run, tmp_path):
    path = tmp_path / 'parameters.yaml'
    path.write_text('/**: {ros__parameters: {robots: many}}')
    program = run('sim_fleet', path)
    assert program.wait() == CANNOT_START
    assert program.log.strip() == (
        "sim_fleet: parameter 'robots' is 'many', but must be an integer from 1 to 200"
    )


def test_the_time_may_come_from_a_clock(run, world, tmp_path):
    path = tmp_path / 'parameters.yaml'
    path.write_text('/**: {ros__parameters: {journal: none, use_sim_time: true}}')
    run('fleet_coordinator', path)
    assert values(world, '/fleet_coordinator', ['use_sim_time']) == {'use_sim_time': True}
    # Nobody publishes a clock: the coordinator answers all the same.
    answer = world.ask(srv.ListRollouts, '/fleet_coordinator/list_rollouts')
    assert answer.error_code == answer.NONE


def test_a_namespace_is_that_of_the_simulated_robots_too(run, world):
    heard = world.listen(msg.RobotStatus, '/fleet/status', qos.EVENT)
    path = CONFIG / 'sim_fleet.yaml'
    run('sim_fleet', path, '-r', '__ns:=/site_a', '-r', '__node:=sim_fleet', robots=1)
    assert heard.wait_for(lambda m: True).server == '/site_a/robot_01/model_server'
    assert values(world, '/site_a/sim_fleet', ['robots']) == {'robots': 1}


def test_what_a_node_does_not_have_reads_as_unset(run, world):
    """The tests above would see a key that no node declares."""
    run('fleet_coordinator', CONFIG / 'fleet_coordinator.yaml', journal='none')
    name = '/fleet_coordinator/get_parameters'
    answer = world.ask(GetParameters, name, names=['no_such'])
    assert [value.type for value in answer.values] in ([], [ParameterType.PARAMETER_NOT_SET])
