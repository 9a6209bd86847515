# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
ONE rollout as a state machine: read `Runner.tick` first.

The room is sans-IO: time, robot reports and what operators say are arguments, and what robots
should serve is a value. So a rollout of two days runs in a test in milliseconds.
"""

from typing import TYPE_CHECKING

from hotswap_ros.lazy import lazy_names

if TYPE_CHECKING:
    from hotswap_ros.rollout.errors import (
        BadNonceError,
        CommandRefusedError,
        MissingVersionError,
        NoRobotsError,
        NothingToRollBackError,
        OverlapError,
        RolloutError,
        SeveralRolloutsError,
        TakenOverError,
        UnknownRobotError,
        UnknownRolloutError,
    )
    from hotswap_ros.rollout.event_kinds import END_EVENTS, PAUSE_EVENTS
    from hotswap_ros.rollout.runner import Runner
    from hotswap_ros.rollout.state import RolloutState
    from hotswap_ros.rollout.status import LEADS_ON, Cause, PauseReason, Status, Verb
    from hotswap_ros.rollout.verbs import check_nonce, verb_table

__all__ = [
    'END_EVENTS',
    'LEADS_ON',
    'PAUSE_EVENTS',
    'BadNonceError',
    'Cause',
    'CommandRefusedError',
    'MissingVersionError',
    'NoRobotsError',
    'NothingToRollBackError',
    'OverlapError',
    'PauseReason',
    'RolloutError',
    'RolloutState',
    'Runner',
    'SeveralRolloutsError',
    'Status',
    'TakenOverError',
    'UnknownRobotError',
    'UnknownRolloutError',
    'Verb',
    'check_nonce',
    'verb_table',
]

__getattr__ = lazy_names(__name__)
