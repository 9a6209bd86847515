# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Arguments of the launch files, as `ros2 launch hotswap_ros <file> --show-args` prints them."""

import dataclasses

import _needs_launch  # noqa: F401
import pytest
from _launched import FOLDER
from launch.launch_description_sources import get_launch_description_from_python_launch_file

from hotswap_ros.nodes.coordinator.parameters import CoordinatorParameters
from hotswap_ros.nodes.policy_runner.parameters import PolicyRunnerParameters
from hotswap_ros.sim.nodes.sim_fleet import SimFleetParameters
from hotswap_ros.sim.nodes.sim_robot import SimRobotParameters

FILES = sorted(path.name for path in FOLDER.glob('*.launch.py'))
PARAMETERS = {
    'coordinator.launch.py': CoordinatorParameters,
    'fleet_sim.launch.py': SimFleetParameters,
    'robot.launch.py': PolicyRunnerParameters,
    'sim_robot.launch.py': SimRobotParameters,
}


def arguments(name):
    """Return the arguments of a launch file, those of files that it includes among them."""
    description = get_launch_description_from_python_launch_file(str(FOLDER / name))
    return {argument.name: argument for argument in description.get_launch_arguments()}


@pytest.mark.parametrize('name', FILES)
def test_every_argument_says_what_it_is_and_has_a_default(name):
    for argument in arguments(name).values():
        # A whole sentence; launch says 'no description given' and appends the valid choices.
        assert '.' in argument.description, argument.name
        assert argument.default_value is not None, argument.name


@pytest.mark.parametrize('name', PARAMETERS)
def test_the_usual_arguments_are_there(name):
    assert {'namespace', 'params_file', 'use_sim_time', 'log_level'} <= set(arguments(name))


@pytest.mark.parametrize('name', PARAMETERS)
def test_an_argument_that_stands_for_a_parameter_has_its_name(name):
    fields = {field.name for field in dataclasses.fields(PARAMETERS[name])}
    overriding = [
        a.name for a in arguments(name).values() if 'value in params_file' in a.description
    ]
    assert overriding
    included = {field.name for field in dataclasses.fields(CoordinatorParameters)}
    assert set(overriding) <= fields | (included if name == 'fleet_sim.launch.py' else set())
