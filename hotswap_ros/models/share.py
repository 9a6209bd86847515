# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Installed files of the package: policies, plans, scenarios, parameter files."""

from pathlib import Path


def shared(*parts: str) -> Path:
    """
    Return the path of a file or folder of the package.

    For example `shared('config', 'plans')`.

    Python files and the others are below one folder: that of the sources, or where `colcon build`
    or pip installed both. Raises FileNotFoundError if only the Python files were copied.
    """
    for folder in Path(__file__).resolve().parents:
        for share in (folder, folder / 'share' / 'hotswap_ros'):
            if (share / 'config' / 'fleet_coordinator.yaml').exists():
                return share.joinpath(*parts)
    raise FileNotFoundError(
        f'no share/hotswap_ros was installed with {Path(__file__).parents[1]}: install the '
        'package with colcon or pip'
    )
