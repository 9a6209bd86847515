# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Scenarios: rollouts to try, with everything that happens in them and the end to expect."""

from hotswap_ros.sim.scenario._play import Played, differences, found_by, play
from hotswap_ros.sim.scenario._scenario import (
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
    'Expected',
    'OperatorAction',
    'Played',
    'Scenario',
    'ScenarioError',
    'Truth',
    'differences',
    'find_scenario',
    'found_by',
    'load_scenario',
    'play',
    'scenarios',
]
