# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A rollout as a client of the coordinator sees it."""

from __future__ import annotations

from dataclasses import dataclass

from hotswap_ros.coordinator.report import StepView
from hotswap_ros.gates import CheckResult
from hotswap_ros.rollout.state import Status


@dataclass(frozen=True)
class RolloutView:
    """The published status of a rollout; `status` None: no rollout yet, or unknown here."""

    rollout_id: str
    version: str
    previous_versions: tuple[str, ...]
    status: Status | None
    step_index: int
    steps: tuple[StepView, ...]
    checks: tuple[CheckResult, ...]
    tasks: int
    tasks_needed: int
    elapsed_s: float
