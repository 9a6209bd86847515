# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Launch file of the arm in Gazebo, the robot that drives it, and a coordinator."""

import shlex

from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription


def include(share, name, **arguments):
    """Return another launch file, in a group that keeps its arguments local."""
    source = PythonLaunchDescriptionSource(PathJoinSubstitution([share, 'launch', name]))
    return GroupAction(
        [IncludeLaunchDescription(source, launch_arguments=arguments.items())],
        scoped=True,
    )


def gazebo(context):
    """Return Gazebo with the world; its launch file gives `gz_args` to a shell."""
    options, world = (
        LaunchConfiguration(name).perform(context) for name in ('gz_options', 'world')
    )
    return [
        include(
            FindPackageShare('ros_gz_sim'),
            'gz_sim.launch.py',
            gz_args=f'{options} {shlex.quote(world)}',
            on_exit_shutdown='true',
        )
    ]


def generate_launch_description():
    """Return the launch description."""
    share = FindPackageShare('hotswap_ros')
    files = PathJoinSubstitution([share, 'config', 'gazebo'])
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'robot_id', default_value='robot_01', description='Name of the robot in the fleet.'
            ),
            DeclareLaunchArgument(
                'stable_version',
                default_value='v23',
                description='Version that the robot serves after the start.',
            ),
            DeclareLaunchArgument(
                'world',
                default_value=PathJoinSubstitution([files, 'pick_arm.sdf']),
                description='World file of Gazebo with the arm.',
            ),
            DeclareLaunchArgument(
                'gz_options',
                default_value='-r',
                description='Options of gz sim: "-r" runs at once, "-r -s" runs without a window.',
            ),
            OpaqueFunction(function=gazebo),
            Node(
                package='ros_gz_bridge',
                executable='parameter_bridge',
                parameters=[{'config_file': PathJoinSubstitution([files, 'bridge.yaml'])}],
                output='screen',
            ),
            include(
                share,
                'sim_robot.launch.py',
                world='external',
                robot_id=LaunchConfiguration('robot_id'),
                stable_version=LaunchConfiguration('stable_version'),
                use_sim_time='true',
            ),
            include(share, 'coordinator.launch.py', journal='none', use_sim_time='true'),
        ]
    )
