# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Launch file of fleet_coordinator."""

from launch.actions import DeclareLaunchArgument, EmitEvent, LogInfo, OpaqueFunction
from launch.conditions import IfCondition
from launch.events import matches_action
from launch.events.process import ShutdownProcess
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

#: Arguments that override the parameters file when they are given.
PARAMETERS = {
    'journal': 'Journal file, which keeps rollouts over restarts; "none": no file.',
    'plans_folder': 'Folder of plan files that goals may name.',
    'model_repository': 'Model repository (folder or http(s) address), for checklists.',
    'fleet_namespace': 'Namespace of the topics that the fleet shares.',
}
#: Exit code of a node that cannot start: wrong parameters, or a journal that another one holds.
CANNOT_START = 78


def typed(name, kind):
    """Return an argument as a parameter."""
    return ParameterValue(LaunchConfiguration(name), value_type=kind)


def stay_down(event, _):
    """Return what keeps a process down that could not start a second time either."""
    if event.returncode != CANNOT_START:
        return None
    return [
        LogInfo(msg='fleet_coordinator cannot start, see above: it is not started again'),
        EmitEvent(event=ShutdownProcess(process_matcher=matches_action(event.action))),
    ]


def start(context):
    """Return the node, with the arguments that were given."""
    given = [name for name in PARAMETERS if LaunchConfiguration(name).perform(context)]
    return [
        Node(
            package='hotswap_ros',
            executable='fleet_coordinator',
            name='fleet_coordinator',
            namespace=LaunchConfiguration('namespace'),
            parameters=[
                LaunchConfiguration('params_file'),
                {name: typed(name, str) for name in given},
                {'use_sim_time': typed('use_sim_time', bool)},
            ],
            ros_arguments=['--log-level', LaunchConfiguration('log_level')],
            respawn=LaunchConfiguration('use_respawn'),
            respawn_delay=1.0,
            on_exit=stay_down,
            output='screen',
        ),
        Node(
            package='diagnostic_aggregator',
            executable='aggregator_node',
            parameters=[LaunchConfiguration('diagnostics_file')],
            ros_arguments=['--log-level', LaunchConfiguration('log_level')],
            condition=IfCondition(LaunchConfiguration('diagnostics')),
            output='screen',
        ),
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
                'use_sim_time', default_value='false', description='Use the time of /clock.'
            ),
            DeclareLaunchArgument(
                'use_respawn',
                default_value='true',
                description='Restart the node when it exits; rollouts continue.',
            ),
            DeclareLaunchArgument(
                'diagnostics',
                default_value='false',
                description='Group /diagnostics into /diagnostics_agg, for rqt_robot_monitor.',
            ),
            DeclareLaunchArgument(
                'diagnostics_file',
                default_value=PathJoinSubstitution(
                    [FindPackageShare('hotswap_ros'), 'config', 'diagnostics.yaml']
                ),
                description='Parameters file of diagnostic_aggregator.',
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
