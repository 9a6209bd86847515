# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rollouts as a client sees them: published status, and a line of history."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from hotswap_ros.gates import CheckResult
from hotswap_ros.rollout.status import PauseReason, Status


class StepState(enum.Enum):
    """The state of a step."""

    PENDING = 'pending'
    RUNNING = 'running'
    DONE = 'done'
    FAILED = 'failed'
    SKIPPED = 'skipped'


@dataclass(frozen=True)
class StepView:
    """One step; `progress` is from 0 to 1."""

    kind: str
    title: str
    state: StepState
    progress: float
    elapsed_s: float


@dataclass(frozen=True)
class RolloutView:
    """
    The published status of a rollout; `status` None: no rollout yet, or unknown here.

    `reason` says why it has this status, for people. `cohort` are the robots of the step that is
    running, and `robots_quarantined` those whose id another robot also uses.
    `robots_excluded` no longer take part, each for the reason in `excluded_why`.
    """

    rollout_id: str = ''
    model_id: str = ''
    version: str = ''
    previous_versions: tuple[str, ...] = ()
    strategy: str = ''
    status: Status | None = None
    pause_reason: PauseReason = PauseReason.NONE
    reason: str = ''
    step_index: int = 0
    steps: tuple[StepView, ...] = ()
    cohort: tuple[str, ...] = ()
    robots_total: int = 0
    robots_confirmed: int = 0
    robots_unreachable: int = 0
    robots_quarantined: tuple[str, ...] = ()
    robots_excluded: tuple[str, ...] = ()
    excluded_why: tuple[str, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    tasks: int = 0
    tasks_needed: int = 0
    elapsed_s: float = 0.0


@dataclass(frozen=True)
class RolloutSummary:
    """
    One line of history; times in seconds since 1970.

    `robots_failed` of `robots_total` could not load, obey or confirm; `robots_total` is 0 if the
    checklist blocked the rollout. `tasks` is the number of tasks that the candidate finished. An
    ordered rollback has the strategy "Rollback"; `rolls_back` is the rollout that it reversed, and
    `tasks` counts those of the versions that it replaced, since robots served them.
    """

    rollout_id: str
    model_id: str
    version: str
    strategy: str
    started: float
    ended: float | None
    status: Status
    reason: str
    robots_total: int = 0
    robots_failed: int = 0
    tasks: int = 0
    rolls_back: str = ''
