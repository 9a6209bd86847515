# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The name of a robot without a parameter: its host name, which may change with a container."""

from __future__ import annotations

import re

#: Names that container runtimes, Kubernetes and balena generate, and names that many hosts have.
_GENERATED = re.compile(
    r'[0-9a-f]{12}|[0-9a-f]{7}|[0-9a-f]{32}|[0-9a-f]{64}|.+-[0-9a-f]{8,10}-[0-9a-z]{5}'
    r'|localhost.*|ip-\d+-\d+-\d+-\d+|raspberrypi|ubuntu|buildroot'
)


def looks_generated(host_name: str) -> bool:
    """Return whether a host name looks made by a container runtime, or like that of any host."""
    return _GENERATED.fullmatch(host_name.split('.')[0]) is not None


def id_advice(host_name: str) -> str:
    """Return what may happen to a robot that is known by its host name."""
    return (
        f"parameter 'robot_id' is empty, so the robot is known as '{host_name}', its host name: "
        'under a new host name it is a new robot, and a rollout waits for the old one'
    )


def id_problem(robot_id: str, host_name: str) -> str:
    """Return why a robot's id is probably not stable; empty: it is given, or may be."""
    if robot_id or not looks_generated(host_name):
        return ''
    return (
        f"the robot_id is not stable: '{host_name}' looks like the host name of a container or of "
        "a new system. Give parameter 'robot_id'"
    )
