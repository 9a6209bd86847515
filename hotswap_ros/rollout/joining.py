# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Robots that are heard of while a rollout runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hotswap_ros.fleet.reports import RobotReport
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.plan import Observe, Robot, SetRouting, StageModels, Step
from hotswap_ros.rollout.state import RolloutState, Status


class Newcomers:
    """Who is there and takes no part, asked again only where something may have changed."""

    def __init__(self, state: RolloutState) -> None:
        self._state = state
        self._scanned: tuple[Any, ...] = ()
        self._seen = -1
        self._away: set[str] = set()

    def who_is_there(self, view: FleetView, now: float) -> list[str]:
        """Return who in reach may join now: another step may let in who could not before."""
        state = self._state
        if state.status not in (Status.RUNNING, Status.PAUSED):
            return []
        model_id = state.plan.model_id
        changes = view.changes(model_id)
        names = {*changes.since(self._seen), *self._away}
        key = (view, state.step_index, len(state.step_records))
        if key != self._scanned:
            names = set(view.reports(model_id))
        self._seen, self._scanned = changes.revision, key
        names = {r for r in names if r not in state.previous and r not in state.barred}
        self._away = {r for r in names if not view.is_reachable(model_id, r, now)}
        return sorted(names - self._away)


def join(state: RolloutState, report: RobotReport, reports: Mapping[str, RobotReport]) -> bool:
    """
    Let a robot take part as one of the last finished stage does; returns whether it may.

    What that one serves, and what is still to come for it, holds for the newcomer as well. Where
    no stage has finished, it joins with those that come last, and where that is the first of
    several stages it waits: who comes late must not make a first stage larger than it was meant.
    """
    plan, stable = state.plan, report.routing.stable
    robot = Robot(report.robot_id, report.region, stable, report.labels)
    serves_another = stable not in ('', plan.version)
    if robot.robot_id in state.previous or not serves_another or report.resident_limit < 2:
        return False
    if not (plan.means(robot) and plan.admits(robot)):
        return False
    peers = set(state.previous)
    if plan.is_regional:
        peers = {r for r in peers if r in reports and reports[r].region == report.region}
    twin = _twin(state, peers)
    if twin is None:
        return False
    state.previous[robot.robot_id] = stable
    for members in (state.staged, state.promoted, state.shadowed):
        if twin in members:
            members.add(robot.robot_id)
    if twin in state.shares:
        state.shares[robot.robot_id] = state.shares[twin]
        state.touched.add(robot.robot_id)
    state.steps = tuple(
        _with(step, twin, robot.robot_id) if _is_to_come(state, index, step) else step
        for index, step in enumerate(state.steps)
    )
    return True


def _twin(state: RolloutState, peers: set[str]) -> str | None:
    """Return a robot of the last finished stage, or else one that comes last."""
    finished = state.steps[: state.step_index]
    for step in reversed(finished):
        if isinstance(step, Observe) and (found := peers.intersection(step.robots)):
            return min(found)
    begun = {r for step in state.steps[: state.step_index + 1] for r in step.robots}
    later = peers - begun
    if not later and not _has_stages(state.steps):
        later = peers.intersection(state.steps[-1].robots)
    untouched = later - state.staged
    return min(untouched) if untouched else None


def _has_stages(steps: Sequence[Step]) -> bool:
    trials = [
        s for s in steps if isinstance(s, SetRouting) and s.candidate_share and not s.promote
    ]
    return len(trials) > 1


def _is_to_come(state: RolloutState, index: int, step: Step) -> bool:
    """Return whether a step may still take robots in: what is being waited for may not."""
    if index == state.step_index:
        return not (state.step_has_begun and isinstance(step, (StageModels, SetRouting)))
    return index > state.step_index


def _with(step: Step, twin: str, robot_id: str) -> Step:
    if twin not in step.robots:
        return step
    return step.model_copy(update={'robots': (*step.robots, robot_id)})
