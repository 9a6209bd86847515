# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The few kinds of step that every strategy compiles to. One step, one action."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hotswap_ros.plan.criteria import SuccessCriteria
from hotswap_ros.text import counted, time_words


class _Value(BaseModel):
    model_config = ConfigDict(extra='forbid', frozen=True)


class Watch(_Value):
    """
    A gate: what it is called, whom it watches and by which criteria.

    Steps that name the same watch share one gate, which is never reset. `subject` is what is
    judged: the candidate by the outcome of its tasks, or a shadow by what it would have decided.
    `stages` is how many observations the watch has. With `control_criteria` it is a trial: the
    control is held against the candidate by them, and what each robot did is kept for the choice
    of a winner.
    """

    name: str
    criteria: SuccessCriteria
    subject: Literal['candidate', 'shadow'] = 'candidate'
    stages: int = 1
    control_criteria: SuccessCriteria | None = None


class _Step(BaseModel):
    """
    `robots` is the step's cohort, and `label` the stage, region or phase that it belongs to.

    `watch` is the gate that watches from the beginning of this step on; None: the one before goes
    on. `max_unreachable` and `on_inconclusive` are those of the plan, for this step.
    A step runs only if the candidate has not lost to the control, one with `if_kept` only if it
    has.
    """

    # Journals of earlier versions keep a title in each step.
    model_config = ConfigDict(extra='ignore', frozen=True)

    robots: tuple[str, ...]
    label: str = ''
    watch: Watch | None = None
    max_unreachable: int | None = None
    on_inconclusive: Literal['pause', 'continue', 'rollback'] | None = None
    if_kept: bool = False

    @property
    def lowers_on_harm(self) -> bool:
        """Return whether harm lowers the share, where other steps roll back at once."""
        return False

    def title(self, version: str) -> str:
        """Return what the step does in a rollout of `version`, for people."""
        action = self._action(version)
        return f'{self.label}: {action}' if self.label else action

    def _action(self, version: str) -> str:
        raise NotImplementedError


class StageModels(_Step):
    """Bring the version to READY on every robot of the cohort; nothing serves it yet."""

    kind: Literal['stage_models'] = 'stage_models'
    timeout_s: float

    def _action(self, version: str) -> str:
        return f'load {version} on {counted(self.robots)}'


class SetRouting(_Step):
    """
    Let the cohort serve the version and wait until it reports so.

    Below `promote`, the version is a candidate for `candidate_share` of the tasks, or with
    `shadow` decides beside the stable one; with neither it serves nothing. With `promote` it
    becomes the stable version of the cohort; a `candidate_share` of 1 lets the gate go on
    watching. `together_s` seconds after the step began all robots swap at one instant; 0: each at
    once.
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
    Watch until the gate finds harm, or `tasks` and `duration_s` are in.

    `tasks` are those that the candidate finished; with `each_arm`, as many of the control as well;
    of a shadow, those that it saw. Unless `is_conclusive`, time alone ends the step, and only harm
    is acted upon.
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
            parts.append(f'{self.duration_s:g} s')
        return f'{"compare" if self.each_arm else "watch"} {" and ".join(parts)}'


class WaitForApproval(_Step):
    """Hold until a person approves or refuses, `on_timeout` after `timeout_s`."""

    kind: Literal['approval'] = 'approval'
    timeout_s: float
    on_timeout: Literal['pause', 'rollback', 'continue']

    def _action(self, version: str) -> str:
        return 'wait for approval'


class ChooseWinner(_Step):
    """
    Say which version is to stay, with the evidence.

    The candidate wins when it is better than the control in `metric` beyond chance
    (`significance`) and by `minimum_improvement` at least: points of success rate (0.02), or parts
    of latency and cost (0.02: two hundredths less). A `shadow` wins when it would make no
    difference beyond the tolerance of the criteria. Where the choice is not `is_binding`, it is
    for the report only.
    """

    kind: Literal['choose'] = 'choose'
    metric: Literal['success_rate', 'latency', 'cost', 'shadow']
    minimum_improvement: float = 0.0
    significance: float = 0.05
    is_binding: bool = True

    def _action(self, version: str) -> str:
        if self.metric == 'shadow':
            return f'decide whether to deploy {version}, keep the previous version or retrain'
        metric = self.metric.replace('_', ' ')
        return f'choose {version} or the previous version by {metric}'


class Ramp(_Step):
    """
    Change the candidate's share of tasks, by `schedule` or by a control loop.

    `schedule` has pairs of seconds since the step began and a share that rises. Without it, the
    share goes up by `step` every `interval_s` while the candidate is not worse, and down by as
    much when it is, until it serves everything or nothing. With `by_robots`, the share is that of
    the robots, each of which serves one version alone. `timeout_s` is how long an entry of the
    schedule waits for enough tasks at the share before it.
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
        when = 'by schedule' if self.schedule else f'every {self.interval_s:g} s'
        return f'change the share of {version} {when} on {counted(self.robots)}'


class Retire(_Step):
    """Release the previous version on the cohort, which keeps the new one alone."""

    kind: Literal['retire'] = 'retire'
    timeout_s: float

    def _action(self, version: str) -> str:
        return f'unload and delete the previous version on {counted(self.robots)}'


Step = Annotated[
    StageModels | SetRouting | Observe | WaitForApproval | ChooseWinner | Ramp | Retire,
    Field(discriminator='kind'),
]
