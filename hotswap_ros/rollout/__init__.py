# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Doing: the runner, what robots should serve, the journal, and the coordinator that ties them.

The room is sans-IO but for the journal: time, robot reports and operator words are arguments, and
commands are values. So a rollout of two days runs in a test in milliseconds.
"""

from hotswap_ros.rollout._archive import Archive, ArchiveError
from hotswap_ros.rollout._commands import Command, LoadVersion, Route, UnloadVersion
from hotswap_ros.rollout._coordinator import Coordinator, Output
from hotswap_ros.rollout._errors import (
    CommandRefusedError,
    NoRobotsError,
    NothingToRollBackError,
    OverlapError,
    RolloutError,
    SeveralRolloutsError,
    TakenOverError,
    UnknownRobotError,
    UnknownRolloutError,
)
from hotswap_ros.rollout._fleet import (
    BreakerReport,
    FleetView,
    RobotReport,
    Telemetry,
    VersionReport,
)
from hotswap_ros.rollout._forecast import Forecast, forecast
from hotswap_ros.rollout._history import StrategyMetrics, strategy_metrics
from hotswap_ros.rollout._journal import IN_MEMORY, Journal, JournalError, RolloutSummary
from hotswap_ros.rollout._kinds import QUIET, Kind
from hotswap_ros.rollout._preview import Preview, Traffic
from hotswap_ros.rollout._rollback import Rollback
from hotswap_ros.rollout._rollback_state import ROLLBACK
from hotswap_ros.rollout._runner import Runner
from hotswap_ros.rollout._snapshot import Snapshot, StepView
from hotswap_ros.rollout._state import (
    Cause,
    Conclusion,
    Event,
    Level,
    PauseReason,
    RolloutState,
    Status,
)
from hotswap_ros.rollout._verbs import Verb
from hotswap_ros.rollout._version_facts import read_versions

__all__ = [
    'IN_MEMORY',
    'QUIET',
    'ROLLBACK',
    'Archive',
    'ArchiveError',
    'BreakerReport',
    'Cause',
    'Command',
    'CommandRefusedError',
    'Conclusion',
    'Coordinator',
    'Event',
    'FleetView',
    'Forecast',
    'Journal',
    'JournalError',
    'Kind',
    'Level',
    'LoadVersion',
    'NoRobotsError',
    'NothingToRollBackError',
    'Output',
    'OverlapError',
    'PauseReason',
    'Preview',
    'RobotReport',
    'Rollback',
    'RolloutError',
    'SeveralRolloutsError',
    'RolloutState',
    'RolloutSummary',
    'Route',
    'Runner',
    'Snapshot',
    'Status',
    'StepView',
    'StrategyMetrics',
    'TakenOverError',
    'Telemetry',
    'Traffic',
    'UnknownRobotError',
    'UnknownRolloutError',
    'UnloadVersion',
    'Verb',
    'VersionReport',
    'forecast',
    'read_versions',
    'strategy_metrics',
]
