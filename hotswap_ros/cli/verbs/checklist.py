# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap checklist` and `hotswap rollout start --dry-run`."""

from __future__ import annotations

import importlib.util
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hotswap_ros.cli.terminal import NO_COORDINATOR
from hotswap_ros.coordinator import read_versions
from hotswap_ros.plan import (
    Checklist,
    ChecklistItem,
    ChecklistPreset,
    Direct,
    Facts,
    ItemState,
    Plan,
    PlanError,
    load_plan,
    read_plan_file,
    review,
)
from hotswap_ros.text import time_words

_ANSWER_S = 30.0
_WORDS = {
    ItemState.PASSED: ('passed', 'green'),
    ItemState.FAILED: ('FAILED', 'bold red'),
    ItemState.TO_SIGN: ('to sign', 'bold yellow'),
    ItemState.SIGNED: ('signed', 'cyan'),
    ItemState.OVERRIDDEN: ('overridden', 'yellow'),
    ItemState.SKIPPED: ('skipped', 'dim'),
}


class NoCoordinatorError(Exception):
    """No coordinator can be asked; the text says why and what to do."""


def run_checklist(
    console: Console, path: Path, preset: ChecklistPreset | None, repository: str
) -> int:
    """Show the checklist of a plan; return 1 if it blocks."""
    try:
        plan = _with_preset(load_plan(read_plan_file(path)), preset)
        try:
            items = _items_of(_ask(_text_of(plan)))
        except NoCoordinatorError as error:
            console.print(
                f'[bold]{error}.[/] Items that can be checked without it:', soft_wrap=True
            )
            _show_items(console, _review_alone(plan, path, repository))
            return 1
    except PlanError as error:
        return _tell_problems(console, error.problems)
    _show_items(console, items)
    return 1 if any(item.blocks for item in items) else 0


def run_dry(console: Console, path: Path) -> int:
    """Show the preview of a plan; return 1 if it cannot start."""
    try:
        answer = _ask(read_plan_file(path))
    except NoCoordinatorError as error:
        raise SystemExit(f'hotswap: {error}') from error
    except PlanError as error:
        return _tell_problems(console, error.problems)
    _show_steps(console, answer.steps, answer.forecasts)
    _show_blockers(console, _items_of(answer))
    return 1 if answer.problems else 0


def _with_preset(plan: Plan, preset: ChecklistPreset | None) -> Plan:
    if preset is None:
        return plan
    checklist = plan.checklist or Checklist(preset=preset)
    asked = checklist.model_copy(update={'preset': preset})
    found: Plan = plan.model_copy(update={'checklist': asked})
    return found


def _text_of(plan: Plan) -> str:
    return plan.model_dump_json(by_alias=True, exclude_none=True)


def _ask(plan: str) -> Any:
    """Return the coordinator's preview of a plan. Raises NoCoordinatorError and PlanError."""
    if importlib.util.find_spec('rclpy') is None:
        raise NoCoordinatorError('no coordinator can be asked without ROS 2 (rclpy)')
    from hotswap_ros.nodes.client import FleetClient

    with FleetClient() as client:
        if not client.wait_for_coordinator(10.0):
            raise NoCoordinatorError(NO_COORDINATOR)
        try:
            answer = client.validate(plan, _ANSWER_S)
        except TimeoutError as error:
            raise NoCoordinatorError(str(error)) from error
    if answer.error_code:
        raise PlanError(list(answer.problems))
    return answer


def _items_of(answer: Any) -> list[ChecklistItem]:
    from hotswap_ros.nodes.conversions.common import InterfaceMismatchError
    from hotswap_ros.nodes.conversions.plan import item_value

    try:
        return [item_value(item) for item in answer.checklist]
    except InterfaceMismatchError as error:
        raise NoCoordinatorError(str(error)) from error


def _review_alone(plan: Plan, path: Path, repository: str) -> Sequence[ChecklistItem]:
    lab = None
    if plan.checklist is not None and plan.checklist.lab_results:
        lab = path.parent / plan.checklist.lab_results
    versions = read_versions(repository, plan.model_id, [plan.version], lab)
    is_watched = not isinstance(plan, Direct)
    return review(plan, Facts(time.time(), is_watched=is_watched, versions=versions))


def _tell_problems(console: Console, problems: Sequence[str]) -> int:
    console.print('[bold red]The plan cannot be run:[/]')
    for problem in problems:
        console.print(f'  {problem}', markup=False, soft_wrap=True, highlight=False)
    return 1


def _show_items(console: Console, items: Sequence[ChecklistItem]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style='dim')
    table.add_column('item', no_wrap=True)
    table.add_column('', no_wrap=True)
    table.add_column('finding, and remedy')
    for item in items:
        word, style = _WORDS[item.state]
        sentence = Text(item.sentence, 'dim' if item.state is ItemState.SKIPPED else '')
        if item.by:
            sentence.append(f' {item.by}: {item.remark or "signed"}', 'italic')
        table.add_row(item.name.value, Text(word, style), sentence)
    console.print(table)
    _show_blockers(console, items)


def _show_blockers(console: Console, items: Sequence[ChecklistItem]) -> None:
    failed, to_sign = (
        [item.name.value for item in items if item.state is state]
        for state in (ItemState.FAILED, ItemState.TO_SIGN)
    )
    console.print()
    if failed:
        console.print(
            f'[bold red]Failed:[/] {", ".join(failed)}. Fix it, or override it in the plan: '
            f'overrides: {{{failed[0]}: {{by: NAME, remark: WHY}}}}',
            soft_wrap=True,
            highlight=False,
        )
    if to_sign:
        console.print(
            f'[bold yellow]To sign:[/] {", ".join(to_sign)}. A person has to check it and sign it '
            f'in the plan: signed: {{{to_sign[0]}: {{by: NAME, remark: HOW}}}}',
            soft_wrap=True,
            highlight=False,
        )
    if not (failed or to_sign):
        asked = any(item.state is not ItemState.SKIPPED for item in items)
        words = 'Nothing blocks the rollout.' if asked else 'The plan has no checklist.'
        console.print(f'[green]{words}[/]')


def _show_steps(console: Console, steps: Sequence[Any], forecasts: Sequence[Any]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style='dim')
    table.add_column('', justify='right')
    table.add_column('step')
    table.add_column('time', justify='right', no_wrap=True)
    table.add_column('tasks', justify='right', no_wrap=True)
    table.add_column('control', justify='right', no_wrap=True)
    shown: list[str] = []
    for number, (step, found) in enumerate(zip(steps, forecasts), start=1):
        what = Text(step.title)
        if list(found.robots) != shown:
            shown = list(found.robots)
            what.append(f'\n{", ".join(shown)}', 'dim')
        for sentence in found.sentences:
            what.append(f'\n{sentence}', 'cyan')
        table.add_row(
            str(number),
            what,
            '' if found.expected_s == 0 else _time(found.expected_s),
            _count(found.expected_tasks),
            _count(found.expected_control_tasks),
        )
    console.print(table)
    console.print(f'\n{_total(forecasts)}', highlight=False, soft_wrap=True)


def _total(forecasts: Sequence[Any]) -> str:
    known = [found.expected_s for found in forecasts if not math.isnan(found.expected_s)]
    text = f'Total time: {time_words(sum(known))}, if the candidate is as good as stable'
    open_ones = len(forecasts) - len(known)
    if open_ones:
        text += ', plus the steps of unknown duration (?)'
    return f'{text}.'


def _time(seconds: float) -> str:
    return '?' if math.isnan(seconds) else time_words(seconds)


def _count(tasks: int) -> str:
    return f'{tasks:,}' if tasks else ''
