# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The demo: a better policy, a rollback by hand, then a worse policy, on simulated robots."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_prefix, get_package_share_directory
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from hotswap_ros.cli._processes import Processes
from hotswap_ros.cli._view import RolloutView
from hotswap_ros.nodes.client import FleetClient
from hotswap_ros.rollout import Status

MODEL = 'pick_policy'
_ROLLOUT_TIMEOUT_S = 300.0


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


@dataclass(frozen=True)
class _Act:
    """What an act of the demo showed; `as_expected` is False when chance had it otherwise."""

    what: str
    outcome: str
    as_expected: bool


def run_demo(console: Console, robots: int, speed: float, record: Path | None = None) -> int:
    """Run the demo; return the exit code."""
    # `kill` and `timeout` then end the demo as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if record is not None:
        record.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix='hotswap_demo_'))
    try:
        acts = _run(console, folder, robots, speed, record)
    except KeyboardInterrupt:
        console.print('\nStopped; every process of the demo has ended.')
        shutil.rmtree(folder, ignore_errors=True)
        return 130
    except (DemoError, TimeoutError) as error:
        console.print(f'[bold red]The demo could not go on:[/] {error}', soft_wrap=True)
        console.print(f'Logs are in {folder}')
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    _summarise(console, acts)
    return 0 if all(act.as_expected for act in acts) else 1


def _run(
    console: Console, folder: Path, robots: int, speed: float, record: Path | None
) -> list[_Act]:
    started = time.monotonic()
    # A domain of its own: the demo meets neither real robots nor another demo.
    domain = os.environ['ROS_DOMAIN_ID'] = str(70 + os.getpid() % 30)
    console.print(f'Starting {robots} simulated robots and a coordinator (ROS_DOMAIN_ID={domain})')
    with Processes(folder) as processes:
        _start(processes, folder, robots, speed)
        with FleetClient() as client:
            _wait_until_ready(processes, client, robots)
            console.print(f'All robots serve v23 after {time.monotonic() - started:.1f} s.\n')
            return _acts(console, processes, client, record)


def _start(processes: Processes, folder: Path, robots: int, speed: float) -> None:
    programs = Path(get_package_prefix('hotswap_ros')) / 'lib' / 'hotswap_ros'
    plans = Path(get_package_share_directory('hotswap_ros')) / 'config' / 'plans'
    processes.start(
        'fleet_coordinator',
        [
            str(programs / 'fleet_coordinator'),
            '--ros-args',
            *('-p', f'journal:={folder}/journal'),
            *('-p', f'plans_folder:={plans}'),
        ],
    )
    processes.start(
        'sim_fleet',
        [
            str(programs / 'sim_fleet'),
            '--ros-args',
            *('-p', f'robots:={robots}'),
            *('-p', f'speed:={float(speed)}'),
        ],
    )


def _wait_until_ready(processes: Processes, client: FleetClient, robots: int) -> None:
    give_up_at = time.monotonic() + 60.0
    # What this process hears is not yet what the coordinator hears: both must hear all of them.
    while min(len(client.healthy_robots()), client.status.robots_heard) < robots:
        _check_alive(processes)
        if time.monotonic() > give_up_at:
            found = min(len(client.healthy_robots()), client.status.robots_heard)
            raise DemoError(f'only {found} of {robots} robots were ready within a minute')
        time.sleep(0.05)


def _check_alive(processes: Processes) -> None:
    ended = processes.ended()
    if ended:
        last = processes.log(ended).read_text(errors='replace').strip().splitlines()[-5:]
        raise DemoError(f'{ended} has ended: ' + ' / '.join(last))


def _acts(
    console: Console, processes: Processes, client: FleetClient, record: Path | None
) -> list[_Act]:
    def rollout(number: int, version: str, what: str) -> Any:
        title = f'{number} of 3: {what}'
        console.rule(title, align='left')
        with RolloutView(console, title) as view:

            def look() -> None:
                _check_alive(processes)
                if client.status.version == version:
                    view.show(client.status, client.robots.copy())
                    if record is not None:
                        view.save(record / f'{number}-{client.status.step_index:02}.svg')

            result = client.wait(
                client.start_rollout(f'canary_{version}.yaml'), _ROLLOUT_TIMEOUT_S, look
            )
            look()
        return result

    good = rollout(1, 'v24', 'canary rollout of v24, a better policy')
    acts = [_good_act(good, client)]
    _say(console, acts[-1])
    console.rule('2 of 3: rollback by hand, as an operator would rehearse it', align='left')
    acts.append(_rehearse(client, processes))
    _say(console, acts[-1])
    bad = rollout(3, 'v25_regressed', 'canary rollout of v25_regressed, a worse policy')
    acts.append(_bad_act(bad, client))
    _say(console, acts[-1])
    return acts


def _good_act(result: Any, client: FleetClient) -> _Act:
    if client.rollout_state is not Status.SUCCEEDED:
        return _Act('v24, a better policy', result.reason, False)
    status = client.status
    outcome = (
        f'v24 serves all {status.robots_total} robots after {status.elapsed_s:.0f} s and four '
        f'stages. {_success(status)}'
    )
    return _Act('v24, a better policy', outcome, True)


def _success(status: Any) -> str:
    check = next(check for check in status.checks if check.name == 'success')
    return (
        f'{check.estimate:.1%} of {check.n:,} tasks succeeded with {status.version}, '
        f'{check.control:.1%} of {check.n_control:,} with v23 on the same robots.'
    )


def _rehearse(client: FleetClient, processes: Processes) -> _Act:
    result = client.wait(client.roll_back(MODEL, 'v23'), 60.0, lambda: _check_alive(processes))
    outcome = (
        f'v23 is back on {result.robots_confirmed} of {result.robots_total} robots '
        f'{result.confirm_s:.2f} s after the order; nothing was loaded.'
    )
    return _Act('rollback by hand', result.error_msg or outcome, not result.error_code)


def _bad_act(result: Any, client: FleetClient) -> _Act:
    if client.rollout_state is not Status.ROLLED_BACK:
        return _Act('v25_regressed, a worse policy', result.reason, False)
    status, report = client.status, json.loads(result.report)
    seen = len(report['robots_on_candidate'])
    back = report['ended'] - report['rolling_back_since']
    outcome = (
        f'Stopped by the gate after {status.elapsed_s:.0f} s: {_success(status)} v23 was back '
        f'{back:.1f} s later. {status.robots_total - seen} of {status.robots_total} robots never '
        'served it.'
    )
    return _Act('v25_regressed, a worse policy', outcome, True)


def _say(console: Console, act: _Act) -> None:
    mark = '[green]✔[/]' if act.as_expected else '[red]✘[/]'
    console.print(mark, act.outcome, soft_wrap=not console.is_terminal, highlight=False)
    console.print()


def _summarise(console: Console, acts: list[_Act]) -> None:
    table = Table.grid(padding=(0, 2, 1, 0))
    table.add_column(style='bold', no_wrap=True)
    table.add_column()
    for act in acts:
        table.add_row(act.what, act.outcome)
    console.print(Panel(table, title='What happened', title_align='left', padding=(1, 2, 0, 2)))
