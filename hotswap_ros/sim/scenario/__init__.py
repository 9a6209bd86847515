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
from hotswap_ros.sim.scenario.play import Played, differences, play, played_of
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
    'live_obstacles',
    'longest_s',
    'needs_processes',
    'pace_problems',
    'play',
    'played_of',
    'scenarios',
]
