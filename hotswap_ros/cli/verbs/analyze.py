# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap analyze`: report about a trial."""

from __future__ import annotations

import math
from pathlib import Path

from rich.console import Console

from hotswap_ros.cli.files.reading import Reading, load_trial
from hotswap_ros.cli.views import plots
from hotswap_ros.cli.views.document import (
    Document,
    Grid,
    Part,
    Picture,
    Remarks,
    Section,
    deliver,
    refuse,
)
from hotswap_ros.cli.views.figures import figures_grid
from hotswap_ros.cli.views.progress import reading_bar
from hotswap_ros.gates.analysis import (
    Action,
    Analysis,
    AnalysisError,
    Arm,
    Categories,
    Question,
    Trial,
    analyze,
    as_json,
)
from hotswap_ros.text import p_words

_TONES = {Action.PROMOTE: 'good', Action.KEEP: 'open', Action.REPEAT: 'bad', Action.GO_ON: 'plain'}


def run_analyze(
    console: Console,
    path: Path,
    control: str,
    candidate: str,
    reading: Reading,
    question: Question,
    html: Path | None,
    json_path: Path | None,
) -> int:
    """Analyse a trial; return the exit code."""
    try:
        with reading_bar(console) as progress:
            trial = load_trial(path, reading, progress)
        report = analyze(trial, control, candidate, question)
    except AnalysisError as error:
        return refuse(console, error)
    document = to_document(report, trial, path.name)
    return deliver(console, document, lambda: to_json(report), html, json_path)


def to_json(report: Analysis) -> dict[str, object]:
    """Return the report as a JSON value, without the points of the plots."""
    found: dict[str, object] = as_json(report)
    if isinstance(found['replay'], dict):
        del found['replay']['moments']
    return found


def to_document(report: Analysis, trial: Trial, source: str) -> Document:
    """Return the report for people."""
    control, candidate = report.control.version, report.candidate.version
    sections = [
        Section('Outcomes', _outcomes(report)),
        Section('Certainty', [_certainty(report)]),
        Section('Power of a trial of this size', [_sizes(report)]),
    ]
    if report.figures:
        sections.insert(1, Section('Progress, duration, interventions', figures_grid(report)))
    if report.categories is not None and report.categories.compared:
        sections.insert(1, Section('Task categories', _categories(report.categories)))
    if report.replay is not None:
        sections.insert(1, Section('During the trial', _over_time(report)))
    if report.warnings:
        sections.insert(0, Section('Read this first', [Remarks(report.warnings, 'open')]))
    if trial.latency:
        svg = plots.latency_distributions(trial.latency, control, candidate)
        unit = next(iter(trial.latency.values())).unit
        caption = f'Share of {unit} answered within a time, by version.'
        sections.append(Section('Latency', [Picture(svg, caption)]))
    if report.notes:
        sections.append(Section('About the data', [Remarks(report.notes)]))
    return Document(
        title=f'{candidate} against {control}',
        subtitle=f'{source}, compared {report.design}',
        verdict=_verdict(report),
        sentence=report.sentence,
        tone='bad' if report.replay and report.replay.alarm else _TONES[report.action],
        sections=sections,
    )


def _verdict(report: Analysis) -> str:
    return {
        Action.PROMOTE: f'Promote {report.candidate.version}',
        Action.KEEP: f'Keep {report.control.version}',
        Action.REPEAT: 'Repeat the trial',
        Action.GO_ON: 'Go on',
    }[report.action]


def _outcomes(report: Analysis) -> list[Part]:
    headers = ['version', 'tasks', 'succeeded', 'rate', '95% interval', 'robots', 'stuck']
    arms = (report.control, report.candidate)
    if any(arm.latency_n for arm in arms):
        headers += ['p95 latency', '95% interval']
    rows = [_arm_row(arm, with_latency=len(headers) > 7) for arm in arms]
    return [Grid(headers, rows)]


def _arm_row(arm: Arm, *, with_latency: bool) -> list[str]:
    row = [
        arm.version,
        f'{arm.tasks:,}',
        f'{arm.successes:,}',
        f'{arm.rate:.2%}',
        f'{arm.interval.low:.2%} to {arm.interval.high:.2%}',
        f'{arm.robots:,}' if arm.robots else '–',
        f'{arm.stuck:,}',
    ]
    if with_latency:
        low, high = arm.latency_interval
        row += (
            [f'{arm.latency_p95_ms:.4g} ms', f'{low:.4g} to {high:.4g} ms']
            if arm.latency_n
            else ['–', '–']
        )
    return row


def _over_time(report: Analysis) -> list[Part]:
    assert report.replay is not None
    replayed, names = report.replay, (report.control.version, report.candidate.version)
    alarm = replayed.alarm
    ran = (
        f'The limit was reached after {alarm.candidate.tasks:,} tasks of {names[1]}: a gate would '
        'have rolled back at that time.'
        if alarm
        else 'The limit was never reached: a gate would not have rolled back.'
    )
    said = [f'Verdict of a gate: {replayed.sentence}'] if replayed.sentence else []
    return [
        Picture(
            plots.success_over_time(replayed, *names),
            'Success rate so far, with a 95% confidence sequence, which is valid at all times.',
        ),
        Picture(
            plots.evidence_over_time(replayed),
            f'Evidence that {names[1]} is worse than {names[0]} (e-process), on a log scale. '
            'It is valid after every task.',
        ),
        Remarks([ran, *said]),
    ]


def _certainty(report: Analysis) -> Grid:
    question = report.question
    low, high = report.interval
    level = f'{100 * (1 - 2 * report.tail):.4g}% interval'
    unit = 'the robot is the unit' if report.unit == 'robots' else 'the task is the unit'
    rows = [
        [
            'difference in success rate, all tasks',
            f'{100 * report.pooled:+.2f} points',
            'as counted; decides nothing',
        ],
        [
            'difference among comparable tasks',
            f'{100 * report.difference:+.2f} points',
            f'{level} {100 * low:+.2f} to {100 * high:+.2f}; Mantel-Haenszel in '
            f'{_strata(report)}, {unit}'
            if report.is_decidable
            else 'too few robots for an interval',
        ],
        ['effect size', f'h = {report.effect_size:.4f}', "Cohen's h; 0.2 is small"],
    ]
    if report.is_decidable:
        rows += [
            [
                'equal success',
                p_words(report.p_value),
                (
                    f'the same comparison, chi-square {report.chi_square:.4f}; {_sides(report)}, '
                    f'limit {report.limit:.4g}'
                ),
            ],
            [
                f'at most {100 * question.tolerance:g} points worse',
                p_words(report.not_inferior_p),
                f'the same comparison; one-sided, limit {report.tail:.4g}',
            ],
        ]
    if report.categories is not None and not math.isnan(report.categories.balance_p):
        rows.append(
            [
                'same categories for both versions',
                p_words(report.categories.balance_p),
                'generalized Cochran-Mantel-Haenszel; alarm below 0.001',
            ]
        )
    if report.control.stuck + report.candidate.stuck:
        ratio = f'{report.stuck_ratio:.3g} times' if math.isfinite(report.stuck_ratio) else 'all'
        rows.append(
            ['stuck tasks', p_words(report.stuck_p), f'{ratio} the rate; exact conditional']
        )
    if report.ratio is not None:
        rows.append(
            [
                f'{report.ratio.unit} split as planned',
                p_words(report.ratio.p_value),
                f'{report.ratio.control:,} and {report.ratio.candidate:,}; alarm below 0.001',
            ]
        )
    rows += [
        [
            f'look at {look.fraction:.0%}',
            f'z = {look.z:.2f}',
            f"benefit above {look.bound:.4f}; Lan-DeMets, O'Brien-Fleming",
        ]
        for look in report.looks
    ]
    return Grid(['question', 'answer', 'method'], rows, texts=(0, 2))


def _categories(found: Categories) -> list[Part]:
    rows = [
        [
            one.name or 'no category',
            f'{one.control.rate:.1%}',
            f'{one.control.tasks:,}',
            f'{one.candidate.rate:.1%}',
            f'{one.candidate.tasks:,}',
            f'{100 * one.difference:+.1f}',
            f'{100 * one.interval.low:+.1f} to {100 * one.interval.high:+.1f}',
            p_words(one.p_value),
        ]
        for one in found.compared
    ]
    headers = ['category', 'control', 'tasks', 'candidate', 'tasks', 'points', 'interval', 'worse']
    remark = (
        'Intervals and p values (one-sided, of "not worse") are corrected for '
        'all categories of the table.'
    )
    return [Grid(headers, rows), Remarks([remark])]


def _strata(report: Analysis) -> str:
    return 'one stratum' if report.strata == 1 else f'{report.strata:,} strata'


def _sides(report: Analysis) -> str:
    return 'one-sided' if report.question.one_sided else 'two-sided'


def _sizes(report: Analysis) -> Grid:
    question, size = report.question, report.size
    matters = f'{100 * question.matters:g} points better'
    rows = [
        [f'power to detect {matters}', f'{size.power:.1%}'],
        ['smallest drop detected with power 80%', f'{100 * size.detectable_drop:.1f} points'],
    ]
    if size.tasks_needed:
        rows.append([f'tasks per version to detect {matters}', f'{size.tasks_needed:,}'])
    if size.tasks_needed_not_inferior:
        rows.append(
            [
                f'tasks per version to exclude a drop of {100 * question.tolerance:g} points',
                f'{size.tasks_needed_not_inferior:,}',
            ]
        )
    return Grid(['question', 'answer'], rows)
