# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Policies on a robot: how decisions become commands, without ROS."""

from typing import TYPE_CHECKING

from hotswap_ros.lazy import lazy_names

if TYPE_CHECKING:
    from hotswap_ros.policies.chunk_player import ChunkPlayer

__all__ = ['ChunkPlayer']

__getattr__ = lazy_names(__name__)
