# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Interface to the receiver of the virtual robots' reports."""

from __future__ import annotations

from typing import Protocol

from hotswap_ros.fleet import Command, RobotReport, Telemetry
from hotswap_ros.rollout import Cause


class Listener(Protocol):
    """The receiver of the robots' reports: a Coordinator."""

    def on_report(self, report: RobotReport, now: float, clock: float | None = None) -> None:
        """Take a robot's status; `clock` is the robot's wall clock then."""

    def on_telemetry(self, model_id: str, robot_id: str, telemetry: Telemetry) -> None:
        """Take a robot's counters."""

    def on_refused(self, command: Command, cause: Cause, message: str, now: float) -> None:
        """Take a robot's refusal."""
