# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The node `fleet_coordinator`: rollouts and rollbacks over ROS."""

from hotswap_ros.nodes.coordinator.node import FleetCoordinator, main

__all__ = ['FleetCoordinator', 'main']
