# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The fleet's side: the coordinator that runs rollouts."""

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

#: Arguments that override the parameters file when they are given.
PARAMETERS = {
    'journal': 'File that keeps rollouts over restarts; empty: in the ROS home folder; '
    '"none": kept nowhere.',
    'plans_folder': "Folder of plan files that goals may name; empty: the package's examples.",
    'fleet_namespace': 'Namespace of the topics that the fleet shares.',
}


def explained(description):
    """Say what an argument that is not given means."""
    return description if 'empty:' in description else f'{description} Empty: as in params_file.'


def start(context):
    """Return the node, with the arguments that were given."""
    given = {name: LaunchConfiguration(name).perform(context) for name in PARAMETERS}
    given['plans_folder'] = given['plans_folder'] or PathJoinSubstitution(
        [FindPackageShare('hotswap_ros'), 'config', 'plans']
    )
    return [
        Node(
            package='hotswap_ros',
            executable='fleet_coordinator',
            name='fleet_coordinator',
            namespace=LaunchConfiguration('namespace'),
            parameters=[
                LaunchConfiguration('params_file'),
                {name: ParameterValue(v, value_type=str) for name, v in given.items() if v},
                {
                    'use_sim_time': ParameterValue(
                        LaunchConfiguration('use_sim_time'), value_type=bool
                    )
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
                'namespace', default_value='', description='Namespace of the coordinator.'
            ),
            DeclareLaunchArgument(
                'params_file',
                default_value=PathJoinSubstitution(
                    [FindPackageShare('hotswap_ros'), 'config', 'fleet_coordinator.yaml']
                ),
                description='Parameters file of the coordinator.',
            ),
            DeclareLaunchArgument(
                'use_sim_time', default_value='false', description='Take the time from /clock.'
            ),
            DeclareLaunchArgument(
                'use_respawn',
                default_value='true',
                description='Start it again when it dies; a rollout goes on where it stopped.',
            ),
            DeclareLaunchArgument(
                'log_level', default_value='info', description='debug, info, warn, error or fatal.'
            ),
            OpaqueFunction(function=start),
        ]
    )
