# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The engine of a robot: serves a model, guards its decisions, counts, and swaps versions.

`Engine` is the whole of it for robot code and for the ROS node alike. It knows nothing of ROS.
"""

from hotswap_ros.models import FailureCause, InvalidRoutingError, Routing, VersionState
from hotswap_ros.serving.breaker import BREAKER_LIMIT, OpenBreaker
from hotswap_ros.serving.checks import Guard
from hotswap_ros.serving.engine import Engine
from hotswap_ros.serving.errors import (
    InferenceFailedError,
    InUseError,
    InvalidReportError,
    LoadFailedError,
    MovingError,
    NoMemoryError,
    NoRoomError,
    NotLoadedError,
    NotReadyError,
    NotServingError,
    ObservationError,
    OtherInterfaceError,
    ServingError,
    StaleGenerationError,
    UnknownModelError,
    UnknownTaskError,
)
from hotswap_ros.serving.onnx.runtime import Placement, RuntimeSettings
from hotswap_ros.serving.onnx.session import Session
from hotswap_ros.serving.processor_waits import BusyComputer
from hotswap_ros.serving.settings import EngineSettings, Isolation
from hotswap_ros.serving.types import Decision, ShadowComparison, TaskOutcome, TaskReport
from hotswap_ros.serving.versions.loaded_version import VersionInfo
from hotswap_ros.serving.worker.load_deadline import LOAD_DEADLINE_S

__all__ = [
    'BusyComputer',
    'BREAKER_LIMIT',
    'Decision',
    'Engine',
    'EngineSettings',
    'FailureCause',
    'Guard',
    'InUseError',
    'InferenceFailedError',
    'InvalidReportError',
    'InvalidRoutingError',
    'Isolation',
    'LOAD_DEADLINE_S',
    'LoadFailedError',
    'OtherInterfaceError',
    'MovingError',
    'NoMemoryError',
    'NoRoomError',
    'NotLoadedError',
    'NotReadyError',
    'NotServingError',
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
    'TaskReport',
    'UnknownModelError',
    'UnknownTaskError',
    'VersionInfo',
    'VersionState',
]
