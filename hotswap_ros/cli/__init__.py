# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The command line: `hotswap …`."""

from hotswap_ros.cli import _app_scenario, _app_sim
from hotswap_ros.cli._app import main

__all__ = ['_app_scenario', '_app_sim', 'main']
