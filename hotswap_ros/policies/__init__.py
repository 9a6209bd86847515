# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Policies on a robot: from the messages of its topics to commands, without ROS."""

from typing import TYPE_CHECKING

from hotswap_ros.lazy import lazy_names

if TYPE_CHECKING:
    from hotswap_ros.policies.alignment import MissingError, Sources
    from hotswap_ros.policies.chunk_player import ChunkPlayer, Command
    from hotswap_ros.policies.contract import (
        Align,
        Contract,
        ContractError,
        DecisionTerm,
        ObservationTerm,
        Outcome,
        Stop,
        read_contract,
    )
    from hotswap_ros.policies.control_loop import (
        Answer,
        ControlLoop,
        Decider,
        Request,
        Step,
        problems_of,
    )
    from hotswap_ros.policies.message_values import MessageError, reader_of, write_decision

__all__ = [
    'Align',
    'Answer',
    'ChunkPlayer',
    'Command',
    'Contract',
    'ContractError',
    'ControlLoop',
    'Decider',
    'DecisionTerm',
    'MessageError',
    'MissingError',
    'ObservationTerm',
    'Outcome',
    'Request',
    'Sources',
    'Step',
    'Stop',
    'problems_of',
    'read_contract',
    'reader_of',
    'write_decision',
]

__getattr__ = lazy_names(__name__)
