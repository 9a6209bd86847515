# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The parts of the engine that decide without a model, for simulations of many robots."""

from hotswap_ros.serving.breaker import Breaker
from hotswap_ros.serving.loaded_version import LoadedVersion
from hotswap_ros.serving.recorder import Recorder
from hotswap_ros.serving.router import Router
from hotswap_ros.serving.routing_in_force import InForce, Waiting
from hotswap_ros.serving.tasks import Tasks
from hotswap_ros.serving.worker.shadow_ring import distance_of
from hotswap_ros.serving.worker.supervisor import WorkerSupervisor

__all__ = [
    'Breaker',
    'InForce',
    'WorkerSupervisor',
    'Recorder',
    'LoadedVersion',
    'Router',
    'Tasks',
    'Waiting',
    'distance_of',
]
