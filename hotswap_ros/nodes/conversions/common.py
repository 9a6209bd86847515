# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Conversions that both ends of the wire need: codes, times, diagnostics and routings."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from builtin_interfaces.msg import Duration, Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from hotswap_ros import msg
from hotswap_ros.models import FailureCause, ShadowCounts, TaskCounts, VersionState
from hotswap_ros.models import Routing as RoutingValue

_Member = TypeVar('_Member', bound=enum.Enum)


def codes_of(message: Any, prefix: str, members: Iterable[_Member]) -> dict[_Member, int]:
    """Return the constant of a message for each member, by name: PREFIX_MEMBER."""
    return {member: getattr(message, f'{prefix}_{member.name}') for member in members}


def field_names(value_type: Any, *different: str) -> tuple[str, ...]:
    """Return the fields of a dataclass, except those that its message has in another form."""
    return tuple(field.name for field in fields(value_type) if field.name not in different)


def fields_of(source: Any, names: Iterable[str]) -> dict[str, Any]:
    """Return fields of a value for its message, or of a message for its value."""
    return {name: getattr(source, name) for name in names}


CAUSES = codes_of(msg.Decision, 'CAUSE', FailureCause)
STATES = codes_of(msg.VersionStatus, 'STATE', VersionState)
TASK_FIELDS = field_names(TaskCounts)
SHADOW_FIELDS = field_names(ShadowCounts)
_ROUTING_FIELDS = field_names(RoutingValue, 'activate_at')

#: The progress of a task of which none was reported, in messages.
NOT_REPORTED = -1.0

#: First and last second since 1970 that a message can express.
_SECONDS = -(2**31), 2**31 - 1


class InterfaceMismatchError(ValueError):
    """A message has a value that this version of hotswap_ros does not know."""

    def __init__(self, found: str) -> None:
        super().__init__(f'{found}: install the same version of hotswap_ros on both computers')


def time_msg(seconds: float) -> Time:
    """Return seconds since 1970, or the nearest time that a message can express."""
    whole = math.floor(min(max(seconds, _SECONDS[0]), _SECONDS[1]))
    fraction = min(max(seconds - whole, 0.0), 1.0)
    return Time(sec=whole, nanosec=min(999_999_999, round(fraction * 1e9)))


def seconds(time: Time | Duration) -> float:
    """Return a time (since 1970) or duration message in seconds."""
    return float(time.sec) + time.nanosec * 1e-9


def duration_msg(seconds: float) -> Duration:
    """Return seconds as a message."""
    time = time_msg(seconds)
    return Duration(sec=time.sec, nanosec=time.nanosec)


def diagnostics_msg(
    stamp: Time,
    level: bytes,
    name: str,
    text: str,
    values: Mapping[str, str],
    hardware_id: str = '',
) -> DiagnosticArray:
    """Return the diagnostics of one component as a message."""
    status = DiagnosticStatus(
        level=level,
        name=name,
        message=text,
        hardware_id=hardware_id,
        values=[KeyValue(key=key, value=value) for key, value in values.items()],
    )
    array = DiagnosticArray(status=[status])
    array.header.stamp = stamp
    return array


def routing_msg(routing: RoutingValue) -> Any:
    """Return a routing as a message."""
    return msg.Routing(
        activate_at=time_msg(routing.activate_at), **fields_of(routing, _ROUTING_FIELDS)
    )


def routing_value(routing: Any) -> RoutingValue:
    """Return a routing message as a value. Raises InvalidRoutingError."""
    return RoutingValue(
        activate_at=seconds(routing.activate_at), **fields_of(routing, _ROUTING_FIELDS)
    )
