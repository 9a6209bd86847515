# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Rollouts in virtual time: the real coordinator, gates and routing, over thousands of robots.

Outcomes of tasks are drawn from rates, which were measured in the physics simulation or are given.
This needs no ROS, and the same seed gives the same rollout.
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
from hotswap_ros.sim.virtual.spec import FleetSpec

__all__ = [
    'CategoryOutcomes',
    'FleetSpec',
    'OutcomesError',
    'RequestFailures',
    'VersionOutcomes',
    'VirtualClock',
    'VirtualFleet',
    'VirtualSession',
    'load_outcomes',
    'plain',
]
