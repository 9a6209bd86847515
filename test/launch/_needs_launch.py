# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Imported first, this skips a module where the launch system of ROS is not installed."""

import pytest

pytest.importorskip(
    'launch_pytest',
    reason='launch_pytest is not installed: it comes with ROS (apt install '
    'ros-$ROS_DISTRO-launch-pytest), not from PyPI. test/ros runs the same nodes without it',
)
