# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap history` and `hotswap report`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hotswap_ros.cli.terminal import write_json
from hotswap_ros.cli.verbs.coordinator_call import Connect, with_coordinator
from hotswap_ros.coordinator import RolloutSummary, strategy_metrics
from hotswap_ros.nodes.client import FleetClient
from hotswap_ros.rollout import Status

if TYPE_CHECKING:
    from hotswap_ros.coordinator import StrategyMetrics

#: Findings of hypotheses that are not ruled out.
_OPEN = ('supported', 'possible')

_STYLES = {
    Status.SUCCEEDED: 'green',
    Status.ROLLED_BACK: 'bold red',
    Status.FAILED: 'bold red',
    Status.RUNNING: 'cyan',
    Status.PAUSED: 'yellow',
}


def run_history(
    console: Console,
    limit: int,
    metrics: bool,
    json_file: Path | None = None,
    connect: Connect = FleetClient,
) -> int:
    """List the rollouts, or the metrics of the strategies; return the exit code."""

    def tell(client: FleetClient) -> None:
        found = client.history(0 if metrics else limit)
        by_strategy = strategy_metrics(found) if metrics else []
        if json_file is not None:
            write_json(json_file, [asdict(line) for line in by_strategy or found])
        if not found:
            console.print("No rollout yet: start one with 'hotswap rollout start PLAN'")
        elif metrics:
            console.print(_metrics_table(by_strategy))
        else:
            print_history(console, found)

    return with_coordinator(console, connect, tell)


def run_report(
    console: Console,
    rollout: str,
    json_file: Path | None = None,
    connect: Connect = FleetClient,
) -> int:
    """Show a rollout's report; return the exit code."""

    def tell(client: FleetClient) -> None:
        report = client.report(rollout)
        if json_file is not None:
            write_json(json_file, report)
        for part in _report_parts(report):
            console.print(part, soft_wrap=isinstance(part, Text), highlight=False)

    return with_coordinator(console, connect, tell)


# -- tables and texts -----------------------------------------------------------------------------


_COLUMNS = (
    'rollout', 'model', 'version', 'strategy', 'status', 'started', 'duration', 'robots', 'failed',
    'tasks',
)  # fmt: skip
#: The columns that a narrow terminal does without, first to last.
_OPTIONAL = (
    'failed', 'robots', 'model', 'tasks', 'strategy', 'duration', 'started', 'status', 'version',
)  # fmt: skip
_FIGURES = ('duration', 'robots', 'failed', 'tasks')
_COLUMN_GAP = 2


def print_history(console: Console, history: Sequence[RolloutSummary]) -> None:
    """
    Print the rollouts as a table with as many columns as fit.

    Nothing in it is cut: `report` takes the ids.
    """
    rows = [_history_cells(found) for found in history]
    widths = {
        name: _COLUMN_GAP + max(len(name), *(row[name].cell_len for row in rows))
        for name in _COLUMNS
    }
    for name in _OPTIONAL:
        if sum(widths.values()) <= console.width:
            break
        del widths[name]
    table = _history_table(rows, list(widths))
    if sum(widths.values()) > console.width:
        # The ids alone are too long: the terminal wraps them, and they are still whole.
        table.width = sum(widths.values())
    console.print(table, soft_wrap=True)


def _history_cells(found: RolloutSummary) -> dict[str, Text]:
    ended = time.time() if found.ended is None else found.ended
    status = Text(found.status.value.replace('_', ' '), _STYLES.get(found.status, ''))
    cells = {
        'rollout': found.rollout_id,
        'model': found.model_id,
        'version': found.version,
        'strategy': found.strategy,
        'started': _date(found.started),
        'duration': _duration(ended - found.started),
        'robots': str(found.robots_total),
        'failed': str(found.robots_failed),
        'tasks': f'{found.tasks:,}',
    }
    return {'status': status, **{name: Text(text) for name, text in cells.items()}}


def _history_table(rows: Sequence[dict[str, Text]], columns: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style='bold')
    for name in columns:
        table.add_column(name, no_wrap=True, justify='right' if name in _FIGURES else 'left')
    for cells in rows:
        table.add_row(*(cells[name] for name in columns))
    return table


def _metrics_table(metrics: Sequence[StrategyMetrics]) -> Table:
    table = Table(box=None, pad_edge=False, header_style='bold')
    table.add_column('strategy', no_wrap=True)
    for name in ('rollouts', 'blocked', 'succeeded', '95% interval', 'median time', 'rolled back'):
        table.add_column(name, justify='right')
    table.add_column('failed', justify='right')
    for found in metrics:
        interval = '–'
        if found.low is not None and found.high is not None:
            interval = f'{found.low:.0%} to {found.high:.0%}'
        table.add_row(
            found.strategy,
            str(found.rollouts),
            str(found.blocked),
            _percent(found.success_rate),
            interval,
            '–' if found.median_s is None else _duration(found.median_s),
            _percent(found.rollback_rate),
            f'{_percent(found.device_failure_rate)} of robots',
        )
    return table


def _report_parts(report: dict[str, Any]) -> list[Text | Table]:
    took = '' if report['ended'] is None else _duration(report['ended'] - report['started'])
    parts: list[Text | Table] = [
        Text(f'{_what(report)}, {report["rollout_id"]}', style='bold'),
        Text(
            f'{report["status"].replace("_", " ")} {took and "after "}{took}: {report["reason"]}'
        ),
        *_diagnosis_parts(report.get('diagnosis')),
        *(Text(line) for line in (_extent(report), _after(report)) if line),
    ]
    if report.get('steps'):
        parts += [Text(), _steps_table(report)]
    for check in report.get('checks', ()):
        role = f' ({check["role"]})' if check.get('role') else ''
        parts.append(Text(f'{check["name"]}{role}: {check["verdict"]}. {check["sentence"]}'))
    for conclusion in report.get('conclusions', ()):
        parts.append(Text(conclusion['sentence']))
    parts.append(Text())
    for event in report['events']:
        parts.append(Text(f'{_date(event["time"])}  {event["kind"]}: {event["text"]}'))
    return parts


def _what(report: dict[str, Any]) -> str:
    plan = report.get('plan')
    if plan is None:
        return f'{report["strategy"]} of {report["model_id"]} to {report["version"]}'
    return f'{plan["strategy"]} of {plan["modelId"]} {plan["version"]}'


def _after(report: dict[str, Any]) -> str:
    """Return the sentence about the verification after a rollback."""
    verified = (report['rollback'] or {}).get('verified')
    if verified is None:
        return ''
    return str(verified['sentence']) or 'Verification of the rollback is under way.'


def _diagnosis_parts(diagnosis: dict[str, Any] | None) -> list[Text]:
    """Return the most likely cause with its evidence, and the other possible causes."""
    if diagnosis is None:
        return []
    open_ = [one for one in diagnosis['hypotheses'] if one['finding'] in _OPEN]
    first = diagnosis['hypotheses'][0]
    parts = [Text(f'Most likely: {first["title"]} ({first["finding"]})', style='bold')]
    parts += [Text(f'  {line}') for line in (first['text'], *first['supports'][:3])]
    parts += [Text(f'  {first["remedy"]}')]
    others = '; '.join(one['title'] for one in open_[1:])
    return [*parts, Text(f'  Also possible: {others}.')] if others else parts


def _extent(report: dict[str, Any]) -> str:
    if report.get('plan') is None:
        reversed_id = report['rolls_back'] and f'; rolled back rollout: {report["rolls_back"]}'
        return (
            f'{report["robots_total"]} robots, {len(report["robots_failed"])} failed; replaced '
            f'versions had finished {report["rollback"]["tasks_text"]}{reversed_id}'
        )
    text = (
        f'{report["robots_total"]} robots, {len(report["robots_failed"])} failed; the candidate '
        f'finished {report["tasks"]:,} tasks on {len(report["robots_on_candidate"])} robots'
    )
    excluded = report.get('robots_excluded')
    if excluded:
        text += '; excluded: ' + ', '.join(f'{r} ({why})' for r, why in excluded.items())
    rollback = report['rollback']
    if rollback is not None and rollback['seconds'] is not None:
        is_lost = rollback['robots'] and not rollback.get('confirmed', True)
        text += '; no robot confirmed the rollback within' if is_lost else '; the rollback took'
        text += f' {rollback["seconds"]:.1f} s'
        if rollback['unconfirmed']:
            text += f', pending on {", ".join(rollback["unconfirmed"])}'
    return text


def _steps_table(report: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify='right')
    for step in report['steps']:
        ended = step['ended']
        took = '' if ended is None else _duration(ended - step['started'])
        table.add_row(step['title'], 'skipped' if step['skipped'] else took)
    return table


def _date(seconds: float) -> str:
    return time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(seconds))


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f'{seconds:.1f} s'
    minutes = seconds / 60
    if minutes < 120:
        return f'{minutes:.0f} min'
    return f'{minutes / 60:.1f} h' if minutes < 48 * 60 else f'{minutes / 1440:.1f} d'


def _percent(rate: float | None) -> str:
    return '–' if rate is None else f'{rate:.0%}'
