# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Fixtures of launch tests: a launch file in a ROS domain of its own, and a client."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import launch_pytest
from _world import World, wait_until
from launch.actions import IncludeLaunchDescription, RegisterEventHandler, SetEnvironmentVariable
from launch.event_handlers import OnProcessExit, OnProcessIO, OnProcessStart
from launch.launch_description_sources import PythonLaunchDescriptionSource
from lifecycle_msgs.srv import GetState
from rcl_interfaces.srv import GetParameters
from rclpy.parameter import parameter_value_to_python

from launch import LaunchDescription

FOLDER = Path(__file__).resolve().parents[2] / 'launch'


class Site:
    """One launch file at work, and the world in which it is heard."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = World()
        self.processes: dict[str, list[int]] = {}
        self.exit_codes: dict[str, list[int]] = {}
        self.output = ''

    def launch(self, name: str, **arguments: str) -> LaunchDescription:
        """Return what a launch_pytest fixture starts."""
        domain = str(self.world.domain.number)
        return LaunchDescription(
            [
                SetEnvironmentVariable('ROS_DOMAIN_ID', domain),
                SetEnvironmentVariable('ROS_HOME', str(self.folder)),
                RegisterEventHandler(OnProcessStart(on_start=self._on_start)),
                RegisterEventHandler(OnProcessIO(on_stdout=self._on_io, on_stderr=self._on_io)),
                RegisterEventHandler(OnProcessExit(on_exit=self._on_exit)),
                IncludeLaunchDescription(
                    PythonLaunchDescriptionSource(str(FOLDER / name)),
                    launch_arguments=arguments.items(),
                ),
                launch_pytest.actions.ReadyToTest(),
            ]
        )

    def _on_start(self, event: Any, _: Any) -> None:
        self.processes.setdefault(self._name(event), []).append(event.pid)

    def _on_io(self, event: Any) -> None:
        self.output += event.text.decode(errors='replace')

    def _on_exit(self, event: Any, _: Any) -> None:
        self.exit_codes.setdefault(self._name(event), []).append(event.returncode)

    @staticmethod
    def _name(event: Any) -> str:
        return str(event.process_name).split('-')[0]

    def kill(self, name: str) -> None:
        """End a process as a power cut would, and wait until it is there again."""
        os.kill(self.processes[name][-1], signal.SIGKILL)
        wait_until(lambda: len(self.processes[name]) > 1, f'{name} to be started again')

    def ended_well(self, *names: str) -> bool:
        """Return whether these processes, and no others, ran to a good end."""
        assert 'Traceback' not in self.output, self.output
        assert self.exit_codes == {name: [0] for name in names}, self.output
        return True

    def parameters(self, node: str, *names: str) -> dict[str, Any]:
        """Return parameters of a running node."""
        answer = self.world.ask(GetParameters, f'{node}/get_parameters', names=list(names))
        return dict(zip(names, map(parameter_value_to_python, answer.values)))

    def state(self, node: str) -> str:
        """Return the lifecycle state of a managed node."""
        return str(self.world.ask(GetState, f'{node}/get_state').current_state.label)
