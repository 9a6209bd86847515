# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The test bed: simulated robots whose tasks succeed or fail by physics and policy alone."""

from hotswap_ros.sim._rollout import Policy, Stats, rollout
from hotswap_ros.sim._task import CONTROL_PERIOD_S, PickWorld, TaskEnd, TaskStart

__all__ = [
    'CONTROL_PERIOD_S',
    'PickWorld',
    'Policy',
    'Stats',
    'TaskEnd',
    'TaskStart',
    'rollout',
]
