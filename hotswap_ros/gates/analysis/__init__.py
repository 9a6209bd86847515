# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Reports on finished trials and shadows, from records of tasks.

They do not decide on a running rollout. No node imports this room: it loads scipy and statsmodels.
"""

from hotswap_ros.gates.analysis.by_robot import HourView, RobotView, by_hour, by_robot
from hotswap_ros.gates.analysis.fixed import (
    Outcome,
    better_test,
    chi_square,
    cohens_h,
    detectable_drop,
    event_test,
    newcombe_interval,
    power,
    quantile_interval,
    sample_ratio_test,
    score_test,
    tasks_per_arm,
    tasks_per_arm_not_inferior,
)
from hotswap_ros.gates.analysis.planned_looks import obrien_fleming_bounds
from hotswap_ros.gates.analysis.replay import Moment, Replay, replay
from hotswap_ros.gates.analysis.report import analyze
from hotswap_ros.gates.analysis.result import (
    Action,
    Analysis,
    Arm,
    Look,
    Question,
    RatioCheck,
    Size,
)
from hotswap_ros.gates.analysis.shadow import (
    Estimate,
    OffPolicy,
    ShadowAction,
    ShadowReport,
    ShadowTask,
    analyze_shadow,
)
from hotswap_ros.gates.analysis.training import TrainingFeature, feature_drift
from hotswap_ros.gates.analysis.trial import (
    ACROSS,
    UNKNOWN,
    WITHIN,
    Design,
    Latency,
    Trial,
    choose_versions,
    find_design,
)
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
    Hypothesis,
    Level,
    Record,
    Review,
    as_json,
    decile_drift,
    diagnose,
)
from hotswap_ros.text import p_words

__all__ = [
    'ACROSS',
    'SOME_DRIFT',
    'STRONG_DRIFT',
    'UNKNOWN',
    'WITHIN',
    'Action',
    'Analysis',
    'AnalysisError',
    'Arm',
    'Case',
    'Counts',
    'Design',
    'Diagnosis',
    'Drift',
    'Estimate',
    'Finding',
    'Group',
    'HourView',
    'Hypothesis',
    'Latency',
    'Level',
    'Look',
    'Moment',
    'OffPolicy',
    'Outcome',
    'Question',
    'RatioCheck',
    'Record',
    'Replay',
    'Review',
    'RobotView',
    'ShadowAction',
    'ShadowReport',
    'ShadowTask',
    'Size',
    'TrainingFeature',
    'Trial',
    'analyze',
    'analyze_shadow',
    'as_json',
    'better_test',
    'by_hour',
    'by_robot',
    'chi_square',
    'choose_versions',
    'cohens_h',
    'decile_drift',
    'detectable_drop',
    'diagnose',
    'event_test',
    'feature_drift',
    'find_design',
    'newcombe_interval',
    'obrien_fleming_bounds',
    'p_words',
    'power',
    'quantile_interval',
    'replay',
    'sample_ratio_test',
    'score_test',
    'tasks_per_arm',
    'tasks_per_arm_not_inferior',
]
