# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The robot's side: serves a model, guards what it decides, counts, and swaps versions.

`Engine` is the whole of it for robot code and for the ROS node alike. It knows nothing of ROS.
"""

from hotswap_ros.models import Cause, InvalidRoutingError, Routing, VersionState, bucket
from hotswap_ros.serving._breaker import BREAKER_LIMIT, OpenBreaker
from hotswap_ros.serving._decision import Decision, TaskOutcome
from hotswap_ros.serving._engine import Engine
from hotswap_ros.serving._errors import (
    InferenceFailedError,
    InUseError,
    LoadFailedError,
    MovingError,
    NoMemoryError,
    NoRoomError,
    NotLoadedError,
    NotReadyError,
    NotServingError,
    ObservationError,
    ServingError,
    StaleGenerationError,
    UnknownModelError,
    UnknownTaskError,
)
from hotswap_ros.serving._guard import Guard
from hotswap_ros.serving._observation import ObservationCheck
from hotswap_ros.serving._runtime import Placement, RuntimeSettings
from hotswap_ros.serving._session import Session
from hotswap_ros.serving._shadow import ShadowComparison
from hotswap_ros.serving._versions import Isolation, VersionInfo

__all__ = [
    'BREAKER_LIMIT',
    'Cause',
    'Decision',
    'Engine',
    'Guard',
    'InUseError',
    'InferenceFailedError',
    'InvalidRoutingError',
    'Isolation',
    'LoadFailedError',
    'MovingError',
    'NoMemoryError',
    'NoRoomError',
    'NotLoadedError',
    'NotReadyError',
    'NotServingError',
    'ObservationCheck',
    'ObservationError',
    'OpenBreaker',
    'Placement',
    'Routing',
    'RuntimeSettings',
    'ServingError',
    'Session',
    'ShadowComparison',
    'StaleGenerationError',
    'TaskOutcome',
    'UnknownModelError',
    'UnknownTaskError',
    'VersionInfo',
    'VersionState',
    'bucket',
]
