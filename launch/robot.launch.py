# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One robot's side: a model server that configures and activates itself."""

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

#: Arguments that override the parameters file when they are given.
PARAMETERS = {
    'robot_id': 'Name of the robot in the fleet; empty: the host name.',
    'region': 'Region of the robot.',
    'model_id': 'The model (named policy) that the robot serves.',
    'model_repository': 'Folder that holds <model>/<version>/manifest.json and the model files; '
    'empty: the one that comes with the package.',
    'stable_version': 'Version to serve after the start.',
    'fleet_namespace': 'Namespace of the topics that the fleet shares.',
}


def explained(description):
    """Say what an argument that is not given means."""
    return description if 'empty:' in description else f'{description} Empty: as in params_file.'


def start(context):
    """Return the node, with the arguments that were given."""
    given = {name: LaunchConfiguration(name).perform(context) for name in PARAMETERS}
    given['model_repository'] = given['model_repository'] or PathJoinSubstitution(
        [FindPackageShare('hotswap_ros'), 'models']
    )
    return [
        Node(
            package='hotswap_ros',
            executable='model_server',
            name='model_server',
            namespace=LaunchConfiguration('namespace'),
            parameters=[
                LaunchConfiguration('params_file'),
                {name: ParameterValue(v, value_type=str) for name, v in given.items() if v},
                {
                    'use_sim_time': ParameterValue(
                        LaunchConfiguration('use_sim_time'), value_type=bool
                    ),
                    'autostart': ParameterValue(LaunchConfiguration('autostart'), value_type=bool),
                },
            ],
            arguments=['--ros-args', '--log-level', LaunchConfiguration('log_level')],
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
                DeclareLaunchArgument(name, default_value='', description=explained(description))
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
                'use_sim_time', default_value='false', description='Take the time from /clock.'
            ),
            DeclareLaunchArgument(
                'autostart',
                default_value='true',
                description='Configure and activate the managed node by itself.',
            ),
            DeclareLaunchArgument(
                'use_respawn', default_value='true', description='Start it again when it dies.'
            ),
            DeclareLaunchArgument(
                'log_level', default_value='info', description='debug, info, warn, error or fatal.'
            ),
            OpaqueFunction(function=start),
        ]
    )
