# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The test bed: simulated robots with physics and policies, and a virtual fleet.

The virtual fleet has no physics: its success rates are given, to try out plans.
"""

from hotswap_ros.sim.arm.external import EXTERNAL, ExternalWorld, JointReport
from hotswap_ros.sim.arm.task import CONTROL_PERIOD_S, SERVICE, PickWorld, Site, TaskEnd, TaskStart
from hotswap_ros.sim.faults.faults import (
    Conditions,
    Fault,
    FaultBook,
    FaultError,
    FaultKind,
    UnknownRobotError,
    load_faults,
)
from hotswap_ros.sim.fleet_layout import busy_robots, mean_pause_s, place_of
from hotswap_ros.sim.policies.episodes import Policy, Stats, rollout
from hotswap_ros.sim.policies.recipes import RECIPES, ZOO, Catch, Recipe
from hotswap_ros.sim.virtual.characteristics import Characteristics, Share, characterize
from hotswap_ros.sim.virtual.quick import RolloutEnd, World, simulate_rollout

__all__ = [
    'CONTROL_PERIOD_S',
    'EXTERNAL',
    'RECIPES',
    'SERVICE',
    'ZOO',
    'Catch',
    'Characteristics',
    'Conditions',
    'ExternalWorld',
    'Fault',
    'FaultBook',
    'FaultError',
    'FaultKind',
    'JointReport',
    'PickWorld',
    'Policy',
    'Recipe',
    'RolloutEnd',
    'Share',
    'Site',
    'Stats',
    'TaskEnd',
    'TaskStart',
    'UnknownRobotError',
    'World',
    'busy_robots',
    'characterize',
    'load_faults',
    'mean_pause_s',
    'place_of',
    'rollout',
    'simulate_rollout',
]
