# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Install the part that needs no ROS with `pip install .`: plans, gates, simulation, command line.

The ROS package is built by CMakeLists.txt, which does not run this file. The rest of the metadata
is in setup.cfg, which both builds read.
"""

from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent


def requirements():
    """Return the lines of requirements/runtime.txt that name a library."""
    lines = (ROOT / 'requirements' / 'runtime.txt').read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith('#')]


def data_files(*folders):
    """Return the files of some folders, by the folder into which they are installed."""
    found = {}
    for folder in folders:
        for path in sorted((ROOT / folder).rglob('*')):
            if path.is_file():
                relative = path.relative_to(ROOT)
                found.setdefault(f'share/hotswap_ros/{relative.parent}', []).append(str(relative))
    return list(found.items())


setup(
    long_description=(ROOT / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    install_requires=requirements(),
    data_files=data_files('config', 'models'),
)
