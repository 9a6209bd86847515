# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Launch files under the real launch system, in ROS domains of their own."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Before rclpy is imported: nothing outside this machine is heard, nothing in the user's own ROS
# folder is written. Who asks and listens is the same as in test/ros.
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
if 'hotswap_ros_test_' not in os.environ.get('ROS_HOME', ''):
    os.environ['ROS_HOME'] = tempfile.mkdtemp(prefix='hotswap_ros_test_')
sys.path.append(str(Path(__file__).resolve().parents[1] / 'ros'))

import pytest


@pytest.fixture(scope='session', autouse=True)
def _leave_no_ros_home() -> Iterator[None]:
    yield
    shutil.rmtree(os.environ['ROS_HOME'], ignore_errors=True)
