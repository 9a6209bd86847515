# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Diagnosis of a failed version: all possible causes, examined and ranked.

It needs counts and the standard library only, so that a coordinator can add it to the report of a
rollback. It does not decide on any rollout.
"""

from hotswap_ros.gates.diagnosis.case import (
    Case,
    Diagnosis,
    Finding,
    Group,
    Hypothesis,
    Requests,
    Review,
)
from hotswap_ros.gates.diagnosis.diagnose import diagnose
from hotswap_ros.gates.diagnosis.json import as_json
from hotswap_ros.gates.diagnosis.record import Counts, Record
from hotswap_ros.gates.errors import AnalysisError
from hotswap_ros.gates.stats.drift import SOME_DRIFT, STRONG_DRIFT, Drift, Level, decile_drift

__all__ = [
    'SOME_DRIFT',
    'STRONG_DRIFT',
    'AnalysisError',
    'Case',
    'Counts',
    'Diagnosis',
    'Drift',
    'Finding',
    'Group',
    'Hypothesis',
    'Level',
    'Record',
    'Requests',
    'Review',
    'as_json',
    'decile_drift',
    'diagnose',
]
