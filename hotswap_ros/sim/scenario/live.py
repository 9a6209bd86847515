# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a scenario needs that simulated robots with physics, over DDS, cannot have."""

from __future__ import annotations

import math
import os
from collections.abc import Collection
from datetime import timedelta

from hotswap_ros.models import FailureCause
from hotswap_ros.plan import Strategy
from hotswap_ros.sim.faults.faults import FaultKind
from hotswap_ros.sim.policies.recipes import ZOO
from hotswap_ros.sim.scenario.scenario import Scenario, Truth

#: As many as one sim_fleet hosts.
_MOST_ROBOTS = 200
#: Robots with a worker process each.
_MOST_WORKERS = 16
#: What a core does: a hundred robots with a task a second each, and a coordinator, take 72%.
_TASKS_PER_S = 140.0
#: Nobody sits before a scenario for longer.
_LONGEST_S = 6 * 3600.0
#: A task of the simulation takes about so long at speed 1.
TASK_S = 1.0


def live_obstacles(scenario: Scenario, there: Collection[str]) -> list[str]:
    """Return why it cannot be played live at any speed; `there` are the versions there are."""
    spec = scenario.fleet
    robots = len(spec.placed())
    found = []
    if robots > _MOST_ROBOTS:
        found.append(f'{robots:,} robots: a simulated fleet has {_MOST_ROBOTS} at most')
    if needs_processes(scenario) and robots > _MOST_WORKERS:
        found.append(
            f'{robots} robots with a worker process each, for {scenario.plan.version}: '
            f'{_MOST_WORKERS} are the most'
        )
    found += [
        _is_given(name, truth) for name, truth in scenario.truth.items() if truth.given(name)
    ]
    missing = [name for name in _served(scenario) if name not in there]
    if missing:
        found.append(f'{", ".join(missing)}: not in the model repository')
    found += [why for field, why in _VIRTUAL.items() if field in spec.model_fields_set]
    special = [name for name, region in spec.regions.items() if region.categories is not None]
    if special:
        found.append(f'tasks that are special in {", ".join(special)}: robots share one task mix')
    if any(fault.fault is FaultKind.KILL for fault in scenario.faults):
        found.append("fault 'kill': the robots share one process; 'power_off' does as much")
    return found


#: Fields of a fleet that are of virtual time only.
_VIRTUAL = {
    'message_loss': "messageLoss: DDS repeats what is lost; there is the fault 'slow_network'",
    'message_delay_s': "messageDelayS: there is the fault 'slow_network' for it",
    'resident_limit': 'residentLimit: simulated robots have room for two versions',
}


def _is_given(version: str, truth: Truth) -> str:
    return f'what {version} comes to is given ({truth.given(version)}): live, physics tells it'


def _served(scenario: Scenario) -> tuple[str, ...]:
    return tuple(dict.fromkeys((scenario.fleet.stable, scenario.plan.version)))


def needs_processes(scenario: Scenario) -> bool:
    """Return whether robots need workers of their own: a version shadows, or ends its process."""
    plan = scenario.plan
    if any(one.strategy in _SHADOWING for one in getattr(plan, 'phases', (plan,))):
        return True
    release = next((one for one in ZOO if one.version == plan.version), None)
    return release is not None and release.catch is not None and release.catch.cause in _ENDS


_SHADOWING = (Strategy.SHADOW, Strategy.BLUE_GREEN)
#: What a release does that would take all robots of a process with it.
_ENDS = (FailureCause.CRASH, FailureCause.EXCEPTION)


def pace_problems(scenario: Scenario, speed: float) -> list[str]:
    """Return why this is not the speed to play it at."""
    found = []
    seconds = longest_s(scenario)
    if seconds / speed > _LONGEST_S:
        found.append(
            f'it may take {_time(seconds / speed)} at --speed {speed:g}: with --speed '
            f'{math.ceil(seconds / _LONGEST_S)} it is {_time(_LONGEST_S)} at most'
        )
    # One core is left to the coordinator and to DDS where there are several.
    robots = len(scenario.fleet.placed())
    cores = max(1.0, (os.cpu_count() or 1) - 0.5)
    possible = _TASKS_PER_S * cores
    at_once = robots / (scenario.fleet.task_s or TASK_S)
    if at_once * speed > possible:
        found.append(
            f'{at_once * speed:,.0f} tasks per second at --speed {speed:g}, and about '
            f'{possible:,.0f} are possible here: with --speed {possible / at_once:.3g} they are'
        )
    return found


def longest_s(scenario: Scenario) -> float:
    """Return how long a scenario takes at most, in its own seconds."""
    last = max((action.at for action in scenario.operator), default=timedelta())
    longest = max(scenario.limit, last) + (scenario.afterwards or timedelta())
    return longest.total_seconds()


def _time(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
