# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Fake fleets for tests."""

from hotswap_ros.testing.fleet import FakeFleet
from hotswap_ros.testing.network import FakeNetwork
from hotswap_ros.testing.robot import FakeRobot

__all__ = ['FakeFleet', 'FakeNetwork', 'FakeRobot']
