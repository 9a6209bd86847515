# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Reports and counters of robots, their desired routings, commands and events.

The room is sans-IO: time and reports are arguments, commands and events are values.
"""

from typing import TYPE_CHECKING

from hotswap_ros.lazy import lazy_names

if TYPE_CHECKING:
    from hotswap_ros.fleet.clocks import ClockWatch
    from hotswap_ros.fleet.commands import Command, LoadVersion, Route, UnloadVersion
    from hotswap_ros.fleet.desired import Desired
    from hotswap_ros.fleet.desired_fleet import DesiredFleet
    from hotswap_ros.fleet.events import Event, EventKind, EventLog, Level
    from hotswap_ros.fleet.intake import Intake, Sender
    from hotswap_ros.fleet.quarantine import QuarantineWatch
    from hotswap_ros.fleet.reports import BreakerReport, RobotReport, Telemetry, VersionReport
    from hotswap_ros.fleet.view import FleetView

__all__ = [
    'BreakerReport',
    'ClockWatch',
    'Command',
    'Desired',
    'DesiredFleet',
    'Event',
    'EventKind',
    'EventLog',
    'FleetView',
    'Intake',
    'Level',
    'LoadVersion',
    'QuarantineWatch',
    'RobotReport',
    'Route',
    'Sender',
    'Telemetry',
    'UnloadVersion',
    'VersionReport',
]

__getattr__ = lazy_names(__name__)
