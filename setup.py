# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Install the part that needs no ROS with `pip install .`: plans, gates, simulation, command line.

The ROS package is built by CMakeLists.txt, which does not run this file. Everything but the list
of requirements is in setup.cfg, which both builds read.
"""

from pathlib import Path

from setuptools import setup

_RUNTIME = Path(__file__).parent / 'requirements' / 'runtime.txt'

setup(
    install_requires=[
        line.strip()
        for line in _RUNTIME.read_text().splitlines()
        if line.strip() and not line.startswith('#')
    ]
)
