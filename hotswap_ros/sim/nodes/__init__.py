# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The ROS edge of the simulation: the nodes `sim_fleet` and `sim_robot`."""
