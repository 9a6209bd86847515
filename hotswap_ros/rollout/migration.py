# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rollout states in journals of older releases."""

from __future__ import annotations

from typing import Any

#: Field of a robot's record, and the list of robots that stood for it.
_LISTS = {
    'staged': 'staged',
    'shadows': 'shadowed',
    'promoted': 'promoted',
    'retired': 'retired',
    'failed': 'failed',
    'unconfirmed': 'owed',
}


def with_robot_records(data: dict[str, Any]) -> dict[str, Any]:
    """Return a state as it is kept today: older ones have a list of robots for each property."""
    if 'previous' not in data:
        return data
    marks = {name: {} for name in data.get('touched', ())} | data.get('marks', {})
    shares = data.get('shares', {})
    lists = {field: set(data.get(name, ())) for field, name in _LISTS.items()}
    robots = {
        robot_id: {
            'previous': previous,
            'share': shares.get(robot_id),
            'mark': marks.get(robot_id),
            **{field: robot_id in members for field, members in lists.items()},
        }
        for robot_id, previous in data['previous'].items()
    }
    return {**data, 'robots': robots, 'excluded': data.get('barred', ())}
