# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Robots that join a rollout while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hotswap_ros.fleet.reports import RobotReport
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.plan import Observe, Robot, SetRouting, StageModels, Step
from hotswap_ros.rollout.robot_progress import Exclusion, Mark
from hotswap_ros.rollout.state import RolloutState
from hotswap_ros.rollout.status import Status


class Joining:
    """Finds the robots that may join, and checks again only after a change."""

    def __init__(self, state: RolloutState) -> None:
        self._state = state
        self._scanned: tuple[Any, ...] = ()
        self._seen = -1
        self._unreachable: set[str] = set()

    def new_robots(self, view: FleetView, now: float) -> list[str]:
        """Return the reachable robots outside the rollout; each new step may accept them."""
        state = self._state
        if state.status not in (Status.RUNNING, Status.PAUSED):
            return []
        model_id = state.plan.model_id
        changes = view.changes(model_id)
        names = {*changes.since(self._seen), *self._unreachable}
        key = (view, state.step_index, len(state.step_records))
        if key != self._scanned:
            names = set(view.reports(model_id))
        self._seen, self._scanned = changes.revision, key
        names = {r for r in names if r not in state.excluded and _is_new(state, r)}
        self._unreachable = {r for r in names if not view.is_reachable(model_id, r, now)}
        return sorted(names - self._unreachable)


def _is_new(state: RolloutState, robot_id: str) -> bool:
    """Return whether a robot takes no part: a new one, or one that was unreachable for long."""
    known = state.robots.get(robot_id)
    return known is None or known.excluded is Exclusion.UNREACHABLE


def join(state: RolloutState, report: RobotReport, view: FleetView) -> bool:
    """
    Let a robot take part like a robot of the last finished stage; return whether it may.

    The new robot gets the same routing and the same remaining steps. If no stage has finished, it
    joins the last stage. If that is the first of several stages, it waits: a new robot must not
    make the first stage larger than the plan says.
    """
    plan, known = state.plan, state.robots.get(report.robot_id)
    stable = report.routing.stable if known is None else known.previous
    robot = Robot(report.robot_id, report.region, stable, report.labels)
    serves_another = stable != plan.version and (stable or not plan.needs_previous)
    if not _is_new(state, robot.robot_id) or not serves_another or report.resident_limit < 2:
        return False
    if not (plan.means(robot) and plan.admits(robot)):
        return False
    peers = state.robots.keys() - state.excluded_robots.keys()
    if plan.is_regional:
        reports = view.reports(plan.model_id)
        peers = {r for r in peers if r in reports and reports[r].region == report.region}
    twin = _twin(state, peers)
    if twin is None:
        return False
    mark = None if known is None else known.mark
    record = replace(state.robots[twin], previous=stable, failed=False, mark=mark, why='')
    if record.share is not None and mark is None:
        telemetry = view.telemetry(plan.model_id, robot.robot_id)
        record = replace(record, mark=Mark.of(plan.version, telemetry))
    state.put({robot.robot_id: record})
    state.steps = tuple(
        _with(step, twin, robot.robot_id) if _is_to_come(state, index, step) else step
        for index, step in enumerate(state.steps)
    )
    return True


def _twin(state: RolloutState, peers: set[str]) -> str | None:
    """Return a robot of the last finished stage, or else of the last stage."""
    finished = state.steps[: state.step_index]
    for step in reversed(finished):
        if isinstance(step, Observe) and (found := peers.intersection(step.robots)):
            # A robot of the last step: a new robot is no backup robot.
            return min(found, key=lambda r: (r not in state.steps[-1].robots, r))
    begun = {r for step in state.steps[: state.step_index + 1] for r in step.robots}
    later = peers - begun
    if not later and not _has_stages(state.steps):
        later = peers.intersection(state.steps[-1].robots)
    idle = [r for r in later if not state.robots[r].staged]
    return min(idle, default=None)


def _has_stages(steps: Sequence[Step]) -> bool:
    trials = [
        s for s in steps if isinstance(s, SetRouting) and s.candidate_share and not s.promote
    ]
    return len(trials) > 1


def _is_to_come(state: RolloutState, index: int, step: Step) -> bool:
    """Return whether a step still accepts robots; a step that waits for its robots does not."""
    if index == state.step_index:
        return not (state.step_has_begun and isinstance(step, (StageModels, SetRouting)))
    return index > state.step_index


def _with(step: Step, twin: str, robot_id: str) -> Step:
    if twin not in step.robots:
        return step
    return step.model_copy(update={'robots': (*step.robots, robot_id)})
