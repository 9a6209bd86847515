# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Rollouts in virtual time: the very coordinator, gates and routing, over robots by the ten thousand.

What tasks come to is drawn from figures, which were measured in the physics simulation or are
given. No ROS, and the same seed gives the same rollout.
"""

from hotswap_ros.sim.virtual.clock import VirtualClock
from hotswap_ros.sim.virtual.fleet import VirtualFleet
from hotswap_ros.sim.virtual.outcomes import (
    CategoryOutcomes,
    OutcomesError,
    RequestFailures,
    VersionOutcomes,
    load_outcomes,
    plain,
)
from hotswap_ros.sim.virtual.session import VirtualSession
from hotswap_ros.sim.virtual.spec import FleetSpec, Placed, RegionSpec

__all__ = [
    'CategoryOutcomes',
    'FleetSpec',
    'OutcomesError',
    'Placed',
    'RegionSpec',
    'RequestFailures',
    'VersionOutcomes',
    'VirtualClock',
    'VirtualFleet',
    'VirtualSession',
    'load_outcomes',
    'plain',
]
