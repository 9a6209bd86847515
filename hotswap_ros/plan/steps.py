# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The kinds of step that strategies compile to; one step is one action."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hotswap_ros.plan.criteria import SuccessCriteria
from hotswap_ros.plan.limits import MaxFailed
from hotswap_ros.text import counted, time_words


class _Value(BaseModel):
    model_config = ConfigDict(extra='forbid', frozen=True)


class Watch(_Value):
    """
    The gate of a step: its name, its subject and its criteria.

    Steps with the same watch share one gate, which is never reset. The `subject` is judged: a
    candidate by the outcome of its tasks, a shadow by its agreement with the stable version.
    `stages` is the number of observations of the watch. With `control_criteria` the watch is a
    trial: a second gate compares the control with the candidate by these criteria, and the counts
    of each robot are kept for the choice of a winner.
    """

    name: str
    criteria: SuccessCriteria
    subject: Literal['candidate', 'shadow'] = 'candidate'
    stages: int = 1
    control_criteria: SuccessCriteria | None = None


class Proof(_Value):
    """How far a step goes on for a proof: tasks of the candidate, and seconds, beyond its own."""

    tasks: int
    duration_s: float


class _Step(BaseModel):
    """
    `robots` is the cohort of the step, `label` the stage, region or phase that it belongs to.

    `watch` is the gate that watches from the start of this step on; None keeps the gate of the
    step before. `max_unreachable`, `max_failed` and `on_inconclusive` are those of the plan, for
    this step. A step with `if_kept` runs only if the candidate lost to the control, all others
    only if not. With `proof` the step is followed by a promotion: it passes only once the gate
    has shown that the candidate is at most `max_success_drop` worse.
    """

    # Journals of earlier versions keep a title in each step.
    model_config = ConfigDict(extra='ignore', frozen=True)

    robots: tuple[str, ...]
    label: str = ''
    watch: Watch | None = None
    max_unreachable: int | None = None
    max_failed: MaxFailed | None = None
    on_inconclusive: Literal['pause', 'continue', 'rollback'] | None = None
    if_kept: bool = False
    proof: Proof | None = None

    @property
    def lowers_on_harm(self) -> bool:
        """Return whether harm lowers the share, where other steps roll back at once."""
        return False

    def title(self, version: str) -> str:
        """Return the title of the step in a rollout of `version`, for people."""
        action = self._action(version)
        return f'{self.label}: {action}' if self.label else action

    def _action(self, version: str) -> str:
        raise NotImplementedError


class StageModels(_Step):
    """Load the version on every robot of the cohort until it is READY; nothing serves it yet."""

    kind: Literal['stage_models'] = 'stage_models'
    timeout_s: float

    def _action(self, version: str) -> str:
        return f'load {version} on {counted(self.robots)}'


class SetRouting(_Step):
    """
    Set the routing of the cohort, and wait until the robots report it.

    The version is a candidate for `candidate_share` of the tasks (0 to 1), or with `shadow` a
    shadow; with neither it is not served. With `promote` it becomes the stable version of the
    cohort, and a `candidate_share` of 1 lets the gate continue to watch it. With `together_s` all
    robots swap at one instant, so many seconds after the start of the step; 0: each one at once.
    """

    kind: Literal['set_routing'] = 'set_routing'
    candidate_share: float
    promote: bool = False
    shadow: bool = False
    together_s: float = 0.0
    timeout_s: float

    def _action(self, version: str) -> str:
        where = f'on {counted(self.robots)}'
        if self.together_s:
            return f'swap to {version} {where} at one instant'
        if self.promote:
            return f'promote {version} {where}'
        if self.shadow:
            return f'{version} shadows {where}'
        if self.candidate_share:
            return f'{version} takes {self.candidate_share:.0%} of tasks {where}'
        return f'stop serving {version} {where}'


class Observe(_Step):
    """
    Watch until the gate finds harm, or until `tasks` and `duration_s` are complete.

    `tasks` is the number of tasks that the candidate must finish, with `each_arm` the control
    too, or that a shadow must see. Unless `is_conclusive`, the time alone ends the step, and the
    gate can only find harm.
    """

    kind: Literal['observe'] = 'observe'
    tasks: int
    duration_s: float
    timeout_s: float
    each_arm: bool = False
    is_conclusive: bool = True

    def _action(self, version: str) -> str:
        if not self.is_conclusive:
            return f'keep the previous version loaded for {time_words(self.duration_s)}'
        parts = [f'{self.tasks:,} tasks'] if self.tasks else []
        if self.duration_s or not parts:
            parts.append(time_words(self.duration_s))
        return f'{"compare" if self.each_arm else "watch"} {" and ".join(parts)}'


class WaitForApproval(_Step):
    """Wait until a person approves or refuses; `on_timeout` applies after `timeout_s`."""

    kind: Literal['approval'] = 'approval'
    timeout_s: float
    on_timeout: Literal['pause', 'rollback', 'continue']

    def _action(self, version: str) -> str:
        return 'wait for approval'


class ChooseWinner(_Step):
    """
    Choose the version that stays, with the evidence.

    The candidate wins if it is better than the control in `metric` beyond chance (`significance`)
    and at least by `minimum_improvement`: a difference of success rates (0.02 is two points), or a
    part of latency or cost (0.02 is 2% less). A `shadow` wins if it would make no difference
    beyond the tolerance of the criteria. A choice that is not `is_binding` is for the report only.
    One that `needs_proof` is for the candidate only if the gate has shown that its success is at
    most `max_success_drop` worse.
    """

    kind: Literal['choose'] = 'choose'
    metric: Literal['success_rate', 'latency', 'cost', 'shadow']
    minimum_improvement: float = 0.0
    significance: float = 0.05
    is_binding: bool = True
    needs_proof: bool = False

    def _action(self, version: str) -> str:
        if self.metric == 'shadow':
            return f'decide whether to deploy {version}, keep the previous version or retrain'
        metric = self.metric.replace('_', ' ')
        return f'choose {version} or the previous version by {metric}'


class Ramp(_Step):
    """
    Change the candidate's share of tasks, by `schedule` or by a control loop.

    `schedule` has pairs of seconds since the start of the step and a share that rises. Without it,
    the share rises by `step` every `interval_s` while the candidate is not worse, and falls by
    `step` while it is worse, until it is 1 or 0. With `by_robots` it is a share of robots, each of
    which serves one version alone. `timeout_s` is how long an entry of the schedule waits for
    enough tasks at the previous share.
    """

    kind: Literal['ramp'] = 'ramp'
    schedule: tuple[tuple[float, float], ...] = ()
    interval_s: float = 0.0
    step: float = 0.0
    by_robots: bool = False
    timeout_s: float = 86_400.0

    @property
    def lowers_on_harm(self) -> bool:
        """Return whether this is a control loop."""
        return not self.schedule

    def _action(self, version: str) -> str:
        when = 'by schedule' if self.schedule else f'every {time_words(self.interval_s)}'
        return f'change the share of {version} {when} on {counted(self.robots)}'


class Retire(_Step):
    """Release the previous version on the cohort, which keeps the promoted version alone."""

    kind: Literal['retire'] = 'retire'
    timeout_s: float

    def _action(self, version: str) -> str:
        return f'unload and delete the previous version on {counted(self.robots)}'


Step = Annotated[
    StageModels | SetRouting | Observe | WaitForApproval | ChooseWinner | Ramp | Retire,
    Field(discriminator='kind'),
]
