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
    BREAKER,
    LOAD,
    PEOPLE,
    Expected,
    OperatorAction,
    Scenario,
    ScenarioError,
    Truth,
    find_scenario,
    load_scenario,
    scenarios,
)

__all__ = [
    'BREAKER',
    'LOAD',
    'PEOPLE',
    'TASK_S',
    'Expected',
    'OperatorAction',
    'Played',
    'Scenario',
    'ScenarioError',
    'Truth',
    'differences',
    'find_scenario',
    'found_by',
    'live_obstacles',
    'load_scenario',
    'longest_s',
    'needs_processes',
    'pace_problems',
    'play',
    'scenarios',
    'stage_reached',
]
