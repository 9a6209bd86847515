# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The parts of the engine that decide without a model, for simulations of many robots."""

from hotswap_ros.serving._breaker import Breaker
from hotswap_ros.serving._in_force import InForce, Waiting
from hotswap_ros.serving._incubator import Incubator
from hotswap_ros.serving._recorder import Recorder
from hotswap_ros.serving._resident import Resident
from hotswap_ros.serving._router import Router
from hotswap_ros.serving._shadow import distance_of
from hotswap_ros.serving._tasks import Tasks

__all__ = [
    'Breaker',
    'InForce',
    'Incubator',
    'Recorder',
    'Resident',
    'Router',
    'Tasks',
    'Waiting',
    'distance_of',
]
