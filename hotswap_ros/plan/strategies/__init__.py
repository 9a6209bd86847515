# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The strategies: each is a plan's class and the pure function from it and a fleet to steps.

A module holds all that there is of a strategy; nothing else in the package knows one by name.
"""

from hotswap_ros.plan.strategies.ab_testing import ABTesting, ModelVersion, WinnerCriteria
from hotswap_ros.plan.strategies.blue_green import BlueGreen
from hotswap_ros.plan.strategies.direct import Direct
from hotswap_ros.plan.strategies.feature_flag import ControlLoop, FeatureFlag, FlagEntry
from hotswap_ros.plan.strategies.phases import Phases, Single, put_back
from hotswap_ros.plan.strategies.regional import RegionalRollout
from hotswap_ros.plan.strategies.shadow import Shadow
from hotswap_ros.plan.strategies.staged import Canary, ProgressiveRollout

__all__ = [
    'ABTesting',
    'BlueGreen',
    'Canary',
    'ControlLoop',
    'Direct',
    'FeatureFlag',
    'FlagEntry',
    'ModelVersion',
    'Phases',
    'ProgressiveRollout',
    'RegionalRollout',
    'Shadow',
    'Single',
    'WinnerCriteria',
    'put_back',
]
