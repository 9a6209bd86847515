# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What every verb needs: a console, and libraries that may not be there."""

from __future__ import annotations

import importlib.util

from rich.console import Console

_DISTRIBUTIONS = {'mcap_ros2': 'mcap-ros2-support'}


def console() -> Console:
    """Return a console that does not fold lines where nobody looks."""
    found = Console()
    return found if found.is_terminal else Console(width=140)


def need(*modules: str) -> None:
    """End with a remedy unless the modules can be imported."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        wanted = ' '.join(_DISTRIBUTIONS.get(name, name) for name in missing)
        raise SystemExit(f'hotswap: reports need {", ".join(missing)}: pip3 install {wanted}')


def need_ros() -> None:
    """End with a remedy unless ROS is there."""
    if importlib.util.find_spec('rclpy') is None:
        raise SystemExit(
            'hotswap: this needs ROS 2 (rclpy): source a ROS 2 workspace that has hotswap_ros, or '
            "run 'make demo' in the repository, which brings its own"
        )
