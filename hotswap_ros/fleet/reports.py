# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reports and telemetry of robots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import TypeAlias

from hotswap_ros.models import Routing, VersionCounters, VersionState

#: Model and robot id.
Name: TypeAlias = tuple[str, str]

_NO_CONTENT = ('generation', 'activate_at')

_content = attrgetter(*(field.name for field in fields(Routing) if field.name not in _NO_CONTENT))


def same_content(a: Routing, b: Routing) -> bool:
    """Return whether two routings serve the same, whatever their generations and times."""
    return a is b or bool(_content(a) == _content(b))


@dataclass(frozen=True)
class VersionReport:
    """
    One version on one robot, as the robot reports it.

    `size_bytes` is 0, and `warm_latency_ms` None, while the robot does not know.
    """

    state: VersionState
    digest: str = ''
    reason: str = ''
    size_bytes: int = 0
    warm_latency_ms: float | None = None


@dataclass(frozen=True)
class BreakerReport:
    """A version that a robot stopped by itself after `count` failed requests in a row."""

    version: str
    cause: str
    count: int


@dataclass(frozen=True)
class RobotReport:
    """What one robot reports of one model. `server` is where its model server is called."""

    robot_id: str
    server: str
    model_id: str
    boot_id: str
    routing: Routing
    versions: Mapping[str, VersionReport] = field(default_factory=dict)
    region: str = ''
    labels: tuple[str, ...] = ()
    resident_limit: int = 2
    breaker: BreakerReport | None = None
    disk_free_bytes: int | None = None

    def is_ready(self, version: str) -> bool:
        """Return whether the version is resident and warm."""
        report = self.versions.get(version)
        return report is not None and report.state is VersionState.READY

    def resident(self) -> tuple[str, ...]:
        """Return the versions that take one of the robot's places."""
        return tuple(name for name, report in self.versions.items() if report.state.is_resident)


@dataclass(frozen=True)
class Telemetry:
    """
    The newest cumulative counters of one robot, by version.

    `routing` was in force when they were read. A status message of the same moment may come later.
    """

    boot_id: str
    routing: Routing
    versions: Mapping[str, VersionCounters]
