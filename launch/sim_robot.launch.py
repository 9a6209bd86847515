# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Launch file of one simulated robot: an arm with the usual topics, and its model server."""

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

#: Arguments that override the parameters file when they are given.
TEXTS = {
    'robot_id': 'Name of the robot in the fleet.',
    'world': 'mujoco: arm simulated here; external: arm in Gazebo or elsewhere.',
    'region': 'Region of the robot.',
    'model_repository': 'Folder or http(s) address with <model>/<version>/manifest.json.',
    'stable_version': 'Version that the robot serves after the start.',
    'disk_folder': "Folder of the robot's disk, which keeps its state over restarts.",
    'faults_file': 'YAML file with scheduled faults.',
    'fleet_namespace': 'Namespace of the topics that the fleet shares.',
}
OTHERS = {
    'speed': 'Simulated seconds per second.',
    'seed': 'Random seed of the robot and its tasks.',
    'external_commands': 'true: follow velocity_controller/commands.',
}


def start(context):
    """Return the robot, with the arguments that were given."""
    given = {
        # The node refuses a value that is no number, and names the expected type.
        name: ParameterValue(LaunchConfiguration(name), value_type=str if name in TEXTS else None)
        for name in (*TEXTS, *OTHERS)
        if LaunchConfiguration(name).perform(context)
    }
    use_sim_time = ParameterValue(LaunchConfiguration('use_sim_time'), value_type=bool)
    # An external world has its own clock.
    is_external = LaunchConfiguration('world').perform(context) == 'external'
    return [
        Node(
            package='hotswap_ros',
            executable='sim_robot',
            name='sim_robot',
            namespace=LaunchConfiguration('namespace'),
            parameters=[
                LaunchConfiguration('params_file'),
                given,
                {
                    'use_sim_time': use_sim_time,
                    'publish_clock': False if is_external else use_sim_time,
                },
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
                for name, description in (TEXTS | OTHERS).items()
            ),
            DeclareLaunchArgument(
                'namespace', default_value='', description="The robot's namespace."
            ),
            DeclareLaunchArgument(
                'params_file',
                default_value=PathJoinSubstitution(
                    [FindPackageShare('hotswap_ros'), 'config', 'sim_robot.yaml']
                ),
                description='Parameters file of the simulated robot.',
            ),
            DeclareLaunchArgument(
                'use_sim_time',
                default_value='false',
                description='Publish /clock and use it, for a robot that runs alone.',
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
