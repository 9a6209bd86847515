# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap shadow`: report about the decisions of a shadow."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from hotswap_ros.cli.files.comparisons import load_comparisons
from hotswap_ros.cli.files.reading import Reading
from hotswap_ros.cli.views.document import Document, Grid, Part, Remarks, Section, deliver, refuse
from hotswap_ros.gates.analysis import (
    AnalysisError,
    ShadowAction,
    ShadowReport,
    analyze_shadow,
    as_json,
)

_TONES = {ShadowAction.DEPLOY: 'good', ShadowAction.KEEP: 'open', ShadowAction.RETRAIN: 'bad'}


def run_shadow(
    console: Console,
    path: Path,
    reading: Reading,
    tolerance: float,
    html: Path | None,
    json_path: Path | None,
) -> int:
    """Analyse a shadow; return the exit code."""
    try:
        found = load_comparisons(path, reading)
        report = analyze_shadow(
            found.tasks, found.stable, found.shadow, tolerance=tolerance, offered=found.offered
        )
        report = replace(report, remarks=(*found.notes, *report.remarks))
    except AnalysisError as error:
        return refuse(console, error)
    document = to_document(report, path.name)
    return deliver(console, document, lambda: as_json(report), html, json_path)


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
    is_known = not math.isnan(report.coverage)
    rows = [
        [
            'steps with the same decision',
            f'{report.agreement:.2%} of {report.steps:,}',
            f'{low:.2%} to {high:.2%}; Wilson, design effect {report.design_effect:.1f}',
        ],
        [
            'observations compared (coverage)',
            f'{report.coverage:.1%}' if is_known else 'unknown',
            'the others were dropped: the shadow was late' if is_known else '',
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
                f'{100 * interval.low:+.1f} to {100 * interval.high:+.1f}; pairs, Agresti and Min',
            ]
        )
    if report.off_policy is not None and report.off_policy.is_consistent:
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
