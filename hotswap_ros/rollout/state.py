# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Everything that a rollout is, as one value that the journal can keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, PlainSerializer, TypeAdapter, model_validator

from hotswap_ros.gates import Odds
from hotswap_ros.plan import (
    ChecklistItem,
    ChooseWinner,
    Observe,
    Plan,
    PromoteOn,
    Ramp,
    Step,
    Watch,
)
from hotswap_ros.rollout.migration import read_older
from hotswap_ros.rollout.robot_progress import Exclusion, Mark, RobotProgress
from hotswap_ros.rollout.status import Cause, PauseReason, Status

#: Sorted in the journal, so that one state is one text whatever a set's order in this process.
_Names = Annotated[set[str], PlainSerializer(sorted, return_type=list[str], when_used='json')]
_RECORDS = TypeAdapter(Mapping[str, RobotProgress])
#: Without defaults in the journal, which is written often and has many robots.
_Records = Annotated[
    Mapping[str, RobotProgress],
    PlainSerializer(
        partial(_RECORDS.dump_python, mode='json', exclude_defaults=True), when_used='json'
    ),
]


#: Pauses that need a person, the most urgent highest; the others end by themselves.
_RANKS = {PauseReason.BY_HAND: 2, PauseReason.APPROVAL: 1, PauseReason.INCONCLUSIVE: 1}


class Pause(BaseModel):
    """
    A pause that began at `since` (seconds since 1970); `text` says why, for people.

    `is_asked`: a person was asked what to do about it, because it lasts too long.
    """

    reason: PauseReason
    since: float
    text: str = ''
    is_asked: bool = False


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


class ProofProgress(BaseModel):
    """
    A stage that goes on for a proof, since a time (seconds since 1970).

    It had `tasks` by then. A person who asks for more tasks lets both begin again.
    """

    since: float
    tasks: int


class PromotedBy(BaseModel):
    """A person who promotes a version that is not proven, and why."""

    by: str
    remark: str


def _is_proof(step: Step) -> bool:
    """Return whether a step chooses the candidate on a proof alone: of success, or of a shadow."""
    if not isinstance(step, ChooseWinner) or not step.is_binding:
        return False
    return step.needs_proof or step.metric in ('success_rate', 'shadow')


class RolloutState(BaseModel):
    """
    The whole of a rollout. Times are seconds since 1970.

    `checklist` is what was found when it was to begin; empty where the plan asks for none.
    `robots` has a record for each robot of the plan; what each should serve follows from its
    record and from `status`. Records are replaced and never changed, see `put`.
    `excluded` are robots that something else had while this one ran: they do not join.
    `tasks` is how many the candidate finished under each gate.
    `activate_at` is when promoted robots swap. `watch` is the gate in force and `gates` are the
    dumps of all, taken with `saved_at`. `lab` are the success rates that manifests state, by
    version and category; `diagnosis` says after a rollback what went wrong.

    A rollout is paused while there is any of the `pauses`. `held_since` is since when no step runs
    for them: this time does not count for the step.
    `waits_since` is since when the step waits for tasks, and `tasks_wanted` how many must be in
    before the gate is asked again, after it could not decide. `awaited` are the comparisons whose
    last tasks a stage with everything else in waits for, since `awaited_since`; None: not yet.
    `is_proven` says that the gate in force has proven the candidate, `proof` for how long a stage
    has gone on for that, and `promoted_by` who promoted it all the same. `signals_said` are the
    checks that have paused the rollout, which they do once. `odds` are what the plan
    makes of versions that are better, equal or worse, in simulation. `nonces` mark its order and
    the newest commands that were carried out, see Runner.command.
    """

    rollout_id: str
    plan: Plan
    steps: tuple[Step, ...]
    robots: _Records
    started: float
    checklist: tuple[ChecklistItem, ...] = ()
    status: Status = Status.RUNNING
    cause: Cause = Cause.NONE
    reason: str = ''
    ended: float | None = None
    step_index: int = 0
    step_records: list[StepRecord] = Field(default_factory=list)
    pauses: list[Pause] = Field(default_factory=list)
    held_since: float | None = None
    rolling_back_since: float | None = None
    saved_at: float = 0.0
    tasks_at_step_start: int = 0
    tasks_wanted: int = 0
    waits_since: float | None = None
    awaited: tuple[int, ...] | None = None
    awaited_since: float = 0.0
    is_overdue: bool = False
    excluded: _Names = Field(default_factory=set)
    tasks: dict[str, int] = Field(default_factory=dict)
    activate_at: float = 0.0
    ramp: RampState | None = None
    conclusions: list[Conclusion] = Field(default_factory=list)
    watch: Watch | None = None
    gates: dict[str, dict[str, Any]] = Field(default_factory=dict)
    trial_counts: dict[str, Any] = Field(default_factory=dict)
    lab: dict[str, dict[str, float]] = Field(default_factory=dict)
    diagnosis: Diagnosed | None = None
    gate_complete: bool = False
    is_proven: bool = False
    signals_said: tuple[str, ...] = ()
    proof: ProofProgress | None = None
    promoted_by: PromotedBy | None = None
    odds: tuple[Odds, ...] = ()
    nonces: tuple[str, ...] = ()

    @model_validator(mode='before')
    @classmethod
    def _read_older_journals(cls, data: Any) -> Any:
        return read_older(data) if isinstance(data, dict) else data

    def put(self, records: Mapping[str, RobotProgress]) -> None:
        """
        Set the records of some robots.

        The mapping is replaced, never changed in place: another mapping means that something has
        changed, and a copy of the state keeps what it had.
        """
        if any(self.robots.get(robot_id) != record for robot_id, record in records.items()):
            self.robots = {**self.robots, **records}

    def where(self, is_so: Callable[[RobotProgress], bool]) -> set[str]:
        """Return the robots whose records fulfil a condition."""
        return {robot_id for robot_id, record in self.robots.items() if is_so(record)}

    def is_watched(self, robot_id: str) -> bool:
        """Return whether the gate watches a robot for the candidate's tasks."""
        return robot_id in self.robots and self.robots[robot_id].share is not None

    @property
    def served(self) -> set[str]:
        """Return the robots that ever served the candidate."""
        return self.where(lambda robot: robot.mark is not None)

    @property
    def promoted(self) -> set[str]:
        """Return the robots that serve the candidate alone."""
        return self.where(lambda robot: robot.promoted)

    @property
    def shares(self) -> dict[str, float]:
        """Return the candidate's share of the tasks of each robot that the gate watches."""
        return {r: robot.share for r, robot in self.robots.items() if robot.share is not None}

    @property
    def unconfirmed(self) -> set[str]:
        """Return the robots that did not confirm the rollback."""
        return self.where(lambda robot: robot.unconfirmed)

    @property
    def excluded_robots(self) -> dict[str, RobotProgress]:
        """Return the records of the robots that no longer take part, by name."""
        out = sorted(self.where(lambda robot: robot.excluded is not Exclusion.NONE))
        return {robot_id: self.robots[robot_id] for robot_id in out}

    @property
    def previous(self) -> dict[str, str]:
        """Return the version that each robot served before."""
        return {robot_id: record.previous for robot_id, record in self.robots.items()}

    @property
    def stable(self) -> str:
        """Return the version that the first robot served before."""
        return next(iter(self.robots.values())).previous

    @property
    def marks(self) -> dict[str, Mark]:
        """Return what the candidate had done before, on each robot that ever served it."""
        return {r: record.mark for r, record in self.robots.items() if record.mark is not None}

    @property
    def pause(self) -> Pause | None:
        """Return the pause to show: one that needs a person first, else the newest; None: none."""
        return max(self.pauses, key=lambda p: (_RANKS.get(p.reason, 0), p.since), default=None)

    @property
    def pause_reason(self) -> PauseReason:
        """Return why it is paused, see `pause`."""
        return PauseReason.NONE if self.pause is None else self.pause.reason

    def is_paused_for(self, reason: PauseReason) -> bool:
        """Return whether this is one of the reasons why it is paused."""
        return any(pause.reason is reason for pause in self.pauses)

    @property
    def is_held(self) -> bool:
        """Return whether no step runs. The wait for approval is a step: only people hold it."""
        if self.is_paused_for(PauseReason.BY_HAND):
            return True
        return bool(self.pauses) and not self.is_paused_for(PauseReason.APPROVAL)

    def follow_clock(self, by_s: float) -> None:
        """Move all times along with a clock that was set."""
        self.started += by_s
        if self.activate_at:
            # Else robots whose clocks were right all the time would wait for as long to swap.
            self.activate_at += by_s
        if self.held_since is not None:
            self.held_since += by_s
        for pause in self.pauses:
            pause.since += by_s
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
        if self.proof is not None:
            self.proof.since += by_s

    @property
    def watched_earlier(self) -> set[str]:
        """Return the robots on which an earlier step watched the candidate."""
        found: set[str] = set()
        subject = ''
        for step in self.steps[: self.step_index]:
            subject = subject if step.watch is None else step.watch.subject
            if isinstance(step, (Observe, Ramp)) and subject == 'candidate':
                found.update(step.robots)
        return found

    @property
    def awaits_proof(self) -> bool:
        """Return whether the step must not pass before the gate has proven the candidate."""
        return self.step.proof is not None and not self.is_proven

    @property
    def promotes_on(self) -> PromoteOn:
        """Return what promotes the version, by the steps: older ones ask for no proof."""
        asks = any(step.proof is not None or _is_proof(step) for step in self.steps)
        return PromoteOn.PROVEN if asks else PromoteOn.NO_HARM

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
    def step(self) -> Step:
        """Return the step that is running, or the last one."""
        return self.steps[min(self.step_index, len(self.steps) - 1)]
