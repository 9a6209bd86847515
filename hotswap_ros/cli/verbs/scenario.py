# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap scenario`: scenarios in virtual time, with their timeline and the comparison."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hotswap_ros.cli.views.document import refuse
from hotswap_ros.fleet import Event, Level
from hotswap_ros.models import shared
from hotswap_ros.sim import FaultError
from hotswap_ros.sim.scenario import (
    Played,
    Scenario,
    ScenarioError,
    find_scenario,
    live_obstacles,
    play,
    scenarios,
)

_COLOURS = {Level.INFO: 'default', Level.WARNING: 'yellow', Level.ERROR: 'red'}


def available_versions(scenario: Scenario) -> set[str]:
    """Return the versions of a scenario's model in the package."""
    folder = shared('models', scenario.fleet.model_id)
    return {path.parent.name for path in folder.glob('*/manifest.json')}


def read_scenario(name: str, folder: Path | None, seed: int | None) -> Scenario:
    """Return a scenario, with another seed if one is given. Raises ScenarioError."""
    found = find_scenario(folder or shared('config', 'scenarios'), name)
    return found if seed is None else found.model_copy(update={'seed': seed})


def show_list(console: Console, folder: Path | None) -> int:
    """Print every scenario; return the exit code."""
    table = Table.grid(padding=(0, 2))
    for name in scenarios(folder or shared('config', 'scenarios')):
        try:
            found = read_scenario(name, folder, None)
        except ScenarioError as error:
            return refuse(console, error)
        mark = '' if live_obstacles(found, available_versions(found)) else 'live'
        table.add_row(name, found.plan.strategy.value, mark, escape(found.description))
    console.print(table)
    return 0


def run_scenario(console: Console, name: str, folder: Path | None, seed: int | None) -> int:
    """Play one scenario in virtual time; return the exit code."""
    try:
        scenario = read_scenario(name, folder, seed)
        introduce(console, name, scenario)
        began = time.perf_counter()
        played = play(
            scenario,
            shared('config', 'outcomes'),
            lambda moment, event: show_event(console, moment, event),
        )
    except (ScenarioError, FaultError) as error:
        return refuse(console, error)
    speed = played.seconds / max(1e-9, time.perf_counter() - began)
    conclude(console, played)
    console.print(f'[dim]{speed:,.0f} times as fast as real time.[/]', highlight=False)
    return 0 if played.as_expected else 1


def introduce(console: Console, name: str, scenario: Scenario) -> None:
    """Print the description of a scenario, and the source of its outcomes."""
    console.rule(f'{name}: {escape(scenario.description)}', align='left')
    if scenario.source:
        console.print(f'[dim]{escape(scenario.source)}[/]', highlight=False)
    for outcomes in scenario.outcomes(shared('config', 'outcomes')):
        line = f'{outcomes.version}: success rate {outcomes.success:.1%}; {outcomes.origin}'
        console.print(f'[dim]{escape(line)}[/]', highlight=False, soft_wrap=True)


def show_event(console: Console, moment: float, event: Event) -> None:
    """Print an event, `moment` seconds after the start."""
    show_line(console, moment, event.level, event.kind.value, event.text)


def show_line(console: Console, moment: float, level: Level, kind: str, text: str) -> None:
    """Print a line with the time, the kind and the text of what happened."""
    console.print(
        f'[bold]{clock(moment):>12}[/]  [{_COLOURS[level]}]{kind:<12}  {escape(text)}[/]',
        highlight=False,
        soft_wrap=True,
    )


def clock(seconds: float) -> str:
    """Return a time since the start for people: '1 day, 2:03:04'."""
    return f'T+{timedelta(seconds=round(seconds))}'


def conclude(console: Console, played: Played) -> None:
    """Print the end of a scenario, and the differences from the expected end."""
    served = ', '.join(f'{version} on {n}' for version, n in sorted(played.served.items()))
    caught = f', caught by {played.caught_by}' if played.caught_by else ''
    console.print(
        f'\n{played.status.value} after {clock(played.seconds)[2:]}{caught}; {played.touched} '
        f'robots had run the version; served at the end: {served}.',
        highlight=False,
        soft_wrap=True,
    )
    if played.caught_by:
        console.print(
            f'First cause in the report: {escape(played.named)}', highlight=False, soft_wrap=True
        )
    if played.as_expected:
        console.print('[green]✔ as expected[/]')
    for problem in played.problems:
        console.print(f'[red]✘ {escape(problem)}[/]', highlight=False, soft_wrap=True)


def is_group(name: str, folder: Path | None) -> bool:
    """Return whether a name is no scenario but the first word of several."""
    known = scenarios(folder or shared('config', 'scenarios'))
    is_one = name in known or Path(name).is_file()
    return not is_one and any(other.startswith(f'{name}_') for other in known)


def run_all(console: Console, folder: Path | None, seed: int | None, group: str = '') -> int:
    """Play every scenario, or a group, in virtual time; print a table, return the exit code."""
    table = Table(box=None, pad_edge=False)
    for header in ('scenario', '', 'ended', 'after', 'caught by'):
        table.add_column(header, no_wrap=header == 'scenario')
    for header in ('stage', 'robots', 'tasks'):
        table.add_column(header, justify='right')
    table.add_column('first cause')
    failed: list[str] = []
    for name in scenarios(folder or shared('config', 'scenarios')):
        if group and not name.startswith(f'{group}_'):
            continue
        try:
            played = play(read_scenario(name, folder, seed), shared('config', 'outcomes'))
        except (ScenarioError, FaultError) as error:
            return refuse(console, error)
        failed += [f'{name}: {problem}' for problem in played.problems]
        table.add_row(
            name,
            '[green]✔[/]' if played.as_expected else '[red]✘[/]',
            played.status.value,
            clock(played.seconds)[2:],
            played.caught_by,
            f'{played.stage}',
            f'{played.touched}',
            f'{played.tasks:,}',
            escape(played.named) if played.caught_by else '',
        )
    console.print(table)
    for line in failed:
        console.print(f'[red]✘ {escape(line)}[/]', highlight=False, soft_wrap=True)
    return 1 if failed else 0
