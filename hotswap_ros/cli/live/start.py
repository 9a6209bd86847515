# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A scenario live: simulated robots with physics and policies, and a coordinator, over DDS."""

from __future__ import annotations

import shutil
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from ament_index_python.packages import get_package_prefix
from rich.console import Console
from rich.markup import escape

from hotswap_ros.cli.live.play import LivePlay
from hotswap_ros.cli.live.processes import Processes, leave_other_robots_alone
from hotswap_ros.cli.verbs.scenario import conclude, read_scenario, versions_there
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
#: What keeps a robot from being heard at all when it is so from the start.
_SILENT = (FaultKind.POWER_OFF, FaultKind.PARTITION)


def run_live(
    console: Console, name: str, folder: Path | None, speed: float, seed: int | None
) -> int:
    """Play a scenario live, everything `speed` times shorter; return the exit code."""
    try:
        scenario = read_scenario(name, folder, seed)
        require_live(name, scenario, speed)
    except ScenarioError as error:
        return refuse(console, error)
    console.rule(f'{name}: {escape(scenario.description)}', align='left')
    most = timedelta(seconds=round(longest_s(scenario) / speed))
    console.print(f'[dim]At --speed {speed:g} it takes {most} at most.[/]', highlight=False)
    place = Path(tempfile.mkdtemp(prefix='hotswap_scenario_'))
    leave_other_robots_alone()
    try:
        played = _play(console, scenario, place, speed)
    except (ScenarioError, FaultError, CoordinatorError, TimeoutError) as error:
        console.print('[bold red]The scenario could not go on:[/]', escape(str(error)))
        console.print(f'Logs are in {place}', soft_wrap=True)
        return 1
    shutil.rmtree(place, ignore_errors=True)
    conclude(console, played)
    return 0 if played.as_expected else 1


def require_live(name: str, scenario: Scenario, speed: float) -> None:
    """Raise ScenarioError for what robots with physics cannot play, or not at this speed."""
    found = live_obstacles(scenario, versions_there(scenario)) or pace_problems(scenario, speed)
    if found:
        raise ScenarioError(f"'{name}' cannot run live: {'; '.join(found)}")


def _play(console: Console, scenario: Scenario, place: Path, speed: float) -> Played:
    with Processes(place) as processes:
        silent = _start(processes, scenario, place, speed)
        with FleetClient() as client:
            play = LivePlay(console, scenario, speed, client)
            _wait_until_ready(processes, client, len(scenario.fleet.placed()) - silent)
            return play.run()


def _start(processes: Processes, scenario: Scenario, place: Path, speed: float) -> int:
    """Start robots and coordinator; return how many robots are not heard from the start."""
    programs = Path(get_package_prefix('hotswap_ros')) / 'lib' / 'hotswap_ros'
    names = [one.robot_id for one in scenario.fleet.placed()]
    at_once = [
        Fault(fault=fault.fault, robots=fault.robots)
        for fault in scenario.faults
        if not fault.at_s and fault.fault in _SILENT
    ]
    fleet = _fleet(scenario, speed)
    if at_once:
        path = place / 'faults.yaml'
        entries = [fault.model_dump(mode='json', exclude_defaults=True) for fault in at_once]
        path.write_text(yaml.safe_dump(entries))
        fleet['faults_file'] = str(path)
    for name, parameters in (
        ('fleet_coordinator', {'journal': str(place / 'journal')}),
        ('sim_fleet', fleet),
    ):
        path = place / f'{name}.yaml'
        path.write_text(yaml.safe_dump({'/**': {'ros__parameters': parameters}}))
        arguments = ['--ros-args', '--params-file', str(path)]
        processes.start(name, [str(programs / name), *arguments])
    return len(FaultBook(names, at_once).tick(0.0))


def _fleet(scenario: Scenario, speed: float) -> dict[str, Any]:
    """Return the parameters of the simulated fleet."""
    spec = scenario.fleet
    placed = spec.placed()
    return {
        'robots': len(placed),
        # Tasks of the simulation take about a second; the scenario says how long here.
        'speed': min(100.0, max(0.01, speed * TASK_S / (spec.task_s or TASK_S))),
        'seed': scenario.seed,
        'robot_prefix': spec.prefix,
        'stable_version': spec.stable,
        'model_id': spec.model_id,
        'isolation': 'incubator' if needs_processes(scenario) else 'in_process',
        # One entry per robot: each is in the region that the scenario puts it in.
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
                f'{ended} has ended'
                if ended
                else f'after {patience_s:.0f} s {well} of {robots} robots are well, and the '
                f'coordinator hears {heard}: is this machine busy?'
            )
        time.sleep(0.05)
    # A status each second: by then the coordinator, too, has heard that all of them serve.
    time.sleep(_STATUS_S)
