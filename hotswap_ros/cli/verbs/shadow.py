# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap shadow`: report about the decisions of a shadow."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from hotswap_ros.cli.files.csv import Row, read_table
from hotswap_ros.cli.views.document import Document, Grid, Part, Remarks, Section, deliver, refuse
from hotswap_ros.gates.analysis import (
    AnalysisError,
    ShadowAction,
    ShadowReport,
    ShadowTask,
    analyze_shadow,
    as_json,
)

_ALIASES = {
    'task_id': ('task', 'id', 'episode', 'episode_id'),
    'version': ('stable_version', 'stable', 'control'),
    'shadow_version': ('shadow', 'candidate'),
    'steps': ('compared', 'n'),
    'agreed': ('agreements',),
    'agreement': ('agrees', 'same'),
    'offered': ('observations',),
    'success': ('succeeded', 'outcome', 'stable_success'),
    'shadow_success': ('predicted_success', 'estimated_success', 'shadow_would_succeed'),
    'propensity': ('logged_propensity',),
    'shadow_propensity': ('target_propensity',),
    'model': ('predicted_stable',),
    'shadow_model': ('predicted_shadow',),
}
_TONES = {ShadowAction.DEPLOY: 'good', ShadowAction.KEEP: 'open', ShadowAction.RETRAIN: 'bad'}


class Comparisons(NamedTuple):
    """Comparisons of two versions; `offered` −1: known per task, or unknown."""

    tasks: list[ShadowTask]
    stable: str
    shadow: str
    offered: int = -1


def run_shadow(
    console: Console,
    path: Path,
    model: str,
    tolerance: float,
    html: Path | None,
    json_path: Path | None,
) -> int:
    """Analyse a shadow; return the exit code."""
    try:
        found = load_comparisons(path, model)
        report = analyze_shadow(
            found.tasks, found.stable, found.shadow, tolerance=tolerance, offered=found.offered
        )
    except AnalysisError as error:
        return refuse(console, error)
    document = to_document(report, path.name)
    return deliver(console, document, lambda: as_json(report), html, json_path)


def load_comparisons(path: Path, model: str = '') -> Comparisons:
    """Read comparisons from CSV or MCAP. Raises AnalysisError."""
    if path.suffix.lower() == '.mcap':
        from hotswap_ros.cli.files.mcap import read_recording

        recording = read_recording(path, model)
        return _from_messages(recording.shadows, recording.tasks, recording.shadow_offered)
    return _from_rows(path)


def _from_messages(
    shadows: Iterable[Any], tasks: Iterable[Any], offered: dict[str, int]
) -> Comparisons:
    pairs = {(message.stable_version, message.shadow_version) for message in shadows}
    if len(pairs) > 1:
        names = ', '.join(sorted(f'{shadow} with {stable}' for stable, shadow in pairs))
        raise AnalysisError(
            f'the recording has several shadows ({names}): record one shadow at a time'
        )
    stable, shadow = pairs.pop() if pairs else ('stable', 'the shadow')
    outcome = {
        (task.robot_id, task.task_id): float(task.successes)
        for task in tasks
        if task.version == stable
    }
    steps: dict[tuple[str, str], list[int]] = {}
    for message in shadows:
        counts = steps.setdefault((message.robot_id, message.task_id), [0, 0])
        counts[0] += 1
        counts[1] += int(message.agreement)
    found = [
        ShadowTask(task_id, n, agreed, success=outcome.get((robot_id, task_id), math.nan))
        for (robot_id, task_id), (n, agreed) in steps.items()
    ]
    return Comparisons(found, stable, shadow, offered.get(shadow, -1))


def _from_rows(path: Path) -> Comparisons:
    rows = list(read_table(path, _ALIASES))
    if not rows:
        raise AnalysisError(f'{path.name} has no rows')
    columns = rows[0].headers
    per_step = 'agreement' in columns
    for needed in ('task_id', *(() if per_step else ('steps', 'agreed'))):
        if needed not in columns:
            raise AnalysisError(
                f"{path.name} has no column '{needed}' (found: {', '.join(columns.values())}): "
                "write one task per line with 'task_id', 'steps' and 'agreed', or one step per "
                "line with 'task_id' and 'agreement'"
            )
    tasks = _per_step(rows) if per_step else [_task(row) for row in rows]
    first = rows[0]
    return Comparisons(
        tasks, first.text('version') or 'stable', first.text('shadow_version') or 'the shadow'
    )


def _task(row: Row) -> ShadowTask:
    steps, agreed = row.whole('steps', 0), row.whole('agreed', 0)
    if agreed > steps:
        raise row.wrong('agreed', f'is more than the {steps} steps of the line')
    offered = row.whole('offered', 0) if row.text('offered') else -1
    if 0 <= offered < steps:
        raise row.wrong('offered', f'is less than the {steps} that were compared')
    return ShadowTask(row.text('task_id'), steps, agreed, offered)._replace(**_outcome(row))


def _outcome(row: Row) -> dict[str, Any]:
    """Return the optional columns of a row."""
    found = {name: row.number(name) for name in ('propensity', 'shadow_propensity')}
    found |= {name: row.chance(name) for name in ('shadow_success', 'model', 'shadow_model')}
    found['success'] = float(row.yes('success')) if row.text('success') else math.nan
    return found


def _per_step(rows: Iterable[Row]) -> list[ShadowTask]:
    tasks: dict[str, ShadowTask] = {}
    for row in rows:
        name = row.text('task_id')
        task = tasks.get(name) or ShadowTask(name, 0, 0)._replace(**_outcome(row))
        agreed = task.agreed + int(row.yes('agreement'))
        tasks[name] = task._replace(steps=task.steps + 1, agreed=agreed)
    return list(tasks.values())


def to_document(report: ShadowReport, source: str) -> Document:
    """Return the report for people."""
    sections = [
        Section('Agreement', [_agreement(report)]),
        Section('Conclusions about success', _success(report)),
        Section('Remarks', [Remarks(report.remarks, 'open')]),
    ]
    return Document(
        title=f'{report.shadow} as a shadow of {report.stable}',
        subtitle=f'{source}; a shadow decides and never acts',
        verdict={
            ShadowAction.DEPLOY: f'Deploy {report.shadow}, in stages',
            ShadowAction.KEEP: f'Keep {report.stable}',
            ShadowAction.RETRAIN: f'Retrain {report.shadow}',
        }[report.action],
        sentence=report.sentence,
        tone=_TONES[report.action],
        sections=sections,
    )


def _agreement(report: ShadowReport) -> Grid:
    low, high = report.interval
    apart_low, apart_high = report.apart_interval
    coverage = '–' if math.isnan(report.coverage) else f'{report.coverage:.1%}'
    rows = [
        [
            'steps with the same decision',
            f'{report.agreement:.2%} of {report.steps:,}',
            f'{low:.2%} to {high:.2%}; Wilson, design effect {report.design_effect:.1f}',
        ],
        [
            'observations compared (coverage)',
            coverage,
            'the others were dropped: the shadow was late',
        ],
        [
            'tasks with any disagreement',
            f'{report.tasks_apart:,} of {report.tasks:,}',
            f'{apart_low:.2%} to {apart_high:.2%}; Wilson',
        ],
    ]
    return Grid(['figure', 'found', '95% interval and method'], rows, texts=(0, 2))


def _success(report: ShadowReport) -> list[Part]:
    bound = '–' if math.isnan(report.bound) else f'{100 * report.bound:.1f} points at most'
    rows = [
        [
            'difference in success rate, deterministic world',
            bound,
            'chance of any disagreement in a task, upper end',
        ]
    ]
    if report.estimate is not None:
        estimate, interval = report.estimate, report.estimate.interval
        rows.append(
            [
                'difference, by simulator or outcome model',
                f'{100 * estimate.difference:+.1f} points',
                f'{100 * interval.low:+.1f} to {100 * interval.high:+.1f}; Student, in pairs',
            ]
        )
    if report.off_policy is not None:
        rows += _off_policy(report)
    return [Grid(['figure', 'found', '95% interval and method'], rows, texts=(0, 2))]


def _off_policy(report: ShadowReport) -> list[list[str]]:
    found = report.off_policy
    assert found is not None
    low, high = found.interval
    rows = [
        [
            'success rate, off-policy',
            f'{found.weighted:.1%}',
            f'{low:.1%} to {high:.1%}; inverse propensity, {found.effective:,.0f} effective tasks',
        ],
        [
            'success rate, off-policy, weights normalised',
            f'{found.normalized:.1%}',
            'self-normalised',
        ],
    ]
    if not math.isnan(found.doubly_robust):
        low, high = found.doubly_robust_interval
        rows.append(
            [
                'success rate, off-policy, with the outcome model',
                f'{found.doubly_robust:.1%}',
                f'{low:.1%} to {high:.1%}; doubly robust',
            ]
        )
    return rows
