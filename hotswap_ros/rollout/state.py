# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Everything that a rollout is, as one value that the journal can keep."""

from __future__ import annotations

import enum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, PlainSerializer

from hotswap_ros.fleet.view import FleetView
from hotswap_ros.plan import ChecklistItem, Plan, Step, Watch

#: Sorted in the journal, so that one state is one text whatever a set's order in this process.
_Names = Annotated[set[str], PlainSerializer(sorted, return_type=list[str], when_used='json')]


class Status(str, enum.Enum):
    """Where a rollout is. The last five are terminal."""

    PENDING = 'pending'
    RUNNING = 'running'
    PAUSED = 'paused'
    ROLLING_BACK = 'rolling_back'
    SUCCEEDED = 'succeeded'
    ROLLED_BACK = 'rolled_back'
    FAILED = 'failed'
    ABORTED = 'aborted'
    SUPERSEDED = 'superseded'

    @property
    def is_terminal(self) -> bool:
        """Return whether a rollout never leaves this status."""
        return self in _TERMINAL


_TERMINAL = frozenset(
    {Status.SUCCEEDED, Status.ROLLED_BACK, Status.FAILED, Status.ABORTED, Status.SUPERSEDED}
)


class PauseReason(str, enum.Enum):
    """Why a rollout is paused."""

    NONE = 'none'
    BY_HAND = 'by_hand'
    APPROVAL = 'approval'
    INCONCLUSIVE = 'inconclusive'
    UNREACHABLE = 'unreachable'
    MISSING_DATA = 'missing_data'
    FAILED_QUERY = 'failed_query'


class Cause(str, enum.Enum):
    """Why a rollout did not succeed."""

    NONE = 'none'
    UNKNOWN_VERSION = 'unknown_version'
    DIGEST_MISMATCH = 'digest_mismatch'
    STAGING_FAILED = 'staging_failed'
    GATE_FAILED = 'gate_failed'
    CANCELED = 'canceled'
    TIMED_OUT = 'timed_out'
    SUPERSEDED = 'superseded'
    BY_HAND = 'by_hand'
    REFUSED = 'refused'
    INCONCLUSIVE = 'inconclusive'
    CHECKLIST_FAILED = 'checklist_failed'


class StepRecord(BaseModel):
    """When a step began and ended, in seconds since 1970; `skipped`: it was left out."""

    started: float
    ended: float | None = None
    skipped: bool = False


class Conclusion(BaseModel):
    """
    Which version is to stay, and why; `evidence` is a JSON value.

    `verdict` is promote or keep after a trial, deploy, keep or retrain after a shadow. One that
    `is_binding` and is for the control ends the rollout without the candidate.
    """

    verdict: Literal['promote', 'deploy', 'keep', 'retrain']
    sentence: str
    evidence: dict[str, Any] = Field(default_factory=dict)
    is_binding: bool = False

    @property
    def is_for_candidate(self) -> bool:
        """Return whether the candidate won."""
        return self.verdict in ('promote', 'deploy')


class Diagnosed(BaseModel):
    """
    What is likeliest to have gone wrong: a place to look, no verdict.

    `cause` is the first hypothesis and `finding` how well it is supported; `hypotheses` has all,
    as JSON values. Robots that took the version out, gave it up for good or could not load it are
    in `breakers`, `given_up` and `refusals`, each with the reason.
    """

    cause: str
    finding: str
    sentence: str
    hypotheses: list[dict[str, Any]] = Field(default_factory=list)
    breakers: dict[str, str] = Field(default_factory=dict)
    given_up: dict[str, str] = Field(default_factory=dict)
    refusals: dict[str, str] = Field(default_factory=dict)


class RampState(BaseModel):
    """
    Where a flag is: its share, and when the loop moves it next (seconds since 1970).

    `entries` of the schedule have been applied, and `tasks` had been finished at the last move.
    """

    share: float = 0.0
    entries: int = 0
    next_at: float = 0.0
    tasks: int = 0


class Mark(BaseModel):
    """Tasks that a version had finished on a robot since the robot's start with `boot_id`."""

    boot_id: str = ''
    finished: int = 0


class RolloutState(BaseModel):
    """
    The whole of a rollout. Times are seconds since 1970.

    `checklist` is what was found when it was to begin; empty where the plan asks for none.
    `previous` maps every robot of the plan to the version that it served before. `staged`,
    `shares`, `shadowed`, `promoted` and `retired` are what the steps asked for so far; what each
    robot should serve follows from them and from `status`. `shares` names the robots that the gate
    watches, one that was promoted with a share of 1; `touched` all that ever served the version,
    `marks` what it had done on each of them before.
    `barred` are robots that something else had while this one ran: they do not join.
    `failed` are those that could not load, obey or confirm, `owed` those that did not confirm a
    rollback. `tasks` is how many the candidate finished under each gate.
    `activate_at` is when promoted robots swap. `watch` is the gate in force and `gates` are the
    dumps of all, taken with `saved_at`. `lab` are the success rates that manifests state, by
    version and category; `diagnosis` says after a rollback what went wrong.

    `waits_since` is since when the step waits for tasks, and `tasks_wanted` how many must be in
    before the gate is asked again, after it could not decide. `awaited` are the comparisons whose
    last tasks a stage with everything else in waits for, since `awaited_since`; None: not yet.
    """

    rollout_id: str
    plan: Plan
    steps: tuple[Step, ...]
    previous: dict[str, str]
    started: float
    checklist: tuple[ChecklistItem, ...] = ()
    status: Status = Status.RUNNING
    pause_reason: PauseReason = PauseReason.NONE
    cause: Cause = Cause.NONE
    reason: str = ''
    ended: float | None = None
    step_index: int = 0
    step_records: list[StepRecord] = Field(default_factory=list)
    paused_at: float | None = None
    rolling_back_since: float | None = None
    saved_at: float = 0.0
    tasks_at_step_start: int = 0
    tasks_wanted: int = 0
    waits_since: float | None = None
    awaited: tuple[int, ...] | None = None
    awaited_since: float = 0.0
    is_overdue: bool = False
    staged: _Names = Field(default_factory=set)
    shares: dict[str, float] = Field(default_factory=dict)
    shadowed: _Names = Field(default_factory=set)
    promoted: _Names = Field(default_factory=set)
    retired: _Names = Field(default_factory=set)
    touched: _Names = Field(default_factory=set)
    marks: dict[str, Mark] = Field(default_factory=dict)
    barred: _Names = Field(default_factory=set)
    failed: _Names = Field(default_factory=set)
    owed: _Names = Field(default_factory=set)
    tasks: dict[str, int] = Field(default_factory=dict)
    activate_at: float = 0.0
    ramp: RampState | None = None
    conclusions: list[Conclusion] = Field(default_factory=list)
    watch: Watch | None = None
    gates: dict[str, dict[str, Any]] = Field(default_factory=dict)
    ledger: dict[str, Any] = Field(default_factory=dict)
    lab: dict[str, dict[str, float]] = Field(default_factory=dict)
    diagnosis: Diagnosed | None = None
    gate_complete: bool = False

    def follow_clock(self, by_s: float) -> None:
        """Move all times along with a clock that was set."""
        self.started += by_s
        if self.activate_at:
            # Else robots whose clocks were right all the time would wait for as long to swap.
            self.activate_at += by_s
        if self.paused_at is not None:
            self.paused_at += by_s
        if self.rolling_back_since is not None:
            self.rolling_back_since += by_s
        for record in self.step_records:
            record.started += by_s
            if record.ended is not None:
                record.ended += by_s
        self.awaited_since += by_s
        if self.waits_since is not None:
            self.waits_since += by_s
        if self.ramp is not None:
            self.ramp.next_at += by_s

    @property
    def has_robots(self) -> bool:
        """Return whether what its robots should serve is still its business, or ever was."""
        return self.status is not Status.SUPERSEDED and self.has_begun

    @property
    def has_begun(self) -> bool:
        """Return whether robots take part, or did: none does if the checklist blocks it."""
        return self.cause is not Cause.CHECKLIST_FAILED

    @property
    def is_kept(self) -> bool:
        """Return whether the control has won."""
        return any(c.is_binding and not c.is_for_candidate for c in self.conclusions)

    @property
    def candidate_tasks(self) -> int:
        """Return how many tasks the candidate has finished, when the state was last saved."""
        return sum(self.tasks.values())

    @property
    def step_has_begun(self) -> bool:
        """Return whether the step of this moment has begun."""
        return len(self.step_records) > self.step_index

    @property
    def robots(self) -> tuple[str, ...]:
        """Return the robots of the plan, sorted."""
        return tuple(sorted(self.previous))

    @property
    def step(self) -> Step:
        """Return the step that is running, or the last one."""
        return self.steps[min(self.step_index, len(self.steps) - 1)]


def mark(state: RolloutState, view: FleetView) -> None:
    """Note what the version had done on robots that are about to serve it."""
    if len(state.marks) == len(state.touched):
        return
    for robot_id in state.touched - state.marks.keys():
        telemetry = view.telemetry(state.plan.model_id, robot_id)
        found = Mark()
        if telemetry is not None:
            counters = telemetry.versions.get(state.plan.version)
            finished = 0 if counters is None else counters.tasks.finished
            found = Mark(boot_id=telemetry.boot_id, finished=finished)
        state.marks[robot_id] = found
