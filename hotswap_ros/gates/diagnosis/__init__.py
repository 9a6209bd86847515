# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
What went wrong with a version: every possible cause examined, and ranked.

From counts alone, so that a coordinator can say it at the end of a rollback: nothing here needs
more than the standard library. Nothing is rolled back or promoted on it.
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
from hotswap_ros.text import p_words

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
    'p_words',
]
