# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Reports on finished trials and shadows, from records of tasks.

They do not decide on a running rollout. No node imports this room: it loads scipy.
"""

from hotswap_ros.gates.analysis.by_category import Categories, CategoryDifference
from hotswap_ros.gates.analysis.by_robot import mean_test
from hotswap_ros.gates.analysis.figures import FigureDifference
from hotswap_ros.gates.analysis.records import Names, Records
from hotswap_ros.gates.analysis.replay import Moment, Replay
from hotswap_ros.gates.analysis.report import analyze
from hotswap_ros.gates.analysis.result import Action, Analysis, Arm, Question
from hotswap_ros.gates.analysis.shadow import (
    ShadowAction,
    ShadowReport,
    ShadowTask,
    analyze_shadow,
)
from hotswap_ros.gates.analysis.training import TrainingFeature, feature_drift
from hotswap_ros.gates.analysis.trial import Latency, Trial, choose_versions, find_design
from hotswap_ros.gates.diagnosis import (
    SOME_DRIFT,
    STRONG_DRIFT,
    AnalysisError,
    Case,
    Counts,
    Diagnosis,
    Drift,
    Finding,
    Group,
    Level,
    Record,
    Review,
    as_json,
    decile_drift,
    diagnose,
)

__all__ = [
    'SOME_DRIFT',
    'STRONG_DRIFT',
    'Action',
    'Analysis',
    'AnalysisError',
    'Arm',
    'Case',
    'Categories',
    'CategoryDifference',
    'Counts',
    'Diagnosis',
    'Drift',
    'FigureDifference',
    'Finding',
    'Group',
    'Latency',
    'Level',
    'Moment',
    'Names',
    'Question',
    'Record',
    'Records',
    'Replay',
    'Review',
    'ShadowAction',
    'ShadowReport',
    'ShadowTask',
    'TrainingFeature',
    'Trial',
    'analyze',
    'analyze_shadow',
    'as_json',
    'choose_versions',
    'decile_drift',
    'diagnose',
    'feature_drift',
    'find_design',
    'mean_test',
]
