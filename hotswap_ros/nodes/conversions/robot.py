# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Observations, decisions, versions and counters of a robot, as values and as messages."""

from __future__ import annotations

import array
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hotswap_ros import msg
from hotswap_ros.models import (
    LATENCY_EDGES_MS,
    RoleCounts,
    Routing,
    TaskCounts,
    VersionCounters,
)
from hotswap_ros.nodes.conversions.bounds import sentence
from hotswap_ros.nodes.conversions.common import (
    CAUSES,
    SHADOW_FIELDS,
    STATES,
    TASK_FIELDS,
    field_names,
    fields_of,
    routing_msg,
)
from hotswap_ros.serving import Decision, FailureCause, OpenBreaker, ShadowComparison, VersionInfo

_DTYPES: dict[int, np.dtype[Any]] = {
    msg.Tensor.FLOAT32: np.dtype('<f4'),
    msg.Tensor.FLOAT64: np.dtype('<f8'),
    msg.Tensor.INT32: np.dtype('<i4'),
    msg.Tensor.INT64: np.dtype('<i8'),
    msg.Tensor.UINT8: np.dtype('u1'),
    msg.Tensor.BOOL: np.dtype('?'),
    msg.Tensor.FLOAT16: np.dtype('<f2'),
}
_COMPARISON_FIELDS = field_names(ShadowComparison, 'stable_outputs', 'shadow_outputs', 'cause')
_DTYPE_CODES = {dtype: code for code, dtype in _DTYPES.items()}


class TensorError(ValueError):
    """A tensor message is not consistent."""


def tensors_to_arrays(tensors: Iterable[Any]) -> dict[str, NDArray[Any]]:
    """Return named arrays. Raises TensorError naming the tensor and what is wrong with it."""
    arrays: dict[str, NDArray[Any]] = {}
    for tensor in tensors:
        if tensor.name in arrays:
            raise TensorError(f"there are two tensors '{tensor.name}': send each input once")
        arrays[tensor.name] = _array(tensor)
    return arrays


def arrays_to_tensors(arrays: Mapping[str, NDArray[Any]]) -> list[Any]:
    """Return the arrays as messages, in their order."""
    return [_tensor(name, values) for name, values in arrays.items()]


def _array(tensor: Any) -> NDArray[Any]:
    dtype = _DTYPES.get(tensor.dtype)
    if dtype is None:
        known = ', '.join(f'{code} {dtype.name}' for code, dtype in _DTYPES.items())
        raise TensorError(
            f"tensor '{tensor.name}': dtype {tensor.dtype} is unknown (known: {known})"
        )
    is_float32 = tensor.dtype == msg.Tensor.FLOAT32
    source = tensor.values if is_float32 else tensor.data
    unused = tensor.data if is_float32 else tensor.values
    if len(unused):
        right = "'values'" if is_float32 else "'data'"
        raise TensorError(
            f"tensor '{tensor.name}': put a {dtype.name} array into {right}, and leave the other "
            'field empty'
        )
    found = len(source) * source.itemsize
    expected = math.prod(tensor.shape) * dtype.itemsize
    if found != expected:
        raise TensorError(
            f"tensor '{tensor.name}': shape {list(tensor.shape)} of {dtype.name} needs "
            f'{expected} bytes, but has {found}'
        )
    try:
        return np.frombuffer(source, dtype).reshape(tuple(tensor.shape))
    except ValueError as error:  # more dimensions than NumPy knows
        raise TensorError(
            f"tensor '{tensor.name}': shape {list(tensor.shape)}: {error}"
        ) from error


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
    """Return a decision as a message; the caller sets stamp, sequence and task id."""
    return msg.Decision(
        version=decision.version,
        fallback=decision.fallback,
        fallback_cause=0 if decision.cause is None else CAUSES[decision.cause],
        safe_decision=decision.is_safe_decision,
        latency_ms=decision.latency_ms,
        outputs=arrays_to_tensors(decision.outputs),
    )


def breaker_fields(breaker: OpenBreaker | None) -> dict[str, Any]:
    """Return the fields of RobotStatus that describe an open breaker."""
    if breaker is None:
        return {}
    return {
        'breaker_version': breaker.version,
        'breaker_cause': CAUSES[breaker.cause],
        'breaker_count': breaker.count,
    }


def shadow_msg(comparison: ShadowComparison) -> Any:
    """Return a shadow's comparison as a message; the caller sets stamp, robot and model."""
    return msg.ShadowComparison(
        stable_outputs=arrays_to_tensors(comparison.stable_outputs),
        shadow_outputs=arrays_to_tensors(comparison.shadow_outputs),
        **fields_of(comparison, _COMPARISON_FIELDS),
    )


def version_msg(info: VersionInfo) -> Any:
    """Return a version's state as a message."""
    return msg.VersionStatus(
        version=info.version,
        digest=info.digest,
        state=STATES[info.state],
        reason=sentence(info.reason),
        size_bytes=info.size_bytes,
        execution_providers=info.placement.providers,
        provider_note=sentence(info.placement.note),
        warm_latency_ms=math.nan if info.warm_latency_ms is None else info.warm_latency_ms,
    )


def telemetry_msg(routing: Routing, counters: Mapping[str, VersionCounters]) -> Any:
    """Return counters as a message; the caller sets stamp, robot, boot id and model."""
    return msg.ModelTelemetry(
        routing=routing_msg(routing),
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
        roles=[
            _role_telemetry(role, counts)
            for role, counts in _roles(counters).items()
            if counts.requests
        ],
        input_features=list(counters.inputs),
        input_bins=[count for bins in counters.inputs.values() for count in bins],
        latency_buckets=counters.latency,
        **{f'shadow_{name}': getattr(counters.shadow, name) for name in SHADOW_FIELDS},
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
    return [0, *(counts.get(cause.value, 0) for cause in FailureCause)]


def _task_counts_msg(category: str, counts: TaskCounts) -> Any:
    return msg.TaskCounts(category=category, **fields_of(counts, TASK_FIELDS))
