# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Launch file of one robot: a model server that configures and activates itself.

With a contract it is a policy runner, which also takes the robot's topics and sends its commands.
"""

import os
from pathlib import Path

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

#: Arguments that override the parameters file when they are given.
PARAMETERS = {
    'robot_id': 'Name of the robot in the fleet.',
    'region': 'Region of the robot.',
    'model_id': 'Model (named policy) that the robot serves.',
    'model_repository': 'Folder or http(s) address with <model>/<version>/manifest.json.',
    'cache_folder': 'Folder on the robot for copies of the versions (default: below ~/.ros).',
    'stable_version': 'Version that the robot serves after the start.',
    'state_folder': 'Folder that keeps the routing over restarts (default: below ~/.ros).',
    'fleet_namespace': 'Namespace of the topics that the fleet shares.',
    'contract': 'File with the contract of the robot: policy_runner runs, not model_server.',
}


def typed(name, kind):
    """Return an argument as a parameter."""
    return ParameterValue(LaunchConfiguration(name), value_type=kind)


def defaults(namespace):
    """
    Return what keeps a robot safe over a crash, as parameters that the parameters file may change.

    Without a state folder an older routing is accepted after a crash; without a cache a version
    that was replaced in the repository is served; without a budget the memory may run out.
    """
    ros_home = os.environ.get('ROS_HOME') or str(Path.home() / '.ros')
    folder = Path(ros_home, 'hotswap_ros', namespace.strip('/') or 'robot')
    memory_mb = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') // 1_000_000
    return {
        'state_folder': str(folder / 'state'),
        'cache_folder': str(folder / 'cache'),
        'memory_budget_mb': memory_mb // 2,
    }


def start(context):
    """Return the node, with the arguments that were given."""
    namespace = LaunchConfiguration('namespace').perform(context)
    given = [name for name in PARAMETERS if LaunchConfiguration(name).perform(context)]
    program = 'policy_runner' if 'contract' in given else 'model_server'
    return [
        Node(
            package='hotswap_ros',
            executable=program,
            name=program,
            namespace=LaunchConfiguration('namespace'),
            parameters=[
                defaults(namespace),
                LaunchConfiguration('params_file'),
                {name: typed(name, str) for name in given},
                {name: typed(name, bool) for name in ('use_sim_time', 'autostart')},
            ],
            ros_arguments=['--log-level', LaunchConfiguration('log_level')],
            respawn=LaunchConfiguration('use_respawn'),
            respawn_delay=1.0,
            output='screen',
        )
    ]


def generate_launch_description():
    """Return the launch description."""
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(
                    name,
                    default_value='',
                    description=f'{description} Empty: value in params_file.',
                )
                for name, description in PARAMETERS.items()
            ),
            DeclareLaunchArgument(
                'namespace', default_value='', description="The robot's namespace."
            ),
            DeclareLaunchArgument(
                'params_file',
                default_value=PathJoinSubstitution(
                    [FindPackageShare('hotswap_ros'), 'config', 'model_server.yaml']
                ),
                description='Parameters file of the model server.',
            ),
            DeclareLaunchArgument(
                'use_sim_time', default_value='false', description='Use the time of /clock.'
            ),
            DeclareLaunchArgument(
                'autostart',
                default_value='true',
                description='Configure and activate the lifecycle node automatically.',
            ),
            DeclareLaunchArgument(
                'use_respawn', default_value='true', description='Restart the node when it exits.'
            ),
            DeclareLaunchArgument(
                'log_level',
                default_value='info',
                choices=['debug', 'info', 'warn', 'error', 'fatal'],
                description='Log level.',
            ),
            OpaqueFunction(function=start),
        ]
    )
