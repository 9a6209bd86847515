# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Conversions that both ends of the wire need: codes, times, diagnostics and routings."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from builtin_interfaces.msg import Duration, Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from hotswap_ros import msg
from hotswap_ros.models import FailureCause, VersionState
from hotswap_ros.models import Routing as RoutingValue

_Member = TypeVar('_Member', bound=enum.Enum)


def codes_of(message: Any, prefix: str, members: Iterable[_Member]) -> dict[_Member, int]:
    """Return the constant of a message for each member, by name: PREFIX_MEMBER."""
    return {member: getattr(message, f'{prefix}_{member.name}') for member in members}


CAUSES = codes_of(msg.Decision, 'CAUSE', FailureCause)
STATES = codes_of(msg.VersionStatus, 'STATE', VersionState)


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
