# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""policy_runner: all that a robot needs beside its drivers."""

from hotswap_ros.nodes.policy_runner.node import PolicyRunner, main

__all__ = ['PolicyRunner', 'main']
