# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the coordinator hears and tells, as values of the rollout and as messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from builtin_interfaces.msg import Time

from hotswap_ros import action, msg
from hotswap_ros.gates import CheckResult, Verdict
from hotswap_ros.models import (
    BINS,
    LATENCY_EDGES_MS,
    RoleCounts,
    ShadowCounts,
    TaskCounts,
    VersionCounters,
    VersionState,
)
from hotswap_ros.nodes.conversions import (
    CAUSES,
    STATES,
    routing_value,
    seconds,
    time_msg,
)
from hotswap_ros.rollout import (
    BreakerReport,
    Event,
    Level,
    PauseReason,
    RobotReport,
    RolloutSummary,
    Snapshot,
    Status,
    StepView,
    Telemetry,
    VersionReport,
)

_CAUSES_BACK = {code: cause for cause, code in CAUSES.items()}
_STATES_BACK = {code: state for state, code in STATES.items()}
_STATUSES = {status: code for code, status in enumerate(Status, start=1)}
_STATUSES_BACK = {code: status for status, code in _STATUSES.items()}
_PAUSES = {reason: code for code, reason in enumerate(PauseReason)}
_LEVELS = {level: code for code, level in enumerate(Level, start=1)}
_VERDICTS = {
    Verdict.PENDING: msg.CheckResult.VERDICT_PENDING,
    Verdict.PASS: msg.CheckResult.VERDICT_PASS,
    Verdict.FAIL: msg.CheckResult.VERDICT_FAIL,
    Verdict.INCONCLUSIVE: msg.CheckResult.VERDICT_INCONCLUSIVE,
}
_KINDS = {
    'stage_models': msg.StepStatus.KIND_STAGE_MODELS,
    'set_routing': msg.StepStatus.KIND_SET_ROUTING,
    'observe': msg.StepStatus.KIND_OBSERVE,
    'approval': msg.StepStatus.KIND_APPROVAL,
    'choose': msg.StepStatus.KIND_CHOOSE,
    'ramp': msg.StepStatus.KIND_RAMP,
    'retire': msg.StepStatus.KIND_RETIRE,
}
_STEP_STATES = {
    'pending': msg.StepStatus.STATE_PENDING,
    'running': msg.StepStatus.STATE_RUNNING,
    'done': msg.StepStatus.STATE_DONE,
    'failed': msg.StepStatus.STATE_FAILED,
    'skipped': msg.StepStatus.STATE_SKIPPED,
}


class TelemetryError(ValueError):
    """A robot counts in another way than the coordinator."""


def robot_report(status: Any) -> RobotReport:
    """Return a robot's status as a value. Raises InvalidRoutingError."""
    return RobotReport(
        robot_id=status.robot_id,
        server=status.server,
        model_id=status.model_id,
        boot_id=status.boot_id,
        routing=routing_value(status.routing),
        versions={
            v.version: VersionReport(
                _STATES_BACK.get(v.state, VersionState.ABSENT),
                v.digest,
                v.reason,
                v.size_bytes,
                v.warm_latency_ms if v.warm_latency_ms > 0 else None,
            )
            for v in status.versions
        },
        breaker=_breaker(status),
        region=status.region,
        resident_limit=status.resident_limit,
        disk_free_bytes=status.disk_free_bytes,
    )


def _breaker(status: Any) -> BreakerReport | None:
    if not status.breaker_version:
        return None
    cause = _CAUSES_BACK.get(status.breaker_cause)
    words = 'unknown' if cause is None else cause.value.replace('_', ' ')
    return BreakerReport(status.breaker_version, words, status.breaker_count)


def telemetry_value(telemetry: Any) -> Telemetry:
    """Return a robot's telemetry as a value. Raises TelemetryError for other latency buckets."""
    edges = [round(edge, 6) for edge in telemetry.latency_bucket_edges_ms]
    if edges != [round(edge, 6) for edge in LATENCY_EDGES_MS] or any(
        len(v.latency_buckets) != len(edges) + 1 for v in telemetry.versions
    ):
        raise TelemetryError(
            f"telemetry of '{telemetry.robot_id}' has other latency buckets than this "
            'coordinator: install the same version of hotswap_ros on both'
        )
    return Telemetry(
        boot_id=telemetry.boot_id,
        versions={v.version: _version_counters(v) for v in telemetry.versions},
    )


def _version_counters(version: Any) -> VersionCounters:
    roles = {role.role: _role_counts(role) for role in version.roles}
    return VersionCounters(
        requests=version.requests,
        errors=version.errors,
        fallbacks=_causes(version.fallbacks),
        tasks=_task_counts(version.tasks),
        categories={counts.category: _task_counts(counts) for counts in version.categories},
        latency=tuple(version.latency_buckets),
        stable=roles.get(msg.RoleTelemetry.ROLE_STABLE, RoleCounts()),
        candidate=roles.get(msg.RoleTelemetry.ROLE_CANDIDATE, RoleCounts()),
        shadow=ShadowCounts(
            version.shadow_offered,
            version.shadow_dropped,
            version.shadow_compared,
            version.shadow_agreed,
            version.shadow_failed,
        ),
        inputs=_inputs(version.input_features, version.input_bins),
    )


def _role_counts(role: Any) -> RoleCounts:
    return RoleCounts(
        role.requests, _causes(role.errors), role.fallbacks, tuple(role.latency_buckets)
    )


def _causes(counts: Sequence[int]) -> dict[str, int]:
    return {cause.value: counts[code] for cause, code in CAUSES.items() if code < len(counts)}


def _inputs(features: Sequence[str], bins: Sequence[int]) -> dict[str, tuple[int, ...]]:
    if len(bins) != BINS * len(features):
        return {}  # of a robot that counts otherwise: no drift is better than a wrong one
    return {
        feature: tuple(bins[BINS * index : BINS * (index + 1)])
        for index, feature in enumerate(features)
    }


def _task_counts(counts: Any) -> TaskCounts:
    return TaskCounts(
        started=counts.started,
        finished=counts.finished,
        succeeded=counts.succeeded,
        stuck=counts.stuck,
        timed_out=counts.timed_out,
    )


def rollout_status_msg(snapshot: Snapshot) -> Any:
    """Return a rollout's snapshot as a message; the stamp is the caller's."""
    state = snapshot.state
    return msg.RolloutStatus(
        rollout_id=state.rollout_id,
        model_id=state.plan.model_id,
        version=state.plan.version,
        previous_versions=sorted(set(state.previous.values())),
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
        checks=[_check_msg(check) for check in snapshot.checks],
        tasks=snapshot.tasks,
        tasks_needed=snapshot.tasks_needed,
        elapsed_s=snapshot.elapsed_s,
    )


def rollout_feedback(snapshot: Snapshot) -> Any:
    """Return what a person who waits for a rollout wants to read of its snapshot."""
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
            kind=_KINDS[step.kind],
            title=step.title,
            state=_STEP_STATES[step.state],
            progress=step.progress,
            elapsed_s=step.elapsed_s,
        )
        for step in steps
    ]


def _check_msg(check: CheckResult) -> Any:
    return msg.CheckResult(
        name=check.name,
        verdict=_VERDICTS[check.verdict],
        method=check.method,
        estimate=check.estimate,
        control=check.control,
        low=check.low,
        high=check.high,
        control_low=check.control_low,
        control_high=check.control_high,
        threshold=check.threshold,
        evidence=check.evidence,
        evidence_limit=check.evidence_limit,
        n=check.n,
        n_control=check.n_control,
        sentence=check.sentence,
    )


def status_code(status: Status) -> int:
    """Return the constant of RolloutStatus that stands for a status."""
    return _STATUSES[status]


def status_of(code: int) -> Status | None:
    """Return the status that a constant of RolloutStatus stands for; None: none yet."""
    return _STATUSES_BACK.get(code)


def alert_msg(rollout_id: str, event: Event) -> Any:
    """Return an event as an alert."""
    return msg.Alert(
        stamp=time_msg(event.time),
        level=_LEVELS[event.level],
        kind=event.kind,
        rollout_id=rollout_id,
        robot_ids=event.robots,
        text=event.text,
    )


def summary_value(summary: Any) -> RolloutSummary:
    """Return a line of history as a value."""
    ended = seconds(summary.ended)
    return RolloutSummary(
        rollout_id=summary.rollout_id,
        model_id=summary.model_id,
        version=summary.version,
        strategy=summary.strategy,
        started=seconds(summary.started),
        ended=ended or None,
        status=_STATUSES_BACK[summary.status],
        reason=summary.reason,
        robots_total=summary.robots_total,
        robots_failed=summary.robots_failed,
        tasks=summary.tasks,
    )


def summary_msg(summary: RolloutSummary) -> Any:
    """Return a line of history as a message."""
    return msg.RolloutSummary(
        rollout_id=summary.rollout_id,
        model_id=summary.model_id,
        version=summary.version,
        strategy=summary.strategy,
        status=_STATUSES[summary.status],
        reason=summary.reason,
        robots_total=summary.robots_total,
        robots_failed=summary.robots_failed,
        tasks=summary.tasks,
        started=time_msg(summary.started),
        ended=Time() if summary.ended is None else time_msg(summary.ended),
    )
