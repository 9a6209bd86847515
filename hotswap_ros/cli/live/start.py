# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap scenario run --live`: simulated robots and a coordinator over DDS."""

from __future__ import annotations

import shutil
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.markup import escape

from hotswap_ros.cli.live.play import LivePlay
from hotswap_ros.cli.live.processes import Processes, use_separate_domain
from hotswap_ros.cli.verbs.scenario import available_versions, conclude, read_scenario
from hotswap_ros.cli.views.document import refuse
from hotswap_ros.nodes.client import CoordinatorError, FleetClient
from hotswap_ros.sim import Fault, FaultBook, FaultError, FaultKind
from hotswap_ros.sim.scenario import (
    TASK_S,
    Played,
    Scenario,
    ScenarioError,
    live_obstacles,
    longest_s,
    needs_processes,
    pace_problems,
)

#: A start takes a fraction of a second per robot.
_READY_S, _PER_ROBOT_S = 60.0, 1.0
_STATUS_S = 1.2
#: Faults that make a robot unreachable if it has them from the start.
_UNREACHABLE = (FaultKind.POWER_OFF, FaultKind.PARTITION)


def run_live(
    console: Console, name: str, folder: Path | None, speed: float, seed: int | None
) -> int:
    """Play a scenario live, `speed` times as fast; return the exit code."""
    try:
        scenario = read_scenario(name, folder, seed)
        require_live(name, scenario, speed)
    except ScenarioError as error:
        return refuse(console, error)
    console.rule(f'{name}: {escape(scenario.description)}', align='left')
    most = timedelta(seconds=round(longest_s(scenario) / speed))
    console.print(f'[dim]With --speed {speed:g} it takes {most} at most.[/]', highlight=False)
    place = Path(tempfile.mkdtemp(prefix='hotswap_scenario_'))
    use_separate_domain()
    try:
        played = _play(console, scenario, place, speed)
    except (ScenarioError, FaultError, CoordinatorError, TimeoutError) as error:
        console.print('[bold red]The scenario cannot continue:[/]', escape(str(error)))
        console.print(f'Logs are in {place}', soft_wrap=True)
        return 1
    shutil.rmtree(place, ignore_errors=True)
    conclude(console, played)
    return 0 if played.as_expected else 1


def require_live(name: str, scenario: Scenario, speed: float) -> None:
    """Raise ScenarioError if simulated robots cannot play a scenario, or not at this speed."""
    found = live_obstacles(scenario, available_versions(scenario)) or pace_problems(
        scenario, speed
    )
    if found:
        raise ScenarioError(f"'{name}' cannot run live: {'; '.join(found)}")


def _play(console: Console, scenario: Scenario, place: Path, speed: float) -> Played:
    with Processes(place) as processes:
        unreachable = _start(processes, scenario, place, speed)
        with FleetClient() as client:
            play = LivePlay(console, scenario, speed, client)
            _wait_until_ready(processes, client, len(scenario.fleet.placed()) - unreachable)
            return play.run()


def _start(processes: Processes, scenario: Scenario, place: Path, speed: float) -> int:
    """Start robots and coordinator; return the number of robots that are unreachable at first."""
    names = [one.robot_id for one in scenario.fleet.placed()]
    at_once = [
        Fault(fault=fault.fault, robots=fault.robots)
        for fault in scenario.faults
        if not fault.at_s and fault.fault in _UNREACHABLE
    ]
    fleet = _fleet(scenario, speed)
    if at_once:
        path = place / 'faults.yaml'
        entries = [fault.model_dump(mode='json', exclude_defaults=True) for fault in at_once]
        path.write_text(yaml.safe_dump(entries))
        fleet['faults_file'] = str(path)
    processes.start_node('fleet_coordinator', {'journal': str(place / 'journal')})
    processes.start_node('sim_fleet', fleet)
    return len(FaultBook(names, at_once).tick(0.0))


def _fleet(scenario: Scenario, speed: float) -> dict[str, Any]:
    """Return the parameters of the simulated fleet."""
    spec = scenario.fleet
    placed = spec.placed()
    return {
        'robots': len(placed),
        # Tasks of the simulation take about a second; the scenario gives their duration.
        'speed': min(100.0, max(0.01, speed * TASK_S / (spec.task_s or TASK_S))),
        'seed': scenario.seed,
        'robot_prefix': spec.prefix,
        'stable_version': spec.stable,
        'model_id': spec.model_id,
        'isolation': 'worker' if needs_processes(scenario) else 'in_process',
        # One entry per robot, with its region in the scenario.
        'regions': [one.region for one in placed],
        **({'labels': list(spec.labels)} if spec.labels else {}),
    }


def _wait_until_ready(processes: Processes, client: FleetClient, robots: int) -> None:
    patience_s = _READY_S + _PER_ROBOT_S * robots
    until = time.monotonic() + patience_s
    while min(len(client.healthy_robots()), client.status.robots_heard) < robots:
        ended = processes.ended()
        if ended or time.monotonic() > until:
            well, heard = len(client.healthy_robots()), client.status.robots_heard
            raise ScenarioError(
                f'{ended} has stopped'
                if ended
                else f'after {patience_s:.0f} s {well} of {robots} robots are healthy, and '
                f'{heard} are known to the coordinator: is this machine busy?'
            )
        time.sleep(0.05)
    # Robots publish a status every second: the coordinator then knows that all of them serve.
    time.sleep(_STATUS_S)
