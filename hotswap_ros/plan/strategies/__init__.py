# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The strategies: each one is the class of a plan and a pure function from plan and fleet to steps.

A module holds everything about its strategy; no other part of the package knows one by name.
"""

from hotswap_ros.plan.strategies.ab_testing import ABTesting
from hotswap_ros.plan.strategies.blue_green import BlueGreen
from hotswap_ros.plan.strategies.direct import Direct
from hotswap_ros.plan.strategies.feature_flag import FeatureFlag
from hotswap_ros.plan.strategies.phases import Phases, Single, stop_serving
from hotswap_ros.plan.strategies.regional import RegionalRollout
from hotswap_ros.plan.strategies.shadow import Shadow
from hotswap_ros.plan.strategies.staged import Canary, ProgressiveRollout

__all__ = [
    'ABTesting',
    'BlueGreen',
    'Canary',
    'Direct',
    'FeatureFlag',
    'Phases',
    'ProgressiveRollout',
    'RegionalRollout',
    'Shadow',
    'Single',
    'stop_serving',
]
