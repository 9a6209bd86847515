# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap demo`: a better policy, a rollback by hand, then a worse policy, in simulation."""

from __future__ import annotations

import json
import shutil
import signal
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from hotswap_ros.cli.live.processes import Processes, use_separate_domain
from hotswap_ros.cli.verbs.rollout import heard_by
from hotswap_ros.cli.views.dashboard import LiveView
from hotswap_ros.models import shared
from hotswap_ros.nodes.client import FleetClient
from hotswap_ros.rollout import Status

_MODEL = 'pick_policy'
_READY_TIMEOUT_S = 60.0
_ROLLOUT_TIMEOUT_S = 300.0


class DemoError(Exception):
    """The demo cannot continue; the text says why."""


@dataclass(frozen=True)
class _Act:
    """The outcome of a part of the demo; `as_expected` is False if it ended in another way."""

    what: str
    outcome: str
    as_expected: bool


def run_demo(console: Console, robots: int, speed: float, record: Path | None = None) -> int:
    """Run the demo; return the exit code."""
    stopping = threading.Event()
    # A flag that is polled: an exception could interrupt the cleanup.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    if record is not None:
        record.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix='hotswap_demo_'))
    try:
        acts = _run(console, folder, robots, speed, record, stopping)
    except KeyboardInterrupt:
        console.print('\nStopped. All processes of the demo have ended.')
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    except (DemoError, TimeoutError) as error:
        console.print(f'[bold red]The demo cannot continue:[/] {error}', soft_wrap=True)
        console.print(f'Logs are in {folder}')
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    _summarise(console, acts)
    return 0 if all(act.as_expected for act in acts) else 1


def _run(
    console: Console,
    folder: Path,
    robots: int,
    speed: float,
    record: Path | None,
    stopping: threading.Event,
) -> list[_Act]:
    started = time.monotonic()
    domain = use_separate_domain()
    console.print(f'Starting {robots} simulated robots and a coordinator (ROS_DOMAIN_ID={domain})')
    with Processes(folder) as processes:
        _start(processes, folder, robots, speed)
        with FleetClient() as client:
            demo = _Demo(console, processes, client, record, stopping)
            demo.wait_until_ready(robots)
            console.print(f'All robots serve v23 after {time.monotonic() - started:.1f} s.\n')
            return [demo.roll_out_better(), demo.roll_back_by_hand(), demo.roll_out_worse()]


def _start(processes: Processes, folder: Path, robots: int, speed: float) -> None:
    plans = str(shared('config', 'plans'))
    files = {'journal': str(folder / 'journal'), 'plans_folder': plans}
    processes.start_node('fleet_coordinator', files)
    processes.start_node('sim_fleet', {'robots': robots, 'speed': float(speed)})


@dataclass(frozen=True)
class _Demo:
    """The parts of the demo, one method each."""

    _console: Console
    _processes: Processes
    _client: FleetClient
    _record: Path | None
    _stopping: threading.Event

    def wait_until_ready(self, robots: int) -> None:
        """Wait until every robot is healthy and known to the coordinator."""
        give_up_at = time.monotonic() + _READY_TIMEOUT_S
        # Both this process and the coordinator must have received a status from every robot.
        while (found := self._ready()) < robots:
            self._check_processes()
            if time.monotonic() > give_up_at:
                raise DemoError(f'only {found} of {robots} robots are ready after a minute')
            time.sleep(0.05)

    def roll_out_better(self) -> _Act:
        """Show a canary rollout that succeeds."""
        result = self._roll_out('1 of 3: canary rollout of v24, a better policy', 'v24')
        status = self._client.status
        succeeded = self._client.rollout_state is Status.SUCCEEDED
        outcome = (
            f'v24 serves all {status.robots_total} robots after {status.elapsed_s:.0f} s. '
            f'{_success(status)}'
        )
        return self._show_outcome(
            'v24, a better policy', outcome if succeeded else result.reason, succeeded
        )

    def roll_back_by_hand(self) -> _Act:
        """Show a rollback that a person orders."""
        title = '2 of 3: rollback by hand, as in a rehearsal'
        self._console.rule(title, align='left')
        result = self._client.wait(
            self._client.roll_back(_MODEL, 'v23'), 60.0, self._check_processes
        )
        outcome = (
            f'{result.robots_confirmed} of {result.robots_total} robots confirmed the rollback to '
            f'v23 after {result.confirm_s:.2f} s; no version was loaded.'
        )
        return self._show_outcome(
            'rollback by hand', result.error_msg or outcome, not result.error_code
        )

    def roll_out_worse(self) -> _Act:
        """Show a canary rollout that the gate stops."""
        version = 'v25_regressed'
        result = self._roll_out(f'3 of 3: canary rollout of {version}, a worse policy', version)
        what = f'{version}, a worse policy'
        if self._client.rollout_state is not Status.ROLLED_BACK:
            return self._show_outcome(what, result.reason, False)
        status, report = self._client.status, json.loads(result.report)
        touched = len(report['robots_on_candidate'])
        rollback_s = report['ended'] - report['rolling_back_since']
        outcome = (
            f'Stopped by the gate after {status.elapsed_s:.0f} s: {_success(status)} The rollback '
            f'to v23 took {rollback_s:.1f} s. {version} had run on {touched} of '
            f'{status.robots_total} robots.'
        )
        return self._show_outcome(what, outcome, True)

    def _roll_out(self, title: str, version: str) -> Any:
        self._console.rule(title, align='left')
        with LiveView(self._console, title) as view:

            def update() -> None:
                self._check_processes()
                if self._client.status.version == version:
                    self._show(view)
                    self._refuse_to_wait()

            future = self._client.start_rollout(f'canary_{version}.yaml')
            result = self._client.wait(future, _ROLLOUT_TIMEOUT_S, update)
            if not result.rollout_id:
                raise DemoError(f'the rollout of {version} was refused: {result.error_msg}')
            self._wait_for_last_status(result.rollout_id)
            update()
        return result

    def _refuse_to_wait(self) -> None:
        """Stop if the rollout waits for a person: chance alone can leave it inconclusive."""
        status = self._client.status
        if (
            self._client.rollout_state is Status.PAUSED
            and status.pause_reason == status.PAUSE_INCONCLUSIVE
        ):
            raise DemoError(f'the rollout of {status.version} is paused: {status.reason}')

    def _wait_for_last_status(self, rollout_id: str) -> None:
        """Wait for the status of the end: the result may arrive before it."""
        give_up_at = time.monotonic() + 5.0
        while time.monotonic() < give_up_at:
            state = self._client.rollout_state
            ended = state is not None and state.is_terminal
            if ended and self._client.status.rollout_id == rollout_id:
                return
            time.sleep(0.02)

    def _show(self, view: LiveView) -> None:
        view.show(self._client.view_of(), heard_by(self._client))
        if self._record is not None:
            name = f'{self._client.status.version}-{self._client.status.step_index:02}.svg'
            view.save(self._record / name)

    def _ready(self) -> int:
        heard: int = self._client.status.robots_heard
        return min(len(self._client.healthy_robots()), heard)

    def _check_processes(self) -> None:
        """Stop if the user wants to, or if a process has ended."""
        if self._stopping.is_set():
            raise KeyboardInterrupt
        ended = self._processes.ended()
        if ended:
            last = self._processes.log(ended).read_text(errors='replace').splitlines()[-5:]
            raise DemoError(f'{ended} has stopped: ' + ' / '.join(last))

    def _show_outcome(self, what: str, outcome: str, as_expected: bool) -> _Act:
        mark = '[green]✔[/]' if as_expected else '[red]✘[/]'
        soft_wrap = not self._console.is_terminal
        self._console.print(mark, outcome, soft_wrap=soft_wrap, highlight=False)
        self._console.print()
        return _Act(what, outcome, as_expected)


def _success(status: Any) -> str:
    check = next(check for check in status.checks if check.name == 'success')
    return (
        f'{check.estimate:.1%} of {check.n:,} tasks succeeded with {status.version}, '
        f'{check.control:.1%} of {check.n_control:,} with v23 on the same robots.'
    )


def _summarise(console: Console, acts: list[_Act]) -> None:
    table = Table.grid(padding=(0, 2, 1, 0))
    table.add_column(style='bold', no_wrap=True)
    table.add_column()
    for act in acts:
        table.add_row(act.what, act.outcome)
    console.print(Panel(table, title='Summary', title_align='left', padding=(1, 2, 0, 2)))
