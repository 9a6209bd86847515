# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Views of a rollout for people: the status topic, the live view and the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from hotswap_ros.coordinator.views import StepState, StepView
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.gates import CheckResult
from hotswap_ros.plan import Observe, Ramp, SetRouting, StageModels, Step
from hotswap_ros.rollout.runner import Runner
from hotswap_ros.rollout.state import RolloutState, StepRecord
from hotswap_ros.rollout.status import Status


@dataclass(frozen=True)
class Snapshot:
    """A rollout at one moment."""

    state: RolloutState
    steps: tuple[StepView, ...]
    cohort: tuple[str, ...]
    robots_confirmed: int
    robots_unreachable: int
    checks: tuple[CheckResult, ...]
    tasks: int
    tasks_needed: int
    elapsed_s: float


def snapshot(runner: Runner, view: FleetView, now: float) -> Snapshot:
    """Return the snapshot of a rollout."""
    state = runner.state
    unreachable = view.unreachable(state.plan.model_id, state.robots.keys(), now)
    waiting = runner.desired_routings.waiting_for(view, now)
    step = state.step
    end = now if state.ended is None else state.ended
    return Snapshot(
        # A copy: the runner continues while others read this.
        state=state.model_copy(),
        steps=step_views(state.steps, runner, view, now),
        cohort=step.robots,
        robots_confirmed=len(state.robots) - len(unreachable) - len(waiting),
        robots_unreachable=len(unreachable),
        checks=runner.gate_feed.checks,
        tasks=runner.gate_feed.step_tasks if isinstance(step, Observe) else 0,
        tasks_needed=step.tasks if isinstance(step, Observe) else 0,
        elapsed_s=end - state.started,
    )


def report(runner: Runner) -> dict[str, Any]:
    """Return a rollout's evidence as a JSON value, without its events."""
    state = runner.state
    return {
        'rollout_id': state.rollout_id,
        'status': state.status.value,
        'cause': state.cause.value,
        'reason': state.reason,
        'diagnosis': None if state.diagnosis is None else state.diagnosis.model_dump(),
        'started': state.started,
        'rolling_back_since': state.rolling_back_since,
        'ended': state.ended,
        'plan': state.plan.model_dump(mode='json', by_alias=True, exclude_none=True),
        'promotes_on': state.promotes_on.value,
        'promoted_by': None if state.promoted_by is None else state.promoted_by.model_dump(),
        'odds': [asdict(found) for found in state.odds],
        'previous': state.previous,
        'checklist': [item.model_dump(mode='json') for item in state.checklist],
        'robots_total': len(state.robots) if state.has_begun else 0,
        'robots_failed': sorted(state.where(lambda robot: robot.failed)),
        'robots_excluded': {r: record.why for r, record in state.excluded_robots.items()},
        'robots_on_candidate': sorted(state.served),
        'tasks': state.candidate_tasks,
        'rollback': _rollback(state),
        'candidate_tasks': runner.gate_feed.candidate_tasks,
        'steps': [
            {'kind': step.kind, 'title': step.title(state.plan.version), **r.model_dump()}
            for step, r in zip(state.steps, state.step_records)
        ],
        'conclusions': [found.model_dump(mode='json') for found in state.conclusions],
        'checks': [check.as_json() for check in runner.gate_feed.checks],
    }


def _rollback(state: RolloutState) -> dict[str, Any] | None:
    """Return the robots, tasks and duration of a rollback; None when there was none."""
    if state.rolling_back_since is None:
        return None
    return {
        'robots': sorted(state.served),
        'confirmed': len(state.served - state.unconfirmed) if state.ended is not None else 0,
        'unconfirmed': sorted(state.unconfirmed),
        'tasks': state.candidate_tasks,
        'seconds': None if state.ended is None else state.ended - state.rolling_back_since,
    }


def metrics(state: RolloutState, view: FleetView) -> dict[str, Any]:
    """Return the newest counters of a rollout's robots, by robot and version, as a JSON value."""
    robots = sorted(state.robots)
    heard = {robot_id: view.telemetry(state.plan.model_id, robot_id) for robot_id in robots}
    return {
        robot_id: {
            'boot_id': telemetry.boot_id,
            'versions': {name: asdict(found) for name, found in telemetry.versions.items()},
        }
        for robot_id, telemetry in heard.items()
        if telemetry is not None
    }


def planned_steps(steps: Iterable[Step], version: str) -> tuple[StepView, ...]:
    """Return the steps of a rollout that has not begun."""
    state = StepState.PENDING
    return tuple(StepView(s.kind, s.title(version), state, 0.0, 0.0) for s in steps)


def step_views(
    steps: Sequence[Step], runner: Runner, view: FleetView, now: float
) -> tuple[StepView, ...]:
    """Return the steps of a running or ended rollout."""
    views = list(planned_steps(steps, runner.state.plan.version))
    status = runner.state.status
    for index, record in enumerate(runner.state.step_records):
        step = steps[index]
        current = index == runner.state.step_index
        done = not current or status is Status.SUCCEEDED
        views[index] = replace(
            views[index],
            state=_state_of(record, done, status),
            progress=1.0 if done else _progress(step, runner, view, now),
            elapsed_s=(now if record.ended is None else record.ended) - record.started,
        )
    return tuple(views)


def _state_of(record: StepRecord, is_done: bool, status: Status) -> StepState:
    if record.skipped:
        return StepState.SKIPPED
    if is_done:
        return StepState.DONE
    runs = status in (Status.RUNNING, Status.PAUSED)
    return StepState.RUNNING if runs else StepState.FAILED


def _progress(step: Step, runner: Runner, view: FleetView, now: float) -> float:
    if isinstance(step, Observe):
        elapsed = now - runner.state.step_records[-1].started
        parts = [runner.gate_feed.step_tasks / step.tasks] if step.tasks else []
        parts += [elapsed / step.duration_s] if step.duration_s else []
        return max(0.0, min([1.0, *parts]))
    model_id, version = runner.state.plan.model_id, runner.state.plan.version
    if isinstance(step, StageModels):
        reports = (view.report(model_id, robot_id) for robot_id in step.robots)
        ready = sum(r is not None and r.is_ready(version) for r in reports)
        return ready / len(step.robots) if step.robots else 1.0
    if isinstance(step, Ramp):
        return 0.0 if runner.state.ramp is None else runner.state.ramp.share
    return _confirmed(step, runner, view, now) if isinstance(step, SetRouting) else 0.0


def _confirmed(step: SetRouting, runner: Runner, view: FleetView, now: float) -> float:
    waiting = runner.desired_routings.waiting_for(view, now) & frozenset(step.robots)
    return 1.0 - len(waiting) / len(step.robots) if step.robots else 1.0
