# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Between ROS messages and the plain values of the other rooms; nothing else happens here."""

from __future__ import annotations

import array
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Duration, Time
from numpy.typing import NDArray

from hotswap_ros import action, msg
from hotswap_ros.gates import CheckResult, Verdict
from hotswap_ros.models import (
    LATENCY_EDGES_MS,
    RoleCounts,
    ShadowCounts,
    TaskCounts,
    VersionCounters,
    VersionState,
)
from hotswap_ros.models import Routing as RoutingValue
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
from hotswap_ros.serving import Cause, Decision, OpenBreaker, ShadowComparison, VersionInfo

_DTYPES: dict[int, np.dtype[Any]] = {
    msg.Tensor.FLOAT32: np.dtype('<f4'),
    msg.Tensor.FLOAT64: np.dtype('<f8'),
    msg.Tensor.INT32: np.dtype('<i4'),
    msg.Tensor.INT64: np.dtype('<i8'),
    msg.Tensor.UINT8: np.dtype('u1'),
    msg.Tensor.BOOL: np.dtype('?'),
    msg.Tensor.FLOAT16: np.dtype('<f2'),
}
_DTYPE_CODES = {dtype: code for code, dtype in _DTYPES.items()}
_CAUSES = {cause: code for code, cause in enumerate(Cause, start=1)}
_CAUSES_BACK = {code: cause for cause, code in _CAUSES.items()}
_STATES = {state: code for code, state in enumerate(VersionState, start=1)}
_STATES_BACK = {code: state for state, code in _STATES.items()}
_STATUSES = {status: code for code, status in enumerate(Status, start=1)}
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


class TensorError(ValueError):
    """A tensor message contradicts itself."""


class TelemetryError(ValueError):
    """A robot counts in another way than the coordinator."""


def time_msg(seconds: float) -> Time:
    """Return seconds since 1970 as a message."""
    whole = math.floor(seconds)
    return Time(sec=whole, nanosec=min(999_999_999, round((seconds - whole) * 1e9)))


def seconds(time: Time | Duration) -> float:
    """Return a time (since 1970) or duration message in seconds."""
    return float(time.sec) + time.nanosec * 1e-9


def duration_msg(seconds: float) -> Duration:
    """Return seconds as a message."""
    time = time_msg(seconds)
    return Duration(sec=time.sec, nanosec=time.nanosec)


# -- tensors --------------------------------------------------------------------------------------


def tensors_to_arrays(tensors: Iterable[Any]) -> dict[str, NDArray[Any]]:
    """Return named arrays. Raises TensorError naming the tensor and what is wrong with it."""
    arrays: dict[str, NDArray[Any]] = {}
    for tensor in tensors:
        if tensor.name in arrays:
            raise TensorError(f"tensor '{tensor.name}' is given twice: send each input once")
        arrays[tensor.name] = _array(tensor)
    return arrays


def arrays_to_tensors(arrays: Mapping[str, NDArray[Any]]) -> list[Any]:
    """Return the arrays as messages, in their order."""
    return [_tensor(name, values) for name, values in arrays.items()]


def _array(tensor: Any) -> NDArray[Any]:
    dtype = _DTYPES.get(tensor.dtype)
    if dtype is None:
        known = ', '.join(f'{code} {dtype.name}' for code, dtype in _DTYPES.items())
        raise TensorError(f"tensor '{tensor.name}': dtype {tensor.dtype} is none of {known}")
    is_float32 = tensor.dtype == msg.Tensor.FLOAT32
    source = tensor.values if is_float32 else tensor.data
    unused = tensor.data if is_float32 else tensor.values
    if len(unused):
        right = "'values'" if is_float32 else "'data'"
        raise TensorError(f"tensor '{tensor.name}': a {dtype.name} array goes into {right} alone")
    found = len(source) * source.itemsize
    expected = math.prod(tensor.shape) * dtype.itemsize
    if found != expected:
        raise TensorError(
            f"tensor '{tensor.name}': shape {list(tensor.shape)} of {dtype.name} needs "
            f'{expected} bytes, there are {found}'
        )
    return np.frombuffer(source, dtype).reshape(tuple(tensor.shape))


def _tensor(name: str, values: NDArray[Any]) -> Any:
    little = np.ascontiguousarray(values, values.dtype.newbyteorder('<'))
    tensor = msg.Tensor(name=name, dtype=_DTYPE_CODES[little.dtype], shape=values.shape)
    raw = little.tobytes()
    if tensor.dtype == msg.Tensor.FLOAT32:
        tensor.values = array.array('f', raw)
    else:
        tensor.data = array.array('B', raw)
    return tensor


def decision_msg(decision: Decision) -> Any:
    """Return an engine's decision; stamp, sequence and task id are the caller's."""
    return msg.Decision(
        version=decision.version,
        fallback=decision.fallback,
        fallback_cause=0 if decision.cause is None else _CAUSES[decision.cause],
        safe_decision=decision.is_safe_decision,
        latency_ms=decision.latency_ms,
        outputs=arrays_to_tensors(decision.outputs),
    )


# -- robot side -----------------------------------------------------------------------------------


def routing_msg(routing: RoutingValue) -> Any:
    """Return a routing as a message."""
    return msg.Routing(
        model_id=routing.model_id,
        stable=routing.stable,
        candidate=routing.candidate,
        candidate_share=routing.candidate_share,
        shadow=routing.shadow,
        salt=routing.salt,
        generation=routing.generation,
        lease_s=routing.lease_s,
        activate_at=time_msg(routing.activate_at),
    )


def routing_value(routing: Any) -> RoutingValue:
    """Return a routing message as a value. Raises InvalidRoutingError."""
    return RoutingValue(
        model_id=routing.model_id,
        stable=routing.stable,
        candidate=routing.candidate,
        candidate_share=routing.candidate_share,
        shadow=routing.shadow,
        salt=routing.salt,
        generation=routing.generation,
        lease_s=routing.lease_s,
        activate_at=seconds(routing.activate_at),
    )


def breaker_fields(breaker: OpenBreaker | None) -> dict[str, Any]:
    """Return the fields of RobotStatus that tell of an open breaker."""
    if breaker is None:
        return {}
    return {
        'breaker_version': breaker.version,
        'breaker_cause': _CAUSES[breaker.cause],
        'breaker_count': breaker.count,
    }


def shadow_msg(comparison: ShadowComparison) -> Any:
    """Return a shadow's comparison; stamp, robot and model are the caller's."""
    return msg.ShadowComparison(
        task_id=comparison.task_id,
        stable_version=comparison.stable_version,
        shadow_version=comparison.shadow_version,
        stable_outputs=arrays_to_tensors(comparison.stable_outputs),
        shadow_outputs=arrays_to_tensors(comparison.shadow_outputs),
        distance=comparison.distance,
        agreement=comparison.agreement,
        stable_latency_ms=comparison.stable_latency_ms,
        shadow_latency_ms=comparison.shadow_latency_ms,
    )


def version_msg(info: VersionInfo) -> Any:
    """Return a version's state as a message."""
    return msg.VersionStatus(
        version=info.version,
        digest=info.digest,
        state=_STATES[info.state],
        reason=info.reason,
        size_bytes=info.size_bytes,
        execution_providers=info.placement.providers,
        provider_note=info.placement.note,
    )


def telemetry_msg(counters: Mapping[str, VersionCounters]) -> Any:
    """Return counters as a message; stamp, robot, boot and model are the caller's."""
    return msg.ModelTelemetry(
        latency_bucket_edges_ms=LATENCY_EDGES_MS,
        versions=[_version_telemetry(name, counters[name]) for name in sorted(counters)],
    )


def _version_telemetry(version: str, counters: VersionCounters) -> Any:
    return msg.VersionTelemetry(
        version=version,
        requests=counters.requests,
        errors=counters.errors,
        fallbacks=_by_cause(counters.fallbacks),
        tasks=_task_counts_msg('', counters.tasks),
        categories=[
            _task_counts_msg(c, counters.categories[c]) for c in sorted(counters.categories)
        ],
        shadow_offered=counters.shadow.offered,
        shadow_dropped=counters.shadow.dropped,
        shadow_compared=counters.shadow.compared,
        shadow_agreed=counters.shadow.agreed,
        shadow_failed=counters.shadow.failed,
        roles=[
            _role_telemetry(role, counts)
            for role, counts in _roles(counters).items()
            if counts.requests
        ],
        latency_buckets=counters.latency,
    )


def _roles(counters: VersionCounters) -> dict[int, RoleCounts]:
    kind = msg.RoleTelemetry
    return {kind.ROLE_STABLE: counters.stable, kind.ROLE_CANDIDATE: counters.candidate}


def _role_telemetry(role: int, counts: RoleCounts) -> Any:
    return msg.RoleTelemetry(
        role=role,
        requests=counts.requests,
        errors=_by_cause(counts.errors),
        fallbacks=counts.fallbacks,
        latency_buckets=counts.latency,
    )


def _by_cause(counts: Mapping[str, int]) -> list[int]:
    return [0, *(counts.get(cause.value, 0) for cause in Cause)]


def _task_counts_msg(category: str, counts: TaskCounts) -> Any:
    return msg.TaskCounts(
        category=category,
        started=counts.started,
        finished=counts.finished,
        succeeded=counts.succeeded,
        stuck=counts.stuck,
        timed_out=counts.timed_out,
    )


# -- fleet side -----------------------------------------------------------------------------------


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
                _STATES_BACK.get(v.state, VersionState.ABSENT), v.digest, v.reason
            )
            for v in status.versions
        },
        breaker=_breaker(status),
        region=status.region,
        resident_limit=status.resident_limit,
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
    )


def _role_counts(role: Any) -> RoleCounts:
    return RoleCounts(
        role.requests, _causes(role.errors), role.fallbacks, tuple(role.latency_buckets)
    )


def _causes(counts: Sequence[int]) -> dict[str, int]:
    return {cause.value: counts[code] for cause, code in _CAUSES.items() if code < len(counts)}


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
    return next((status for status, number in _STATUSES.items() if number == code), None)


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


def summary_msg(summary: RolloutSummary) -> Any:
    """Return a line of history as a message."""
    return msg.RolloutSummary(
        rollout_id=summary.rollout_id,
        model_id=summary.model_id,
        version=summary.version,
        strategy=summary.strategy,
        status=_STATUSES[summary.status],
        reason=summary.reason,
        started=time_msg(summary.started),
        ended=Time() if summary.ended is None else time_msg(summary.ended),
    )
