# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Gates: the judgement whether a candidate is worse than the previous version on the same robots.

A Gate takes in telemetry. Its verdict is FAIL or PENDING at any time, and FAIL, PASS or
INCONCLUSIVE at the end of a stage. No clocks, no threads, no randomness.
"""

from typing import TYPE_CHECKING

from hotswap_ros.lazy import lazy_names

if TYPE_CHECKING:
    from hotswap_ros.gates.block_power import StageTasks
    from hotswap_ros.gates.decision_rule import checks_by_role, rule_words
    from hotswap_ros.gates.flag_controller import Ramp, next_share
    from hotswap_ros.gates.gate import Gate
    from hotswap_ros.gates.odds import DIFFERENCES, Odds
    from hotswap_ros.gates.operating_characteristic import WatchedStage, WatchedStages, odds_of
    from hotswap_ros.gates.pairing.clustering import intraclass
    from hotswap_ros.gates.power import (
        bound_without_disagreement,
        detectable_disagreement,
        detectable_drops,
    )
    from hotswap_ros.gates.result import MIN_TASKS, CheckResult, Verdict
    from hotswap_ros.gates.stats.evidence import Block
    from hotswap_ros.gates.stats.intervals import Interval, wilson_interval
    from hotswap_ros.gates.stats.stratified import stratified_drop, stratified_test

__all__ = [
    'DIFFERENCES',
    'MIN_TASKS',
    'Block',
    'CheckResult',
    'Gate',
    'Interval',
    'Odds',
    'Ramp',
    'StageTasks',
    'Verdict',
    'WatchedStage',
    'WatchedStages',
    'bound_without_disagreement',
    'checks_by_role',
    'detectable_disagreement',
    'detectable_drops',
    'intraclass',
    'next_share',
    'odds_of',
    'rule_words',
    'stratified_drop',
    'stratified_test',
    'wilson_interval',
]

__getattr__ = lazy_names(__name__)
