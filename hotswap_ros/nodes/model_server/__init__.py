# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The node `model_server`: one robot's models, served over ROS."""

from hotswap_ros.nodes.model_server.node import ModelServer, main, run_server

__all__ = ['ModelServer', 'main', 'run_server']
