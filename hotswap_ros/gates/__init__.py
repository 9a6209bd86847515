# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Gates: the judgement whether a candidate is worse than the previous version on the same robots.

A Gate takes in telemetry. Its verdict is FAIL or PENDING at any time, and FAIL, PASS or
INCONCLUSIVE at the end of a stage. No clocks, no threads, no randomness.
"""

from hotswap_ros.gates.block_power import StageTasks
from hotswap_ros.gates.flag_controller import Move, Ramp, next_share
from hotswap_ros.gates.gate import Gate
from hotswap_ros.gates.pairing.clustering import design_effect, intraclass
from hotswap_ros.gates.power import (
    bound_without_disagreement,
    detectable_disagreement,
    detectable_drops,
)
from hotswap_ros.gates.result import MIN_TASKS, CheckResult, Verdict
from hotswap_ros.gates.stats.bounds import DropBounds
from hotswap_ros.gates.stats.drift import population_stability_index
from hotswap_ros.gates.stats.evidence import (
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
from hotswap_ros.gates.stats.intervals import (
    Interval,
    confidence_sequence,
    newcombe_interval,
    score_test,
    wilson_interval,
)
from hotswap_ros.gates.stats.stratified import stratified_drop, stratified_test
from hotswap_ros.text import change, percent

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
    'Move',
    'Ramp',
    'RareEvidence',
    'RateEvidence',
    'StageTasks',
    'Verdict',
    'block_log_e',
    'bound_without_disagreement',
    'change',
    'confidence_sequence',
    'design_effect',
    'detectable_disagreement',
    'detectable_drops',
    'intraclass',
    'newcombe_interval',
    'next_share',
    'null_projection',
    'percent',
    'population_stability_index',
    'score_test',
    'stratified_drop',
    'stratified_test',
    'wilson_interval',
]
