# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
One small action per kind of step: `begin` says what is wished for, `run` looks how it stands.

An action knows its step and one look at the rollout, and returns an outcome. Statuses, pauses and
rollbacks are the runner's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from hotswap_ros.rollout.actions import (
    _approval,
    _choose,
    _observe,
    _ramp,
    _retire,
    _set_routing,
    _stage_models,
)
from hotswap_ros.rollout.actions._ramp import set_flag
from hotswap_ros.rollout.actions._scene import Move, Outcome, Scene

__all__ = ['ACTIONS', 'Action', 'Move', 'Outcome', 'Scene', 'set_flag']


class Action(NamedTuple):
    """What is done for one kind of step."""

    begin: Callable[[Any, Scene], None]
    run: Callable[[Any, Scene], Outcome]


ACTIONS = {
    'stage_models': Action(_stage_models.begin, _stage_models.run),
    'set_routing': Action(_set_routing.begin, _set_routing.run),
    'observe': Action(_observe.begin, _observe.run),
    'approval': Action(_approval.begin, _approval.run),
    'choose': Action(_choose.begin, _choose.run),
    'ramp': Action(_ramp.begin, _ramp.run),
    'retire': Action(_retire.begin, _retire.run),
}
