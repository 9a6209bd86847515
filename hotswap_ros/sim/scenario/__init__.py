# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Scenarios: rollouts with faults, operator actions and an expected end."""

from hotswap_ros.sim.scenario.live import (
    TASK_S,
    live_obstacles,
    longest_s,
    needs_processes,
    pace_problems,
)
from hotswap_ros.sim.scenario.play import Played, differences, found_by, play, stage_reached
from hotswap_ros.sim.scenario.scenario import (
    OperatorAction,
    Scenario,
    ScenarioError,
    find_scenario,
    scenarios,
)

__all__ = [
    'TASK_S',
    'OperatorAction',
    'Played',
    'Scenario',
    'ScenarioError',
    'differences',
    'find_scenario',
    'found_by',
    'live_obstacles',
    'longest_s',
    'needs_processes',
    'pace_problems',
    'play',
    'scenarios',
    'stage_reached',
]
