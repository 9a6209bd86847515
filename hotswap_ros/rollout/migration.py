# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rollout states in journals of older releases."""

from __future__ import annotations

from typing import Any

#: Fields of a robot's record, and the lists of robots that older states had for them.
_LISTS = {
    'staged': 'staged',
    'shadows': 'shadowed',
    'promoted': 'promoted',
    'retired': 'retired',
    'failed': 'failed',
    'unconfirmed': 'owed',
}


def read_older(data: dict[str, Any]) -> dict[str, Any]:
    """Return a state in the form of this release."""
    if 'previous' not in data:
        return data
    return {
        **data,
        'robots': _records(data),
        'excluded': data.get('barred', ()),
        'trial_counts': data.get('ledger', {}),
        **_pauses(data),
    }


def _records(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return a record for each robot: older states have a list of robots for each property."""
    marks = {name: {} for name in data.get('touched', ())} | data.get('marks', {})
    shares = data.get('shares', {})
    lists = {field: set(data.get(name, ())) for field, name in _LISTS.items()}
    return {
        robot_id: {
            'previous': previous,
            'share': shares.get(robot_id),
            'mark': marks.get(robot_id),
            **{field: robot_id in members for field, members in lists.items()},
        }
        for robot_id, previous in data['previous'].items()
    }


def _pauses(data: dict[str, Any]) -> dict[str, Any]:
    """Return the pauses: an older state has at most one."""
    since, reason = data.get('paused_at'), data.get('pause_reason', 'none')
    if since is None:
        return {}
    pause = {'reason': reason, 'since': since, 'text': data.get('reason', '')}
    return {'pauses': [pause], 'held_since': None if reason == 'approval' else since}
