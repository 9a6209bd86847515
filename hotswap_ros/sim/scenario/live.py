# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Requirements of a scenario that live simulated robots cannot meet."""

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

#: Largest number of robots in one sim_fleet.
_MOST_ROBOTS = 200
#: Largest number of robots with a worker process each.
_MOST_WORKERS = 16
#: Tasks per second on one core: 100 robots with a task a second, and a coordinator, use 72%.
_TASKS_PER_S = 140.0
#: Longest acceptable duration of a live scenario.
_LONGEST_S = 6 * 3600.0
#: Mean duration of a simulated task at speed 1, in seconds.
TASK_S = 1.0


def live_obstacles(scenario: Scenario, there: Collection[str]) -> list[str]:
    """Return why it cannot be played live at any speed; `there` are the available versions."""
    spec = scenario.fleet
    robots = len(spec.placed())
    found = []
    if robots > _MOST_ROBOTS:
        found.append(f'{robots:,} robots: a simulated fleet has at most {_MOST_ROBOTS}')
    if needs_processes(scenario) and robots > _MOST_WORKERS:
        found.append(
            f'{robots} robots with a worker process each, for {scenario.plan.version}: '
            f'at most {_MOST_WORKERS} are possible'
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
        found.append(f'special categories in {", ".join(special)}: all robots have the same ones')
    if any(fault.fault is FaultKind.KILL for fault in scenario.faults):
        found.append("fault 'kill': the robots share one process; use 'power_off'")
    return found


#: Fields of a fleet that exist only in virtual time.
_VIRTUAL = {
    'message_loss': "messageLoss: DDS repeats lost messages; use the fault 'slow_network'",
    'message_delay_s': "messageDelayS: use the fault 'slow_network'",
    'resident_limit': 'residentLimit: simulated robots hold two versions',
}


def _is_given(version: str, truth: Truth) -> str:
    return (
        f'outcomes of {version} are given ({truth.given(version)}): live, they follow from physics'
    )


def _served(scenario: Scenario) -> tuple[str, ...]:
    return tuple(dict.fromkeys((scenario.fleet.stable, scenario.plan.version)))


def needs_processes(scenario: Scenario) -> bool:
    """Return whether robots need worker processes: for a shadow, or a version that may crash."""
    plan = scenario.plan
    if any(one.strategy in _SHADOWING for one in getattr(plan, 'phases', (plan,))):
        return True
    release = next((one for one in ZOO if one.version == plan.version), None)
    return release is not None and release.catch is not None and release.catch.cause in _ENDS


_SHADOWING = (Strategy.SHADOW, Strategy.BLUE_GREEN)
#: Faults of a release that would affect all robots of a process.
_ENDS = (FailureCause.CRASH, FailureCause.EXCEPTION)


def pace_problems(scenario: Scenario, speed: float) -> list[str]:
    """Return why this speed is not possible."""
    found = []
    seconds = longest_s(scenario)
    if seconds / speed > _LONGEST_S:
        found.append(
            f'it may take {_time(seconds / speed)} with --speed {speed:g}: use --speed '
            f'{math.ceil(seconds / _LONGEST_S)} for at most {_time(_LONGEST_S)}'
        )
    # With several cores, one is reserved for the coordinator and DDS.
    robots = len(scenario.fleet.placed())
    cores = max(1.0, (os.cpu_count() or 1) - 0.5)
    possible = _TASKS_PER_S * cores
    at_once = robots / (scenario.fleet.task_s or TASK_S)
    if at_once * speed > possible:
        found.append(
            f'{at_once * speed:,.0f} tasks per second with --speed {speed:g}, but only about '
            f'{possible:,.0f} are possible here: use --speed {possible / at_once:.3g}'
        )
    return found


def longest_s(scenario: Scenario) -> float:
    """Return the longest duration of a scenario, in its own seconds."""
    last = max((action.at for action in scenario.operator), default=timedelta())
    longest = max(scenario.limit, last) + (scenario.afterwards or timedelta())
    return longest.total_seconds()


def _time(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
