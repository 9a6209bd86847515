# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The outlook of a plan: how often it promotes a version that is better, equal or worse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

from hotswap_ros.coordinator.preview.preview import Preview, Traffic
from hotswap_ros.coordinator.preview.task_flow import Flow, Leg
from hotswap_ros.gates import (
    DIFFERENCES,
    Odds,
    StageTasks,
    WatchedStage,
    WatchedStages,
    odds_of,
    rule_words,
)
from hotswap_ros.plan import (
    ABTesting,
    ChooseWinner,
    Facts,
    Observe,
    Plan,
    PromoteOn,
    Ramp,
    Robot,
    RobotFacts,
    SetRouting,
    Watch,
    compile_plan,
)
from hotswap_ros.text import count, time_words

#: What is taken for the success rate of the previous version where nobody knows it.
ASSUMED_SUCCESS = 0.92
_PREVIOUS = 'previous'


@dataclass(frozen=True)
class Outlook:
    """
    What a plan makes of versions, and sentences for people.

    `odds` is empty where no gate compares successes. `baseline` is the success rate of the
    previous version that they assume. `times_out` names the stages whose tasks do not come within
    their timeout.
    """

    odds: tuple[Odds, ...]
    baseline: float
    sentences: tuple[str, ...]
    times_out: tuple[str, ...] = ()


def assumed_preview(
    plan: Plan, robots: int, tasks_per_s: float, success: float, correlation: float
) -> Preview:
    """
    Return the preview of a plan for a fleet that is only described.

    Each robot does `tasks_per_s`. Raises PlanError where the plan names robots.
    """
    regions = getattr(plan, 'regions', ('',))
    serves = plan.model_a.version if isinstance(plan, ABTesting) else _PREVIOUS
    names = [f'robot_{number:03d}' for number in range(robots)]
    fleet = [
        Robot(name, regions[number % len(regions)], serves, plan.labels)
        for number, name in enumerate(names)
    ]
    return Preview(
        plan,
        compile_plan(plan, fleet, 'preview'),
        Facts(0.0, tuple(RobotFacts(name, serves) for name in names)),
        Traffic(dict.fromkeys(names, tasks_per_s), success, correlation),
    )


def outlook_of(
    preview: Preview, baseline: float | None = None, differences: Sequence[float] = DIFFERENCES
) -> Outlook:
    """
    Return what a plan makes of versions with these differences from the previous one.

    It takes seconds. Without a `baseline` the success rate of the previous version is that of the
    plan or of the fleet at present.
    """
    rate = _baseline(preview) if baseline is None else baseline
    gates, times_out = _gates(preview)
    winner = _trial_by_success(preview)
    found = []
    for difference in differences if gates else ():
        traffic = preview.traffic
        odds = odds_of(
            gates, rate, difference, correlation=traffic.correlation, history=traffic.tasks
        )
        found.append(odds if winner is None else _after_choice(odds, winner, gates[-1], rate))
    sentences = tuple(_sentences(preview, found, times_out))
    return Outlook(tuple(found), rate, sentences, times_out)


def _trial_by_success(preview: Preview) -> ChooseWinner | None:
    choices = (step for step in preview.steps if isinstance(step, ChooseWinner))
    return next((step for step in choices if step.metric == 'success_rate'), None)


def _baseline(preview: Preview) -> float:
    given = preview.plan.success_criteria.baseline_success_rate
    if given is not None:
        return given
    now = preview.traffic.success
    return ASSUMED_SUCCESS if now is None else min(0.999, max(0.001, now))


# -- what the gates get to see --------------------------------------------------------------------


def _gates(preview: Preview) -> tuple[list[WatchedStages], tuple[str, ...]]:
    """Return the gates on candidates with their stages, and the stages that time out."""
    flow = Flow(preview.facts, preview.traffic)
    stages: dict[str, tuple[Watch, list[WatchedStage]]] = {}
    times_out: list[str] = []
    watch: Watch | None = None
    for step in preview.steps:
        watch = step.watch or watch
        if isinstance(step, SetRouting):
            flow.route(step)
        if not isinstance(step, (Observe, Ramp)) or watch is None:
            continue
        legs = flow.legs(step, watch)
        is_conclusive = isinstance(step, Ramp) or step.is_conclusive
        if watch.subject != 'candidate' or not is_conclusive:
            continue
        found = _stages(step, legs)
        if any(stage.is_overdue for stage in found):
            times_out.append(step.label or step.title(preview.plan.version))
        stages.setdefault(watch.name, (watch, []))[1].extend(found)
    gates = [WatchedStages(watch.criteria, tuple(found)) for watch, found in stages.values()]
    return gates, tuple(times_out)


def _stages(step: Observe | Ramp, legs: Sequence[Leg]) -> list[WatchedStage]:
    timeout_s = max(step.timeout_s, getattr(step, 'duration_s', 0.0))
    found = [_stage(leg, timeout_s) for leg in legs]
    if isinstance(step, Ramp):
        # At a share of 1 there is nothing to compare with.
        found = [stage for stage in found if stage.tasks.control] or found[-1:]
    if step.proof is not None and found:
        found[-1] = found[-1]._replace(proof_tasks=_affordable(step, found[-1]))
    return found


def _stage(leg: Leg, timeout_s: float) -> WatchedStage:
    if not leg.waits_s > timeout_s:
        return WatchedStage(leg.tasks, leg.seconds)
    part = 0.0 if math.isinf(leg.waits_s) else timeout_s / leg.waits_s
    tasks = StageTasks(
        round(leg.tasks.candidate * part), round(leg.tasks.control * part), leg.tasks.robots
    )
    return WatchedStage(tasks, timeout_s, is_overdue=True)


def _affordable(step: Observe | Ramp, stage: WatchedStage) -> int:
    """Return the tasks of the budget for a proof that its time allows."""
    assert step.proof is not None
    if not stage.seconds > 0:
        return step.proof.tasks
    by_time = stage.tasks.candidate / stage.seconds * step.proof.duration_s
    return max(1, min(step.proof.tasks, int(by_time)))


def _after_choice(odds: Odds, step: ChooseWinner, gate: WatchedStages, baseline: float) -> Odds:
    """
    Return the odds of a trial, whose candidate has to win it at its end.

    By the normal approximation of the difference of two rates.
    """
    tasks = gate.stages[-1].tasks
    rate = min(1.0, max(0.0, baseline + odds.difference))
    spread = rate * (1 - rate) / max(1, tasks.candidate)
    spread = math.sqrt(spread + baseline * (1 - baseline) / max(1, tasks.control))
    normal = NormalDist()
    needed = max(step.minimum_improvement, spread * normal.inv_cdf(1 - step.significance / 2))
    wins = 1 - normal.cdf((needed - odds.difference) / max(spread, 1e-9))
    promoted = odds.promoted * wins
    return replace(odds, promoted=promoted, undecided=1 - promoted - odds.rolled_back)


# -- in words -------------------------------------------------------------------------------------


def _sentences(preview: Preview, found: Sequence[Odds], times_out: Sequence[str]) -> list[str]:
    plan = preview.plan
    if not found:
        if any(isinstance(step, ChooseWinner) for step in preview.steps):
            return []
        return [f'No gate compares successes: {plan.version} is promoted, however good it is.']
    bound = plan.success_criteria.proof_words
    winner = _trial_by_success(preview)
    says = {
        PromoteOn.PROVEN: f'{plan.version} is promoted once it is proven {bound}.',
        PromoteOn.NO_HARM: (
            f'{plan.version} is promoted if no harm is shown. That does not prove that it is '
            f"{bound}: write 'promoteOn: proven' for that."
        ),
    }
    promotes = says[plan.promotes_on] if winner is None else _wins_words(plan.version, winner)
    sentences = [rule_words(plan.success_criteria), promotes]
    if plan.success_criteria.success_metric == 'progress':
        sentences.append(
            'The odds and the tasks are those of a proof by success: how much progress tells is '
            'known only from tasks.'
        )
    if times_out:
        sentences.append(
            f'At this pace the tasks of {" and ".join(times_out)} do not come within the timeout: '
            'the rollout pauses there. Raise the timeout, ask for fewer tasks, or take more '
            "robots ('hotswap advise' gives a plan for few robots)."
        )
    if winner is None:
        sentences += [_cost(plan, odds) for odds in found if odds.difference == 0]
    return [sentence for sentence in sentences if sentence]


def _wins_words(version: str, choice: ChooseWinner) -> str:
    least = 100 * choice.minimum_improvement
    by = f'by {least:g} points or more, ' if least else ''
    return f'{version} is promoted if its success rate is better {by}beyond chance.'


def _cost(plan: Plan, odds: Odds) -> str:
    if plan.promotes_on is PromoteOn.NO_HARM or odds.tasks is None:
        return ''
    text = f'The proof of an equal version takes {count(round(odds.tasks), "task")} of it'
    return f'{text}, {time_words(odds.seconds)} in all.' if odds.seconds else f'{text}.'


def difference_words(difference: float) -> str:
    """Return how good a version is, compared with the previous one."""
    change = round(100 * difference, 6)
    if not change:
        return 'equal'
    return f'{abs(change):g} points {"better" if change > 0 else "worse"}'
