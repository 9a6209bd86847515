# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Forecast of a plan: the duration of each step, and what its gate can show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hotswap_ros.coordinator.preview.preview import Preview
from hotswap_ros.coordinator.preview.task_flow import Flow, Leg
from hotswap_ros.gates import (
    MIN_TASKS,
    StageTasks,
    bound_without_disagreement,
    detectable_disagreement,
    detectable_drops,
)
from hotswap_ros.plan import (
    Control,
    Method,
    Observe,
    Ramp,
    Retire,
    SetRouting,
    StageModels,
    Step,
    SuccessCriteria,
    VersionFacts,
    WaitForApproval,
    Watch,
)
from hotswap_ros.text import count, size_words, time_words

#: A robot confirms with its next status, which comes at once and every second.
_CONFIRM_S = 1.0
#: What is taken for the success rate of the previous version where nobody knows it.
_ASSUMED_SUCCESS = 0.9


@dataclass(frozen=True)
class Forecast:
    """
    What one step is expected to take, if the candidate is equal.

    `expected_s` is NaN where nobody can say, `detectable_drop` (0 to 1) where no gate on success
    watches or it cannot find any drop 4 times in 5. `tasks` and `control_tasks` are those that
    finish in the step.
    """

    robots: tuple[str, ...]
    expected_s: float = math.nan
    tasks: int = 0
    control_tasks: int = 0
    detectable_drop: float = math.nan
    sentences: tuple[str, ...] = ()


def forecast(
    preview: Preview, versions: Mapping[str, VersionFacts] | None = None
) -> tuple[Forecast, ...]:
    """Return what each step of a preview will take and can show. Takes up to a second."""
    return _Forecaster(preview, versions or {}).run()


class _Forecaster:
    def __init__(self, preview: Preview, versions: Mapping[str, VersionFacts]) -> None:
        self._preview = preview
        self._plan = preview.plan
        self._versions = versions
        self._flow = Flow(preview.facts, preview.traffic)
        self._watch: Watch | None = None
        self._staged = {robot.robot_id for robot in preview.facts.robots if robot.holds}
        self._says_why_open = True
        #: What each watch gets to see: the step, and its tasks with how they are shared.
        self._seen: dict[str, tuple[Watch, list[tuple[int, tuple[Leg, ...]]]]] = {}

    def run(self) -> tuple[Forecast, ...]:
        found = [self._of_step(index, step) for index, step in enumerate(self._preview.steps)]
        for watch, seen in self._seen.values():
            if watch.subject == 'candidate':
                self._add_power(watch, seen, found)
        return tuple(found)

    def _of_step(self, index: int, step: Step) -> Forecast:
        self._watch = step.watch or self._watch
        if step.if_kept:
            return _said(step, 0.0, 'Only where the previous version wins.')
        if isinstance(step, StageModels):
            return self._staging(step)
        if isinstance(step, SetRouting):
            self._flow.route(step)
            return Forecast(_sorted(step), step.together_s + _CONFIRM_S)
        if isinstance(step, (Observe, Ramp)):
            return self._watching(index, step)
        if isinstance(step, WaitForApproval):
            then = {'pause': 'pauses', 'continue': 'goes on', 'rollback': 'rolls back'}
            text = f'A person has {time_words(step.timeout_s)}; then it {then[step.on_timeout]}.'
            return _said(step, math.nan, text)
        return Forecast(_sorted(step), _CONFIRM_S if isinstance(step, Retire) else 0.0)

    def _staging(self, step: StageModels) -> Forecast:
        left = set(step.robots) - self._staged
        self._staged.update(step.robots)
        if not left:
            return _said(step, 0.0, f'All of them hold {self._plan.version} by then.')
        checklist = self._plan.checklist
        mbps = None if checklist is None else checklist.bandwidth_mbps
        size = self._size
        if mbps is None or not size:
            what = "state 'bandwidthMbps' in the checklist" if size else 'its size is not known'
            text = f'How long loading takes cannot be told: {what}.'
            is_news, self._says_why_open = self._says_why_open, False
            why = (text,) if is_news else ()
            return Forecast(_sorted(step), sentences=(*_load_words(size, len(left)), *why))
        words = _load_words(size, len(left))
        return Forecast(_sorted(step), 8e-6 * size * len(left) / mbps, sentences=words)

    @property
    def _size(self) -> int:
        known = self._versions.get(self._plan.version)
        if known is not None and known.size_bytes:
            return known.size_bytes
        return max((robot.size_bytes for robot in self._flow.robots.values()), default=0)

    def _watching(self, index: int, step: Observe | Ramp) -> Forecast:
        watch = self._watch
        assert watch is not None  # no strategy observes without a gate
        legs = self._flow.legs(step, watch)
        self._seen.setdefault(watch.name, (watch, []))[1].append((index, legs))
        expected_s = sum(leg.seconds for leg in legs)
        if isinstance(step, Ramp) and not self._flow.reaches_all(step):
            expected_s = math.nan
        return Forecast(
            _sorted(step),
            expected_s,
            sum(leg.tasks.candidate for leg in legs),
            sum(leg.tasks.control for leg in legs),
            sentences=tuple(self._notes(step, watch, legs)),
        )

    def _notes(self, step: Observe | Ramp, watch: Watch, legs: Sequence[Leg]) -> list[str]:
        notes = []
        late = [leg for leg in legs if leg.waits_s > step.timeout_s]
        if late and math.isinf(late[0].waits_s):
            notes.append(
                'No robot of this step finishes tasks at present: at this pace the gate never '
                'gets its tasks.'
            )
        elif late:
            notes.append(
                f'At the present pace its tasks take {time_words(late[0].waits_s)}, longer '
                f'than its timeout of {time_words(step.timeout_s)}: the gate could not decide.'
            )
        if not self._flow.is_known:
            notes.append('How fast tasks come is not known: no robot has finished any lately.')
        if watch.subject == 'shadow':
            seen = sum(leg.tasks.control for leg in legs)
            notes.append(f'The shadow sees {seen:,} tasks, and none is at stake.')
            notes += _shadow_words(watch.criteria, seen)
        if isinstance(step, Ramp) and not self._flow.reaches_all(step):
            notes.append('The schedule ends below 100%: it stays there until a person goes on.')
        return notes

    # -- power ------------------------------------------------------------------------------------

    def _add_power(
        self, watch: Watch, seen: list[tuple[int, tuple[Leg, ...]]], found: list[Forecast]
    ) -> None:
        rate, source = self._baseline(watch)
        stages = [leg.tasks for _, legs in seen for leg in legs]
        drops = detectable_drops(
            watch.criteria,
            stages,
            rate,
            watch_stages=watch.stages,
            correlation=self._preview.traffic.correlation,
            history=self._preview.traffic.tasks,
        )
        done = 0
        for index, legs in seen:
            done += len(legs)
            counted = stages[:done]
            if watch.criteria.method is not Method.SEQUENTIAL:
                counted = stages[done - len(legs) : done]
            drop = drops[done - 1] if legs else math.nan
            text = _power_words(watch, counted, drop, f'{100 * rate:.1f}% ({source})')
            before = found[index].sentences
            found[index] = replace(found[index], detectable_drop=drop, sentences=(text, *before))

    def _baseline(self, watch: Watch) -> tuple[float, str]:
        """Return what the previous version does, and how that is known."""
        given = watch.criteria.baseline_success_rate
        if given is not None:
            return given, 'as the plan says'
        if self._preview.traffic.success is not None:
            return min(0.999, max(0.001, self._preview.traffic.success)), 'now'
        for robot in self._preview.facts.robots:
            facts = self._versions.get(robot.serves)
            if facts is not None and facts.lab is not None:
                return min(0.999, max(0.001, facts.lab.success)), 'in the lab'
        return _ASSUMED_SUCCESS, 'as assumed'


def _load_words(size: int, robots: int) -> tuple[str, ...]:
    """Return what loading takes on robots that do not hold the version."""
    if not size:
        return ()
    text = (
        f'Each of {count(robots, "robot")} keeps {size_words(size)} more on its disk, and at '
        f'least as much in memory; {size_words(size * robots)} go over the network.'
    )
    return (text,)


def _said(step: Step, expected_s: float, sentence: str) -> Forecast:
    return Forecast(_sorted(step), expected_s, sentences=(sentence,))


def _sorted(step: Step) -> tuple[str, ...]:
    return tuple(sorted(step.robots))


def _power_words(watch: Watch, counted: Sequence[StageTasks], drop: float, rate: str) -> str:
    tasks = sum(stage.candidate for stage in counted)
    control = sum(stage.control for stage in counted)
    against_number = watch.criteria.control in (Control.FIXED, Control.HISTORY)
    text = f'{tasks:,} tasks'
    if not against_number:
        text += f' beside {control:,} of the control'
    tolerated = watch.criteria.max_success_drop
    if tasks < MIN_TASKS or (control < MIN_TASKS and not against_number):
        return f'{text}: fewer than the {MIN_TASKS} of each that a verdict needs.'
    if math.isnan(drop):
        return f'{text} detect no drop from {rate} 4 times in 5.'
    not_of = f', not of {_points(tolerated)}' if drop > tolerated else ''
    return f'{text} detect, 4 times in 5, a drop of {_points(drop)} points from {rate}{not_of}.'


def _shadow_words(criteria: SuccessCriteria, tasks: int) -> list[str]:
    """Return what a gate on a shadow can see, and what its verdict can rest on."""
    if tasks < MIN_TASKS:
        return [f'That is fewer than the {MIN_TASKS} that a verdict needs.']
    words = []
    asked = criteria.min_shadow_agreement
    found = detectable_disagreement(criteria, tasks)
    if asked is not None and math.isnan(found):
        words.append('They detect no disagreement 4 times in 5.')
    elif asked is not None:
        words.append(
            f'They detect, 4 times in 5, that it decides otherwise in {found:.1%} of decisions, '
            f'where {1 - asked:.1%} may.'
        )
    bound, tolerated = bound_without_disagreement(tasks), criteria.max_success_drop
    enough = 'enough' if bound <= tolerated else 'not enough'
    words.append(
        f'If not one of them differs, success differs by {_points(bound)} points at most: '
        f'{enough} to deploy within {_points(tolerated)}.'
    )
    return words


def _points(drop: float) -> str:
    return f'{100 * drop:.1f}'.removesuffix('.0') if drop < 0.1 else f'{100 * drop:.0f}'
