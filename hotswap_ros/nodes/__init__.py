# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The ROS edge: thin nodes that translate between messages and the plain Python of the other rooms.

Nodes take no decisions, and only nodes import rclpy.
"""
