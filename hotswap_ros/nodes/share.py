# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Installed files of the package: policies, plans, launch and parameter files."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory


def shared(*parts: str) -> str:
    """Return the path of an installed file or folder: `shared('config', 'plans')`."""
    return str(Path(get_package_share_directory('hotswap_ros'), *parts))
