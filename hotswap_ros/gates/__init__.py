# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Judging whether the candidate is worse than the previous version on the same robots.

A Gate is fed with telemetry and says at any time what it can say: fail or pending, and once the
data of a step are in, fail, pass or inconclusive. No clocks, no threads, no randomness.
"""

from hotswap_ros.gates._bounds import DropBounds
from hotswap_ros.gates._correlation import design_effect, intraclass
from hotswap_ros.gates._evidence import (
    HARM_DROPS,
    PROOF_DROPS,
    Block,
    BlockEvidence,
    DrawnEvidence,
    GainEvidence,
    RareEvidence,
    RateEvidence,
    block_log_e,
    null_projection,
)
from hotswap_ros.gates._flag import Move, Ramp, next_share
from hotswap_ros.gates._gate import Gate
from hotswap_ros.gates._inputs import population_stability_index
from hotswap_ros.gates._intervals import (
    Interval,
    confidence_sequence,
    newcombe_interval,
    score_test,
    wilson_interval,
)
from hotswap_ros.gates._power import detectable_drops
from hotswap_ros.gates._power_of_blocks import StageTasks
from hotswap_ros.gates._power_of_shadows import bound_without_disagreement, detectable_disagreement
from hotswap_ros.gates._result import MIN_TASKS, CheckResult, Verdict, change, percent
from hotswap_ros.gates._stratified import stratified_drop, stratified_test

__all__ = [
    'HARM_DROPS',
    'MIN_TASKS',
    'PROOF_DROPS',
    'Block',
    'BlockEvidence',
    'CheckResult',
    'DrawnEvidence',
    'DropBounds',
    'GainEvidence',
    'Gate',
    'Interval',
    'RareEvidence',
    'Move',
    'Ramp',
    'RateEvidence',
    'StageTasks',
    'Verdict',
    'block_log_e',
    'bound_without_disagreement',
    'change',
    'confidence_sequence',
    'newcombe_interval',
    'design_effect',
    'detectable_disagreement',
    'detectable_drops',
    'intraclass',
    'next_share',
    'null_projection',
    'percent',
    'population_stability_index',
    'score_test',
    'stratified_drop',
    'stratified_test',
    'wilson_interval',
]
