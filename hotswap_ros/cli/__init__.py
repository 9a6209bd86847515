# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The command line: `hotswap …`."""

from hotswap_ros.cli.app import main

__all__ = ['main']
