# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The test bed: simulated robots with physics and policies, and a virtual fleet.

The virtual fleet has no physics: its success rates are given, to try out plans.
"""

from hotswap_ros.sim.faults.faults import Fault, FaultBook, FaultError, FaultKind
from hotswap_ros.sim.policies.recipes import ZOO
from hotswap_ros.sim.virtual.characteristics import Characteristics, Share, characterize
from hotswap_ros.sim.virtual.quick import World

__all__ = [
    'ZOO',
    'Characteristics',
    'Fault',
    'FaultBook',
    'FaultError',
    'FaultKind',
    'Share',
    'World',
    'characterize',
]
