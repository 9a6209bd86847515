# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A scenario live: simulated robots with physics and policies, and a coordinator, over DDS."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from ament_index_python.packages import get_package_prefix
from rich.console import Console

from hotswap_ros.cli._document import refuse
from hotswap_ros.cli._processes import Processes
from hotswap_ros.cli._scenario import conclude, read_scenario, show_event
from hotswap_ros.nodes.client import FleetClient
from hotswap_ros.rollout import Cause, Event, Level, PauseReason, Status
from hotswap_ros.sim.scenario import (
    OperatorAction,
    Played,
    Scenario,
    ScenarioError,
    differences,
    found_by,
)

_READY_S = 60.0
#: Durations of a plan that are the machinery's, not the scenario's.
_UNSCALED = {'lease', 'missing_after', 'confirm_timeout', 'swap_delay'}


def run_live(
    console: Console, name: str, folder: Path | None, speed: float, seed: int | None
) -> int:
    """Play a scenario live, everything `speed` times shorter; return the exit code."""
    try:
        scenario = read_scenario(name, folder, seed)
        require_live(name, scenario)
    except ScenarioError as error:
        return refuse(console, error)
    console.rule(f'{name}: {scenario.description}', align='left')
    place = Path(tempfile.mkdtemp(prefix='hotswap_scenario_'))
    os.environ.setdefault('ROS_DOMAIN_ID', str(70 + os.getpid() % 30))
    try:
        played = _Live(console, scenario, place, speed).run()
    except (ScenarioError, TimeoutError) as error:
        console.print(f'[bold red]The scenario could not go on:[/] {error}; logs are in {place}')
        return 1
    shutil.rmtree(place, ignore_errors=True)
    conclude(console, played)
    return 0 if played.as_expected else 1


def require_live(name: str, scenario: Scenario) -> None:
    """Raise ScenarioError for a scenario that robots with physics cannot play."""
    if not scenario.can_run_live:
        raise ScenarioError(
            f"'{name}' cannot run live: its robots, its days or the truth that it is given are "
            'of virtual time; `hotswap scenario list` marks those that can'
        )
    words = [action.do for action in scenario.operator if action.do != 'put_back']
    if words:
        raise ScenarioError(
            f"'{name}' has people say {', '.join(words)}: live, only 'put_back' is played"
        )


class _Live:
    def __init__(self, console: Console, scenario: Scenario, place: Path, speed: float) -> None:
        self._console = console
        self._scenario = scenario
        self._place = place
        self._speed = speed
        self._told = ''
        self._refused: list[str] = []

    def run(self) -> Played:
        with Processes(self._place) as processes:
            self._start(processes)
            with FleetClient() as client:
                self._wait_until_ready(processes, client)
                return self._roll_out(client)

    def _start(self, processes: Processes) -> None:
        fleet = self._scenario.fleet
        programs = Path(get_package_prefix('hotswap_ros')) / 'lib' / 'hotswap_ros'
        robots = len(fleet.placed())
        given: dict[str, dict[str, Any]] = {
            'fleet_coordinator': {'journal': str(self._place / 'journal')},
            'sim_fleet': {
                'robots': robots,
                # Tasks of the simulation take about a second; the scenario says how long here.
                'speed': min(100.0, self._speed / (fleet.task_s or 1.0)),
                'seed': self._scenario.seed,
                'robot_prefix': fleet.prefix,
                'stable_version': fleet.stable,
                'model_id': fleet.model_id,
                **({'regions': list(fleet.regions)} if fleet.regions else {}),
            },
        }
        if self._scenario.faults:
            given['sim_fleet']['faults_file'] = self._faults_file()
        for name, parameters in given.items():
            path = self._place / f'{name}.yaml'
            path.write_text(yaml.safe_dump({'/**': {'ros__parameters': parameters}}))
            arguments = ['--ros-args', '--params-file', str(path)]
            processes.start(name, [str(programs / name), *arguments])

    def _faults_file(self) -> str:
        path = self._place / 'faults.yaml'
        entries = [
            {
                **fault.model_dump(mode='json', exclude_defaults=True),
                'at_s': fault.at_s / self._speed,
                'duration_s': fault.duration_s / self._speed,
            }
            for fault in self._scenario.faults
        ]
        path.write_text(yaml.safe_dump(entries))
        return str(path)

    def _wait_until_ready(self, processes: Processes, client: FleetClient) -> None:
        robots = len(self._scenario.fleet.placed())
        until = time.monotonic() + _READY_S
        while min(len(client.healthy_robots()), client.status.robots_heard) < robots:
            ended = processes.ended()
            if ended or time.monotonic() > until:
                raise ScenarioError(f'{ended or "the fleet"} was not ready within a minute')
            time.sleep(0.05)

    def _roll_out(self, client: FleetClient) -> Played:
        scenario = self._scenario
        actions = sorted(scenario.operator, key=lambda action: action.at)
        began = time.monotonic()
        plan = scaled(scenario.plan.model_dump(mode='python', exclude_none=True), self._speed)
        future = client.start_rollout(json.dumps(plan, default=_as_text))
        limit_s = scenario.limit.total_seconds() / self._speed

        def look() -> None:
            elapsed = time.monotonic() - began
            while actions and actions[0].at.total_seconds() <= elapsed * self._speed:
                self._put_back(client, actions.pop(0))
            self._listen(client, elapsed)

        result = client.wait(future, limit_s, look)
        while actions:
            look()
            time.sleep(0.05)
        if result.error_msg and not result.rollout_id:
            raise ScenarioError(f'the rollout was refused: {result.error_msg}')
        time.sleep(1.5)  # for the last status of every robot
        return self._found(client, result)

    def _put_back(self, client: FleetClient, action: OperatorAction) -> None:
        back = client.roll_back(self._scenario.fleet.model_id, action.to)
        answer = client.wait(back, _READY_S, lambda: None)
        if answer.error_code:
            self._refused.append(f'at {action.at}: {action.do}: {answer.error_msg}')

    def _listen(self, client: FleetClient, elapsed: float) -> None:
        status = client.status
        step = status.steps[status.step_index].title if status.steps else ''
        state = client.rollout_state
        now = f'{"" if state is None else state.value}: {step}'
        if state is Status.PAUSED:
            now += f' ({status.reason})'
        if not step or now == self._told:
            return
        self._told = now
        event = Event(time=elapsed, kind='step', level=Level.INFO, text=now)
        show_event(self._console, elapsed * self._speed, event)

    def _found(self, client: FleetClient, result: Any) -> Played:
        report = json.loads(result.report)
        told = [Event.model_validate(event) for event in report.get('events', ())]
        known = {reason.value: reason for reason in PauseReason}
        failed = [one['name'] for one in report['checks'] if one['verdict'] == 'fail']
        back = report['rolling_back_since']
        played = Played(
            status=Status(report['status']),
            cause=Cause(report['cause']),
            reason=report['reason'],
            seconds=(report['ended'] - report['started']) * self._speed,
            back_s=0.0 if back is None else report['ended'] - back,
            stage=1,
            touched=len(report['robots_on_candidate']),
            caught_by=found_by(Cause(report['cause']), failed),
            named=report['reason'],
            verdict=report['conclusions'][-1]['verdict'] if report['conclusions'] else '',
            served=Counter(robot.routing.stable for robot in client.robots.copy().values()),
            pauses=tuple(known[event.kind] for event in told if event.kind in known),
            events=tuple((event.time - report['started'], event) for event in told),
        )
        # What a report names first takes a recording, see `hotswap diagnose`.
        expect = self._scenario.expect.model_copy(update={'names': None, 'stage_at_most': None})
        played.problems = (*self._refused, *differences(expect, played))
        return played


def scaled(data: Any, speed: float) -> Any:
    """Return a plan's data with its durations so many times shorter."""
    if isinstance(data, timedelta):
        return data / speed
    if isinstance(data, Mapping):
        return {
            key: value if key in _UNSCALED else scaled(value, speed) for key, value in data.items()
        }
    if isinstance(data, (list, tuple)):
        return [scaled(value, speed) for value in data]
    return data


def _as_text(value: Any) -> Any:
    return value.total_seconds() if isinstance(value, timedelta) else str(value)
