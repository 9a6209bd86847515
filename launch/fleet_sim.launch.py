# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Launch file of a simulated fleet and its coordinator, to try rollouts without robots."""

from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
    Shutdown,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

#: Arguments that override the parameters file when they are given.
NUMBERS = {
    'robots': 'Number of simulated robots, 1 to 200.',
    'speed': 'Simulated seconds per second.',
    'seed': 'Random seed of robots and tasks.',
}
TEXTS = {
    'model_repository': 'Model repository.',
    'stable_version': 'Version that the robots serve at the start.',
    'faults_file': 'YAML file with scheduled faults.',
    'fleet_namespace': 'Namespace of the topics that the fleet shares.',
}


def start(context):
    """Return the simulated fleet, with the arguments that were given."""
    given = {
        # The node refuses a value that is no number, and names the expected type.
        name: ParameterValue(LaunchConfiguration(name), value_type=str if name in TEXTS else None)
        for name in (*NUMBERS, *TEXTS)
        if LaunchConfiguration(name).perform(context)
    }
    return [
        Node(
            package='hotswap_ros',
            executable='sim_fleet',
            name='sim_fleet',
            namespace=LaunchConfiguration('namespace'),
            parameters=[LaunchConfiguration('params_file'), given],
            ros_arguments=['--log-level', LaunchConfiguration('log_level')],
            output='screen',
            on_exit=Shutdown(reason='the simulated fleet has stopped'),
        )
    ]


def generate_launch_description():
    """Return the launch description."""
    share = FindPackageShare('hotswap_ros')
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(
                    name,
                    default_value='',
                    description=f'{description} Empty: value in params_file.',
                )
                for name, description in (NUMBERS | TEXTS).items()
            ),
            DeclareLaunchArgument(
                'namespace',
                default_value='',
                description='Namespace of coordinator and simulator.',
            ),
            DeclareLaunchArgument(
                'params_file',
                default_value=PathJoinSubstitution([share, 'config', 'sim_fleet.yaml']),
                description='Parameters file of the simulated fleet.',
            ),
            DeclareLaunchArgument(
                'journal',
                default_value='none',
                description='Journal file, which keeps rollouts over restarts; "none": no file.',
            ),
            DeclareLaunchArgument(
                'use_sim_time',
                default_value='false',
                description='Let the coordinator use the time of /clock.',
            ),
            DeclareLaunchArgument(
                'diagnostics',
                default_value='false',
                description='Group /diagnostics into /diagnostics_agg, for rqt_robot_monitor.',
            ),
            DeclareLaunchArgument(
                'log_level',
                default_value='info',
                choices=['debug', 'info', 'warn', 'error', 'fatal'],
                description='Log level.',
            ),
            # In a group: the arguments of an include would otherwise stay set for later actions.
            GroupAction(
                [
                    IncludeLaunchDescription(
                        PythonLaunchDescriptionSource(
                            PathJoinSubstitution([share, 'launch', 'coordinator.launch.py'])
                        ),
                        launch_arguments={
                            'journal': LaunchConfiguration('journal'),
                            'fleet_namespace': LaunchConfiguration('fleet_namespace'),
                            'namespace': LaunchConfiguration('namespace'),
                            'use_sim_time': LaunchConfiguration('use_sim_time'),
                            'log_level': LaunchConfiguration('log_level'),
                            'diagnostics': LaunchConfiguration('diagnostics'),
                            # Not the file of the simulator, whose argument has the same name.
                            'params_file': PathJoinSubstitution(
                                [share, 'config', 'fleet_coordinator.yaml']
                            ),
                        }.items(),
                    )
                ]
            ),
            OpaqueFunction(function=start),
        ]
    )
