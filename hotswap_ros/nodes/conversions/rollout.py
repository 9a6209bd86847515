# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Status, alerts and history of rollouts, as values and as messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from builtin_interfaces.msg import Time

from hotswap_ros import action, msg
from hotswap_ros.coordinator import RolloutSummary, RolloutView, StepState, StepView
from hotswap_ros.fleet import Event, EventKind, Level
from hotswap_ros.gates import CheckResult, Verdict
from hotswap_ros.nodes.conversions.common import (
    InterfaceMismatchError,
    codes_of,
    field_names,
    fields_of,
    seconds,
    time_msg,
)
from hotswap_ros.rollout import PauseReason, Status

if TYPE_CHECKING:
    from hotswap_ros.coordinator import Snapshot

_STATUSES = codes_of(msg.RolloutStatus, 'STATUS', Status)
_STATUSES_BACK = {code: status for status, code in _STATUSES.items()}
_PAUSES = codes_of(msg.RolloutStatus, 'PAUSE', PauseReason)
_PAUSES_BACK = {code: reason for reason, code in _PAUSES.items()}
_LEVELS = codes_of(msg.Alert, 'LEVEL', Level)
_LEVELS_BACK = {code: level for level, code in _LEVELS.items()}
_VERDICTS = codes_of(msg.CheckResult, 'VERDICT', Verdict)
_VERDICTS_BACK = {code: verdict for verdict, code in _VERDICTS.items()}
_STEP_STATES = codes_of(msg.StepStatus, 'STATE', StepState)
_STEP_STATES_BACK = {code: state for state, code in _STEP_STATES.items()}
_SUMMARY_FIELDS = field_names(RolloutSummary, 'status', 'started', 'ended')
_VIEW_FIELDS = field_names(
    RolloutView,
    'previous_versions',
    'status',
    'pause_reason',
    'steps',
    'cohort',
    'robots_quarantined',
    'robots_excluded',
    'excluded_why',
    'checks',
)
_FIGURES = msg.CheckResult.get_fields_and_field_types().keys() - {'verdict'}
_KINDS_BACK = {
    getattr(msg.StepStatus, name): name.removeprefix('KIND_').lower()
    for name in dir(type(msg.StepStatus))
    if name.startswith('KIND_')
}


def rollout_status_msg(snapshot: Snapshot) -> Any:
    """Return a rollout's snapshot as a message; the caller sets the stamp."""
    state = snapshot.state
    return msg.RolloutStatus(
        rollout_id=state.rollout_id,
        model_id=state.plan.model_id,
        version=state.plan.version,
        previous_versions=sorted({*state.previous.values()} - {''}),
        strategy=state.plan.strategy.value,
        status=_STATUSES[state.status],
        pause_reason=_PAUSES[state.pause_reason],
        reason=state.reason,
        step_index=state.step_index,
        steps=step_msgs(snapshot.steps),
        cohort=snapshot.cohort,
        robots_total=len(state.robots),
        robots_confirmed=snapshot.robots_confirmed,
        robots_unreachable=snapshot.robots_unreachable,
        robots_excluded=list(state.excluded_robots),
        excluded_why=[robot.why for robot in state.excluded_robots.values()],
        checks=[_check_msg(check) for check in snapshot.checks],
        tasks=snapshot.tasks,
        tasks_needed=snapshot.tasks_needed,
        elapsed_s=snapshot.elapsed_s,
    )


def rollout_view(status: Any) -> RolloutView:
    """Return a rollout's status as a client shows it; unknown numbers are pending or unknown."""
    return RolloutView(
        previous_versions=tuple(status.previous_versions),
        status=status_of(status.status),
        pause_reason=_PAUSES_BACK.get(status.pause_reason, PauseReason.NONE),
        steps=tuple(_step_view(step) for step in status.steps),
        cohort=tuple(status.cohort),
        robots_quarantined=tuple(status.robots_quarantined),
        robots_excluded=tuple(status.robots_excluded),
        excluded_why=tuple(status.excluded_why),
        checks=tuple(_check_value(check) for check in status.checks),
        **fields_of(status, _VIEW_FIELDS),
    )


def rollout_feedback(snapshot: Snapshot) -> Any:
    """Return the action feedback of a rollout's snapshot."""
    state = snapshot.state
    return action.Rollout.Feedback(
        status=_STATUSES[state.status],
        step_index=state.step_index,
        steps_total=len(snapshot.steps),
        step=snapshot.steps[state.step_index].title,
        cohort=snapshot.cohort,
        progress=snapshot.steps[state.step_index].progress,
        tasks=snapshot.tasks,
        tasks_needed=snapshot.tasks_needed,
        verdicts=[f'{c.name}: {c.verdict.value}. {c.sentence}' for c in snapshot.checks],
    )


def step_msgs(steps: Sequence[StepView]) -> list[Any]:
    """Return steps as messages."""
    return [
        msg.StepStatus(
            kind=getattr(msg.StepStatus, f'KIND_{step.kind.upper()}'),
            title=step.title,
            state=_STEP_STATES[step.state],
            progress=step.progress,
            elapsed_s=step.elapsed_s,
        )
        for step in steps
    ]


def _step_view(step: Any) -> StepView:
    kind = _KINDS_BACK.get(step.kind, 'unknown')
    state = _STEP_STATES_BACK.get(step.state, StepState.PENDING)
    return StepView(kind, step.title, state, step.progress, step.elapsed_s)


def _check_msg(check: CheckResult) -> Any:
    return msg.CheckResult(verdict=_VERDICTS[check.verdict], **fields_of(check, _FIGURES))


def _check_value(check: Any) -> CheckResult:
    verdict = _VERDICTS_BACK.get(check.verdict, Verdict.PENDING)
    return CheckResult(verdict=verdict, **fields_of(check, _FIGURES))


def status_code(status: Status) -> int:
    """Return the constant of RolloutStatus for a status."""
    return _STATUSES[status]


def status_of(code: int) -> Status | None:
    """Return the status of a constant of RolloutStatus; None: no rollout yet, or unknown."""
    return _STATUSES_BACK.get(code)


def alert_msg(event: Event) -> Any:
    """Return an event as an alert."""
    return msg.Alert(
        stamp=time_msg(event.time),
        level=_LEVELS[event.level],
        kind=event.kind.value,
        rollout_id=event.rollout_id,
        robot_ids=event.robots,
        text=event.text,
    )


def alert_value(alert: Any) -> Event:
    """Return an alert as an event."""
    return Event(
        time=seconds(alert.stamp),
        kind=EventKind(alert.kind),
        level=_LEVELS_BACK.get(alert.level, Level.INFO),
        text=alert.text,
        robots=tuple(alert.robot_ids),
        alert=True,
        rollout_id=alert.rollout_id,
    )


def summary_value(summary: Any) -> RolloutSummary:
    """Return a line of history as a value. Raises InterfaceMismatchError."""
    status = _STATUSES_BACK.get(summary.status)
    if status is None:
        raise InterfaceMismatchError(
            f"status {summary.status} of rollout '{summary.rollout_id}' is unknown here"
        )
    ended = seconds(summary.ended)
    return RolloutSummary(
        started=seconds(summary.started),
        ended=ended or None,
        status=status,
        **fields_of(summary, _SUMMARY_FIELDS),
    )


def summary_msg(summary: RolloutSummary) -> Any:
    """Return a line of history as a message."""
    return msg.RolloutSummary(
        status=_STATUSES[summary.status],
        started=time_msg(summary.started),
        ended=Time() if summary.ended is None else time_msg(summary.ended),
        **fields_of(summary, _SUMMARY_FIELDS),
    )
