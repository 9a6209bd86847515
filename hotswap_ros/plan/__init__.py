# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Plans: a person's request for a rollout, its criteria, and the steps that it compiles to.

`load_plan` reads YAML or JSON text into a Plan; `compile_plan` turns it, with the fleet of this
moment, into a list of steps; `review` goes through its checklist; `advise` chooses a strategy. All
are pure functions.
"""

from typing import TYPE_CHECKING

from hotswap_ros.lazy import lazy_names

if TYPE_CHECKING:
    from hotswap_ros.plan.advisor import advise
    from hotswap_ros.plan.base import BasePlan, Strategy
    from hotswap_ros.plan.checklist.facts import (
        Facts,
        LabResult,
        Rehearsal,
        RobotFacts,
        VersionFacts,
    )
    from hotswap_ros.plan.checklist.items import Checklist
    from hotswap_ros.plan.checklist.presets import ChecklistPreset, Item
    from hotswap_ros.plan.checklist.review import ChecklistItem, ItemState, blockers, review
    from hotswap_ros.plan.compile import compile_plan
    from hotswap_ros.plan.criteria import Control, Method, Preset, SuccessCriteria
    from hotswap_ros.plan.durations import AS_STORED, Duration
    from hotswap_ros.plan.errors import PlanError
    from hotswap_ros.plan.load import load_plan, problems_of, read_plan_file
    from hotswap_ros.plan.plan import Plan
    from hotswap_ros.plan.promotion import PromoteOn, ProofBudget
    from hotswap_ros.plan.risk import Risk
    from hotswap_ros.plan.roles import Role, role_of
    from hotswap_ros.plan.section import Section
    from hotswap_ros.plan.stages import Robot, Stage, select_cohort
    from hotswap_ros.plan.steps import (
        ChooseWinner,
        Observe,
        Proof,
        Ramp,
        Retire,
        SetRouting,
        StageModels,
        Step,
        WaitForApproval,
        Watch,
    )
    from hotswap_ros.plan.strategies import (
        ABTesting,
        BlueGreen,
        Canary,
        Direct,
        FeatureFlag,
        Phases,
        ProgressiveRollout,
        RegionalRollout,
        Shadow,
    )
    from hotswap_ros.plan.windows import DeploymentWindow
    from hotswap_ros.plan.yaml_text import parse_text, read_text_file

__all__ = [
    'AS_STORED',
    'ABTesting',
    'BasePlan',
    'BlueGreen',
    'Canary',
    'Checklist',
    'ChecklistItem',
    'ChecklistPreset',
    'ChooseWinner',
    'Control',
    'DeploymentWindow',
    'Direct',
    'Duration',
    'Facts',
    'FeatureFlag',
    'Item',
    'ItemState',
    'LabResult',
    'Method',
    'Observe',
    'Phases',
    'Plan',
    'PlanError',
    'Preset',
    'ProgressiveRollout',
    'PromoteOn',
    'Proof',
    'ProofBudget',
    'Ramp',
    'RegionalRollout',
    'Rehearsal',
    'Retire',
    'Risk',
    'Robot',
    'RobotFacts',
    'Role',
    'Section',
    'SetRouting',
    'Shadow',
    'Stage',
    'StageModels',
    'Step',
    'Strategy',
    'SuccessCriteria',
    'VersionFacts',
    'WaitForApproval',
    'Watch',
    'advise',
    'blockers',
    'compile_plan',
    'load_plan',
    'parse_text',
    'problems_of',
    'read_plan_file',
    'read_text_file',
    'review',
    'role_of',
    'select_cohort',
]

__getattr__ = lazy_names(__name__)
