# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Dumps of gates in journals of earlier versions of this package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def from_format_5(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a dump of format 5 in format 6, in which trackers keep the snapshots of robots."""
    window = data['window']
    robots = {
        robot_id: _tracked(data['candidate'], robot)
        for robot_id, robot in window['robots'].items()
    }
    controls = {
        robot_id: next(reversed(newest_last[-1][1]))
        for robot_id, (newest_last, _) in robots.items()
    }
    strata = dict(data['strata'])
    strata['in_flight'] = strata.pop('debts')
    return {
        **data,
        'format': 6,
        'window': {**window, 'robots': robots, 'controls': controls},
        'strata': strata,
        'checks': {name: _check(check) for name, check in data['checks'].items()},
    }


def _tracked(candidate: str, robot: Mapping[str, Any]) -> list[Any]:
    """Return the boots of a robot with the newest last, and whether it was given up."""
    current = robot['current']
    boots = [
        [boot_id, {candidate: own, version: control}]
        for boot_id, (version, own, control) in robot['boots'].items()
    ]
    return [sorted(boots, key=lambda boot: boot[0] == current), not current]


def _check(check: Mapping[str, Any]) -> dict[str, Any]:
    """Return a check with its tracker, where it has one; of earlier boots nothing was kept."""
    found = dict(check)
    differences = found.pop('differences', None)
    if differences is not None:
        found['tracker'] = {
            robot_id: [[[boots[-1], counts]], False]
            for robot_id, (boots, counts) in differences.items()
        }
    return found
