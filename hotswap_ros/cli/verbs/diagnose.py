# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap diagnose`: report about the likely causes of a failed rollout."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from hotswap_ros.cli.files.case_files import Sources, load_case
from hotswap_ros.cli.files.reading import Reading
from hotswap_ros.cli.views import plots
from hotswap_ros.cli.views.document import (
    Card,
    Document,
    Grid,
    Part,
    Picture,
    Remarks,
    Section,
    deliver,
    refuse,
)
from hotswap_ros.cli.views.progress import reading_bar
from hotswap_ros.gates.analysis import (
    AnalysisError,
    Counts,
    Diagnosis,
    Finding,
    Group,
    Level,
    as_json,
    diagnose,
)

_TONES = {
    Finding.SUPPORTED: 'bad',
    Finding.POSSIBLE: 'open',
    Finding.UNSUPPORTED: 'good',
    Finding.UNEXAMINED: 'plain',
}
_SHOWN = 12


def run_diagnose(
    console: Console,
    sources: Sources,
    control: str,
    candidate: str,
    known: str,
    reading: Reading,
    rollout: str,
    html: Path | None,
    json_path: Path | None,
) -> int:
    """Diagnose; return the exit code."""
    try:
        with reading_bar(console) as progress:
            case, notes = load_case(sources, control, candidate, known, reading, rollout, progress)
        found = diagnose(case)
    except AnalysisError as error:
        return refuse(console, error)
    document = to_document(found, notes, sources.trial.name)
    return deliver(console, document, lambda: to_json(found), html, json_path)


def to_json(found: Diagnosis) -> dict[str, object]:
    """Return the diagnosis as a JSON value, without the tasks."""
    return {
        'control': found.case.control,
        'candidate': found.case.candidate,
        'sentence': found.sentence,
        'hypotheses': [as_json(one) for one in found.hypotheses],
        'categories': _groups_json(found.categories),
        'robots': _groups_json(found.robots),
        'failures': as_json(dict(found.failures)),
        'drifts': [{**as_json(one), 'level': one.level.value} for one in found.case.drifts or ()],
    }


def _groups_json(groups: Mapping[str, Group]) -> dict[str, object]:
    return {
        name: {'control': list(one.control), 'candidate': list(one.candidate)}
        for name, one in groups.items()
    }


def to_document(found: Diagnosis, notes: Sequence[str], source: str) -> Document:
    """Return the diagnosis for people."""
    case = found.case
    cards = [
        Card(
            f'{number}. {one.title}',
            one.finding.value,
            _TONES[one.finding],
            f'{one.text} Remedy: {one.remedy}',
            one.supports,
            one.objects,
        )
        for number, one in enumerate(found.hypotheses, start=1)
    ]
    sections = [Section('Hypotheses, most likely first', cards)]
    if len(found.categories) > 1:
        sections.append(Section('Success by task category', _categories(found)))
    if case.drifts:
        sections.append(Section('Inputs compared with the training data', _drifts(found)))
    if len(found.robots) > 1:
        grid = _groups('robot', found.robots, case.control, case.candidate)
        sections.append(Section('Robots, worst first', [grid]))
    if any(found.failures):
        sections.append(Section('Reasons of failed tasks', [_failures(found)]))
    sections.append(Section('About the data', [Remarks(notes)]))
    first = found.hypotheses[0]
    supported = first.finding is Finding.SUPPORTED
    return Document(
        title=f'Diagnosis of {case.candidate}',
        subtitle=f'{source}, compared with {case.control}',
        verdict=f'Most likely: {first.title}' if supported else 'No cause found',
        sentence=found.sentence,
        tone='bad' if supported else 'open',
        sections=sections,
    )


def _categories(found: Diagnosis) -> list[Part]:
    case = found.case
    return [
        Picture(
            plots.success_by_group(found.categories, case.control, case.candidate, case.known),
            'Success rate by task category, with 95% intervals'
            + (
                '; a star marks categories that are not in the training data.'
                if case.known
                else '.'
            ),
        ),
        _groups('category', found.categories, case.control, case.candidate),
    ]


def _groups(what: str, groups: Mapping[str, Group], control: str, candidate: str) -> Grid:
    rows = [
        [
            name or 'no category',
            _rate(one.control),
            f'{one.control.tasks:,}',
            _rate(one.candidate),
            f'{one.candidate.tasks:,}',
            f'{-100 * one.drop:+.1f} points' if one.is_comparable else '–',
            f'{one.excess:.0f}',
        ]
        for name, one in list(groups.items())[:_SHOWN]
    ]
    headers = [what, control, 'tasks', candidate, 'tasks', 'difference', 'extra failures']
    return Grid(headers, rows)


def _rate(counts: Counts) -> str:
    return f'{counts.rate:.1%}' if counts.tasks else '–'


def _drifts(found: Diagnosis) -> list[Part]:
    drifts = found.case.drifts or ()
    rows = [
        [
            one.feature,
            f'{one.psi:.3f}',
            one.level.value,
            f'{one.ks:.3f}',
            *('–' if math.isnan(m) else f'{m:.3g}' for m in (one.median, one.training_median)),
            f'{one.n:,}',
        ]
        for one in drifts[:_SHOWN]
    ]
    headers = ['feature', 'stability index', 'drift', 'KS', 'median', 'training median', 'n']
    off = sum(one.level is not Level.NONE for one in drifts)
    return [
        Picture(
            plots.drift_by_feature(drifts[:_SHOWN]),
            f'Population stability index by feature: above 0.1 some drift, above 0.25 strong. '
            f'{off} of {len(drifts)} features have drifted.',
        ),
        Grid(headers, rows, texts=(0, 2)),
    ]


def _failures(found: Diagnosis) -> Grid:
    case = found.case
    rows = [
        [
            name or 'no reason',
            f'{control:,}',
            f'{control / case.both[0].tasks:.1%}',
            f'{candidate:,}',
            f'{candidate / case.both[1].tasks:.1%}',
        ]
        for name, (control, candidate) in list(found.failures.items())[:_SHOWN]
    ]
    return Grid(['reason', case.control, 'share', case.candidate, 'share'], rows)
