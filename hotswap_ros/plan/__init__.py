# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
What somebody asked for: a plan, its criteria, and the steps that it compiles to.

`load_plan` reads YAML or JSON text into a Plan; `compile_plan` turns it, with the fleet of this
moment, into a list of steps. Both are pure.
"""

from hotswap_ros.plan._compile import Robot, compile_plan, select_cohort
from hotswap_ros.plan._criteria import Control, Method, SuccessCriteria
from hotswap_ros.plan._load import PlanError, load_plan
from hotswap_ros.plan._plan import Plan, Stage, Strategy
from hotswap_ros.plan._steps import Observe, SetRouting, StageModels, Step

__all__ = [
    'Control',
    'Method',
    'Observe',
    'Plan',
    'PlanError',
    'Robot',
    'SetRouting',
    'Stage',
    'StageModels',
    'Step',
    'Strategy',
    'SuccessCriteria',
    'compile_plan',
    'load_plan',
    'select_cohort',
]
