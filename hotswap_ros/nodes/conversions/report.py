# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Status and telemetry of robots, from messages to values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hotswap_ros import msg
from hotswap_ros.fleet import BreakerReport, RobotReport, Telemetry, VersionReport
from hotswap_ros.limits import LABELS, VERSIONS
from hotswap_ros.models import (
    BINS,
    LATENCY_EDGES_MS,
    RoleCounts,
    ShadowCounts,
    TaskCounts,
    VersionCounters,
    VersionState,
)
from hotswap_ros.nodes.conversions.bounds import at_most, name, node_name, sentence
from hotswap_ros.nodes.conversions.common import (
    CAUSES,
    SHADOW_FIELDS,
    STATES,
    TASK_FIELDS,
    InterfaceMismatchError,
    fields_of,
    routing_value,
    seconds,
)

_CAUSES_BACK = {code: cause for cause, code in CAUSES.items()}
_STATES_BACK = {code: state for state, code in STATES.items()}


def robot_report(status: Any) -> RobotReport:
    """
    Return a robot's status as a value.

    Sentences in it are shortened and cleaned. Raises InvalidRoutingError and MessageError.
    """
    at_most('versions', status.versions, VERSIONS)
    at_most('labels', status.labels, LABELS)
    _check_routing(status.routing)
    return RobotReport(
        robot_id=name('robot_id', status.robot_id),
        server=node_name('server', status.server),
        model_id=name('model_id', status.model_id),
        boot_id=name('boot_id', status.boot_id),
        routing=routing_value(status.routing),
        versions={
            name('versions', v.version): VersionReport(
                _STATES_BACK.get(v.state, VersionState.ABSENT),
                name('digest', v.digest),
                sentence(v.reason),
                v.size_bytes,
                v.warm_latency_ms if v.warm_latency_ms > 0 else None,
            )
            for v in status.versions
        },
        breaker=_breaker(status),
        region=name('region', status.region),
        labels=tuple(name('labels', label) for label in status.labels),
        resident_limit=status.resident_limit,
        disk_free_bytes=status.disk_free_bytes,
    )


def _check_routing(routing: Any) -> None:
    for text in (routing.stable, routing.candidate, routing.shadow, routing.salt):
        name('routing', text)


def robot_clock(status: Any) -> float | None:
    """Return a robot's wall clock when it sent its status; None: unknown."""
    return seconds(status.wall_time) or None


def _breaker(status: Any) -> BreakerReport | None:
    if not status.breaker_version:
        return None
    cause = _CAUSES_BACK.get(status.breaker_cause)
    words = 'unknown' if cause is None else cause.value.replace('_', ' ')
    version = name('breaker_version', status.breaker_version)
    return BreakerReport(version, words, status.breaker_count)


def telemetry_value(telemetry: Any) -> Telemetry:
    """
    Return a robot's telemetry.

    Raises InterfaceMismatchError for other latency buckets, InvalidRoutingError and MessageError.
    """
    at_most('versions', telemetry.versions, VERSIONS)
    _check_routing(telemetry.routing)
    edges = [round(edge, 6) for edge in telemetry.latency_bucket_edges_ms]
    histograms = [
        counts.latency_buckets
        for version in telemetry.versions
        for counts in (version, *version.roles)
    ]
    if edges != [round(edge, 6) for edge in LATENCY_EDGES_MS] or any(
        len(buckets) != len(edges) + 1 for buckets in histograms
    ):
        raise InterfaceMismatchError(
            f"telemetry of '{telemetry.robot_id}' has other latency buckets than this coordinator"
        )
    return Telemetry(
        boot_id=name('boot_id', telemetry.boot_id),
        routing=routing_value(telemetry.routing),
        versions={name('versions', v.version): _version_counters(v) for v in telemetry.versions},
    )


def _version_counters(version: Any) -> VersionCounters:
    roles = {role.role: _role_counts(role) for role in version.roles}
    return VersionCounters(
        requests=version.requests,
        errors=version.errors,
        fallbacks=_causes(version.fallbacks),
        tasks=_task_counts(version.tasks),
        categories={
            name('category', counts.category): _task_counts(counts)
            for counts in version.categories
        },
        latency=tuple(version.latency_buckets),
        stable=roles.get(msg.RoleTelemetry.ROLE_STABLE, RoleCounts()),
        candidate=roles.get(msg.RoleTelemetry.ROLE_CANDIDATE, RoleCounts()),
        shadow=ShadowCounts(*(getattr(version, f'shadow_{name}') for name in SHADOW_FIELDS)),
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
        return {}  # a robot with other bins: no input drift is better than a wrong one
    return {
        feature: tuple(bins[BINS * index : BINS * (index + 1)])
        for index, feature in enumerate(features)
    }


def _task_counts(counts: Any) -> TaskCounts:
    return TaskCounts(**fields_of(counts, TASK_FIELDS))
