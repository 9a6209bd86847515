# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap checklist` and `hotswap rollout start --dry-run`."""

from __future__ import annotations

import importlib.util
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hotswap_ros.cli.terminal import NO_COORDINATOR, write_json
from hotswap_ros.cli.views.odds import HEADERS, odds_rows, odds_value
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
    # Of those that the preset requires.
    ItemState.SKIPPED: ('not known', 'yellow'),
}


#: Asks a coordinator about the text of a plan; returns the answer of ValidatePlan.
Ask = Callable[[str], Any]


class NoCoordinatorError(Exception):
    """No coordinator can be asked; the text says why and what to do."""


def run_checklist(
    console: Console,
    path: Path,
    preset: ChecklistPreset | None,
    repository: str,
    json_file: Path | None = None,
    ask: Ask | None = None,
) -> int:
    """Show the checklist of a plan; return 1 if it blocks."""
    try:
        plan = _with_preset(load_plan(read_plan_file(path)), preset)
        try:
            items: Sequence[ChecklistItem] = _items_of((ask or _ask)(_text_of(plan)))
            is_complete = True
        except NoCoordinatorError as error:
            console.print(
                f'[bold]{error}.[/] Items that can be checked without it:', soft_wrap=True
            )
            items, is_complete = _review_alone(plan, path, repository), False
    except PlanError as error:
        return _tell_problems(console, error.problems)
    if json_file is not None:
        write_json(json_file, [item.model_dump(mode='json') for item in items])
    show_items(console, items, _preset_of(plan))
    return 0 if is_complete and not any(item.blocks for item in items) else 1


def run_dry(
    console: Console, path: Path, json_file: Path | None = None, ask: Ask | None = None
) -> int:
    """Show the preview of a plan; return 1 if it cannot start."""
    try:
        answer = (ask or _ask)(read_plan_file(path))
        items = _items_of(answer)
    except NoCoordinatorError as error:
        raise SystemExit(f'hotswap: {error}') from error
    except PlanError as error:
        return _tell_problems(console, error.problems)
    if json_file is not None:
        write_json(json_file, _preview_figures(answer, items))
    _show_steps(console, answer.steps, answer.forecasts)
    _show_outlook(console, answer)
    of_checklist = [f'{item.name.value}: {item.sentence}' for item in items]
    others = [problem for problem in answer.problems if problem not in of_checklist]
    if others:
        console.print()
        _tell_problems(console, others)
    if not others or any(item.blocks for item in items):
        _show_blockers(console, items)
    return 1 if answer.problems else 0


def _preview_figures(answer: Any, items: Sequence[ChecklistItem]) -> dict[str, Any]:
    return {
        'steps': [
            {
                'title': step.title,
                'robots': list(found.robots),
                'expected_s': _number(found.expected_s),
                'expected_tasks': found.expected_tasks,
                'expected_control_tasks': found.expected_control_tasks,
                'detectable_drop': _number(found.detectable_drop),
                'sentences': list(found.sentences),
            }
            for step, found in zip(answer.steps, answer.forecasts)
        ],
        'odds': [asdict(odds_value(found)) for found in answer.odds],
        'outlook': list(answer.outlook),
        'checklist': [item.model_dump(mode='json') for item in items],
        'problems': list(answer.problems),
    }


def _number(value: float) -> float | None:
    """Return a figure for JSON, which has no NaN."""
    return value if math.isfinite(value) else None


def _with_preset(plan: Plan, preset: ChecklistPreset | None) -> Plan:
    if preset is None:
        return plan
    checklist = plan.checklist or Checklist(preset=preset)
    asked = checklist.model_copy(update={'preset': preset})
    found: Plan = plan.model_copy(update={'checklist': asked})
    return found


def _preset_of(plan: Plan) -> ChecklistPreset:
    return ChecklistPreset.NONE if plan.checklist is None else plan.checklist.preset


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


def show_items(console: Console, items: Sequence[ChecklistItem], preset: ChecklistPreset) -> None:
    """Print a table of the items, and what blocks; one line has those that are not required."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style='dim')
    table.add_column('item', no_wrap=True)
    table.add_column('', no_wrap=True)
    table.add_column('finding, and remedy')
    not_required = []
    for item in items:
        if item.state is ItemState.SKIPPED and item.name not in preset.items:
            not_required.append(item.name.value)
            continue
        word, style = _WORDS[item.state]
        sentence = Text(item.sentence)
        if item.by:
            sentence.append(f' {item.by}: {item.remark or "signed"}', 'italic')
        table.add_row(item.name.value, Text(word, style), sentence)
    if table.row_count:
        console.print(table)
    if not_required:
        text = f'Not required ({len(not_required)}): {", ".join(not_required)}'
        console.print(Text(text, 'dim'))
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


def _show_outlook(console: Console, answer: Any) -> None:
    console.print()
    if answer.odds:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style='dim')
        for number, head in enumerate(HEADERS):
            table.add_column(head, justify='right' if number else 'left', no_wrap=True)
        for row in odds_rows([odds_value(found) for found in answer.odds]):
            table.add_row(*row)
        console.print(table)
    for sentence in answer.outlook:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)


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
