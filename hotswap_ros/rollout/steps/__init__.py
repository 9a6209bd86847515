# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Actions of steps, one per kind: `begin` sets what is desired, `run` checks the progress.

An action gets its step and the context, and returns an outcome. It never changes the status of the
rollout, pauses it or rolls it back: the runner does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from hotswap_ros.rollout.steps import (
    approval,
    choose,
    observe,
    ramp,
    retire,
    set_routing,
    stage_models,
)
from hotswap_ros.rollout.steps.context import Move, Outcome, StepContext
from hotswap_ros.rollout.steps.ramp import set_flag

__all__ = [
    'ACTIONS',
    'Action',
    'Move',
    'Outcome',
    'StepContext',
    'set_flag',
]


class Action(NamedTuple):
    """The action of one kind of step."""

    begin: Callable[[Any, StepContext], None]
    run: Callable[[Any, StepContext], Outcome]


ACTIONS = {
    'stage_models': Action(stage_models.begin, stage_models.run),
    'set_routing': Action(set_routing.begin, set_routing.run),
    'observe': Action(observe.begin, observe.run),
    'approval': Action(approval.begin, approval.run),
    'choose': Action(choose.begin, choose.run),
    'ramp': Action(ramp.begin, ramp.run),
    'retire': Action(retire.begin, retire.run),
}
