# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Common parts of the verbs: the console, optional libraries, and common messages."""

from __future__ import annotations

import importlib.util

from rich.console import Console

NO_COORDINATOR = (
    'no fleet_coordinator answers: start one (ros2 launch hotswap_ros coordinator.launch.py), '
    'and check that ROS_DOMAIN_ID is the same here and there'
)
_DISTRIBUTIONS = {'mcap_ros2': 'mcap-ros2-support'}


def console() -> Console:
    """Return a console that wraps at 140 columns if the output is not a terminal."""
    found = Console()
    return found if found.is_terminal else Console(width=140)


def need(*modules: str) -> None:
    """Exit with a remedy unless the modules can be imported."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        wanted = ' '.join(_DISTRIBUTIONS.get(name, name) for name in missing)
        raise SystemExit(f'hotswap: this needs {", ".join(missing)}: pip3 install {wanted}')


def need_ros() -> None:
    """Exit with a remedy unless ROS is installed."""
    if importlib.util.find_spec('rclpy') is None:
        raise SystemExit(
            'hotswap: this needs ROS 2 (rclpy): source a ROS 2 workspace that has hotswap_ros, or '
            "run 'make demo' in the repository, which installs ROS 2"
        )
