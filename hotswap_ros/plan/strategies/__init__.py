# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The strategies: each is a plan's class and the pure function from it and a fleet to steps.

A module holds all that there is of a strategy; nothing else in the package knows one by name.
"""

from hotswap_ros.plan.strategies._ab_testing import ABTesting, ModelVersion, WinnerCriteria
from hotswap_ros.plan.strategies._blue_green import BlueGreen
from hotswap_ros.plan.strategies._canary import Canary
from hotswap_ros.plan.strategies._direct import Direct
from hotswap_ros.plan.strategies._feature_flag import ControlLoop, FeatureFlag, FlagEntry
from hotswap_ros.plan.strategies._phases import Phases, Single, put_back
from hotswap_ros.plan.strategies._progressive import ProgressiveRollout
from hotswap_ros.plan.strategies._regional import RegionalRollout
from hotswap_ros.plan.strategies._shadow import Shadow

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
