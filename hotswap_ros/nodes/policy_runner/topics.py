# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The topics of a contract: subscriptions for observations, publishers for decisions."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from hotswap_ros.nodes import qos
from hotswap_ros.nodes.conversions.common import duration_msg
from hotswap_ros.nodes.model_server.managed_node import ManagedNode
from hotswap_ros.policies import (
    Command,
    Contract,
    DecisionTerm,
    ObservationTerm,
    Sources,
    write_decision,
)

_TRAJECTORY = 'trajectory_msgs/msg/JointTrajectory'


class Topics:
    """
    What a robot gives and takes.

    `on_outcome` hears how a task ended, where the contract has a topic for that. Raises ValueError
    for a message type that is not installed.
    """

    def __init__(
        self, node: ManagedNode, contract: Contract, on_outcome: Callable[[bool], None]
    ) -> None:
        self._node = node
        self._contract = contract
        self.sources = Sources(contract)
        for name, term in contract.observations.items():
            kind = _message_type(f"observation '{name}'", term.type)
            hear = partial(self._hear, name)
            node.listen(kind, term.topic, hear, _profile(term))
        self._publishers = {}
        for name, command in contract.decisions.items():
            kind = _message_type(f"decision '{name}'", command.type)
            self._publishers[name] = (
                kind,
                node.publisher(kind, command.topic, _profile(command)),
            )
        outcome = contract.outcome
        if outcome is not None:
            kind = _message_type("'outcome'", outcome.type)
            path = outcome.field.split('.')
            node.listen(
                kind,
                outcome.topic,
                lambda message: on_outcome(bool(_field(message, path))),
                qos.NEWEST_RELIABLE,
            )

    def send(self, commands: Command) -> None:
        """Publish commands. Raises MessageError for one that does not fit the contract."""
        for name, step in commands.items():
            kind, publisher = self._publishers[name]
            term = self._contract.decisions[name]
            message = kind()
            if term.type == _TRAJECTORY:
                self._write_trajectory(term, step, message)
            else:
                write_decision(name, term, step, message)
            header = getattr(message, 'header', None)
            if header is not None:
                header.stamp = self._node.now()
            publisher.publish(message)

    def _write_trajectory(self, term: DecisionTerm, step: Any, message: Any) -> None:
        point = _message_type(term.topic, 'trajectory_msgs/msg/JointTrajectoryPoint')()
        point.positions = [float(value) for value in step.ravel()]
        point.time_from_start = duration_msg(self._contract.step_s)
        message.joint_names, message.points = list(term.joints), [point]

    def _hear(self, name: str, message: Any) -> None:
        header = getattr(message, 'header', None)
        stamp = None if header is None else header.stamp
        stamp_s = None if stamp is None else stamp.sec + stamp.nanosec * 1e-9
        self.sources.put(name, message, time.monotonic(), stamp_s or None)


def _profile(term: ObservationTerm | DecisionTerm) -> Any:
    return qos.NEWEST_RELIABLE if term.reliable else qos.NEWEST


def _message_type(subject: str, name: str) -> Any:
    package, _, kind = name.split('/')
    try:
        return getattr(importlib.import_module(f'{package}.msg'), kind)
    except (ImportError, AttributeError):
        raise ValueError(
            f'{subject} of the contract has the type {name}, which is not installed here: install '
            f'{package}, or correct the type'
        ) from None


def _field(message: Any, path: list[str]) -> Any:
    for part in path:
        message = getattr(message, part, False)
    return message
