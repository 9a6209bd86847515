# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Input of a diagnosis, from a folder of files or from single files."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hotswap_ros.cli.files.columns import (
    INPUT_COLUMNS,
    REVIEW_COLUMNS,
    Column,
    Kind,
    Match,
    matches,
)
from hotswap_ros.cli.files.comparisons import load_comparisons
from hotswap_ros.cli.files.open_table import Progress, open_table
from hotswap_ros.cli.files.reading import Reading, find_trial, first_of, is_recording, load_trial
from hotswap_ros.cli.files.table import Table, read_table
from hotswap_ros.coordinator import ROLLBACK, JournalError, read_journal
from hotswap_ros.gates.analysis import (
    AnalysisError,
    Case,
    Drift,
    Review,
    TrainingFeature,
    Trial,
    choose_versions,
    decile_drift,
    feature_drift,
    find_design,
)

_TRAINING = ('manifest.json', 'training.json', 'training.csv')


@dataclass(frozen=True)
class Sources:
    """Paths of the input files; None: not given, and searched beside the trial."""

    trial: Path
    inputs: Path | None = None
    training: Path | None = None
    reviewed: Path | None = None
    shadow: Path | None = None
    journal: Path | None = None

    def found(self) -> Sources:
        """Return the same with the files of a folder. Raises AnalysisError without tasks."""
        if not self.trial.is_dir():
            return self
        folder = self.trial
        trial = find_trial(folder)
        return replace(
            self,
            trial=trial,
            inputs=self.inputs or first_of(folder, 'inputs.csv'),
            training=self.training or first_of(folder, *_TRAINING),
            reviewed=self.reviewed or first_of(folder, 'reviewed.csv'),
            shadow=self.shadow or first_of(folder, 'shadow.csv'),
        )


def load_case(
    sources: Sources,
    control: str,
    candidate: str,
    known: str,
    reading: Reading,
    rollout: str,
    progress: Progress | None = None,
) -> tuple[Case, tuple[str, ...]]:
    """Read a case and remarks about it. Raises AnalysisError."""
    sources = sources.found()
    trial = load_trial(sources.trial, reading, progress)
    notes = [*trial.warnings, *trial.notes]
    report: dict[str, Any] = {}
    if sources.journal is not None:
        report = _report(sources.journal, rollout)
        trial, control, candidate, note = _of_rollout(trial, report)
        notes.append(note)
    control, candidate = choose_versions(trial, control, candidate)
    design = find_design(trial, control, candidate)
    notes = [*([design.apart] if design.apart else []), *design.warnings, *notes]
    if design.left_out:
        notes.append(f'tasks left out, as {candidate} did none at the time: {design.left_out:,}')
    features, lab = _training(sources.training, candidate)
    names = frozenset(filter(None, (name.strip() for name in known.split(',')))) or frozenset(lab)
    case = Case(
        control,
        candidate,
        design.trial.records,
        known=names or None,
        lab=lab,
        reviews=_reviews(sources.reviewed),
        apart=_apart(sources.shadow, sources.trial, reading),
        labels=trial.labels,
        **_findings(report),
    )
    if features and sources.inputs is not None:
        drifts, strange, watched = _drifts(sources.inputs, features, candidate)
        return replace(case, drifts=drifts, strange=strange, watched=watched), tuple(notes)
    counted = _counted_drifts(trial, candidate, features)
    if counted:
        case = replace(
            case, drifts=counted, control_drifts=_counted_drifts(trial, control, ()) or None
        )
        notes.append('inputs are those that the robots counted over the whole recording')
    return case, tuple(notes)


def _findings(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the findings of checks and robots in a rollout."""
    found = report.get('diagnosis') or {}
    return {
        'stopped_by': {
            check['name']: check['sentence']
            for check in report.get('checks', ())
            if check['verdict'] == 'fail'
        },
        **{name: found.get(name, {}) for name in ('breakers', 'given_up', 'refusals')},
    }


def _report(path: Path, rollout: str) -> dict[str, Any]:
    """Return the report of a rollout, the newest for an empty id. Raises AnalysisError."""
    try:
        with read_journal(path) as journal:
            summaries = [found for found in journal.history() if found.strategy != ROLLBACK]
            rollout = rollout or (summaries[0].rollout_id if summaries else '')
            is_known = any(found.rollout_id == rollout for found in summaries)
            report = journal.report(rollout) if is_known else None
    except JournalError as error:
        raise AnalysisError(str(error)) from error
    if report is None:
        known = ', '.join(summary.rollout_id for summary in summaries) or 'none'
        raise AnalysisError(f"the journal has no rollout '{rollout}' (known: {known})")
    return {'rollout_id': rollout, **report}


def _of_rollout(trial: Trial, report: Mapping[str, Any]) -> tuple[Trial, str, str, str]:
    """Return the part of a trial that belongs to a rollout, its versions, and its end."""
    ends = [report['rolling_back_since'], report['ended'], math.inf]
    until = next(end for end in ends if end is not None)
    times = trial.records.time
    within = np.isnan(times) | ((report['started'] <= times) & (times <= until))
    candidate, previous = report['plan']['version'], sorted(set(report['previous'].values()))
    if len(previous) != 1:
        served = ', '.join(previous)
        raise AnalysisError(
            f'before rollout {report["rollout_id"]} the robots served {served}: omit --journal, '
            'and name the control with --control'
        )
    note = f'rollout {report["rollout_id"]} of {candidate}: {report["reason"] or report["status"]}'
    return replace(trial, records=trial.records.take(within)), previous[0], candidate, note


def _training(path: Path | None, candidate: str) -> tuple[list[TrainingFeature], dict[str, float]]:
    """Return the features of the training data, and success by category in the lab."""
    if path is None:
        return [], {}
    if path.suffix.lower() == '.csv':
        columns = _columns(path)
        return [TrainingFeature.of_samples(n, np.array(v)) for n, v in columns.items()], {}
    try:
        data = json.loads(path.read_text())
        version = data.get('version', candidate)
        if version != candidate:
            raise AnalysisError(
                f'{path} belongs to {version}: give the training data of {candidate}'
            )
        found = data.get('input_statistics', data.get('features', {}))
        measured = data.get('training', {}).get('measured', {})
        lab = {name: float(rate) for name, rate in measured.get('success_by_category', {}).items()}
        return [_feature(name, fields) for name, fields in found.items()], lab
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise AnalysisError(
            f'{path} has no training statistics ({error!r}): give a manifest, or '
            '{"features": {"NAME": {"deciles": [nine numbers]}}}'
        ) from error


def _feature(name: str, fields: Mapping[str, Any]) -> TrainingFeature:
    edges = tuple(float(edge) for edge in fields.get('deciles') or fields['edges'])
    even = [1 / (len(edges) + 1)] * (len(edges) + 1)
    shares = tuple(float(share) for share in fields.get('shares') or even)
    return TrainingFeature(name, edges, shares)


def _columns(path: Path) -> dict[str, list[float]]:
    table, features = _inputs(path)
    if not table.rows:
        raise AnalysisError(f'{path.name} has no rows: write one observation per line')
    return {name: table.numbers(match).tolist() for name, match in features.items()}


def _inputs(path: Path) -> tuple[Table, dict[str, Match]]:
    """Return a table of inputs, and its features: the columns without another meaning."""
    source = open_table(path)
    known = matches(INPUT_COLUMNS, source.titles)
    others = {one.index for some in known.values() for one in some}
    features = [title for index, title in enumerate(source.titles) if index not in others]
    columns = [Column(title, Kind.NUMBER, 'a feature') for title in features]
    choices = {title: title for title in features}
    table = Table(source, [*INPUT_COLUMNS, *columns], choices)
    found = {title: table.first(title) for title in features}
    return table, {title: match for title, match in found.items() if match is not None}


def _drifts(
    path: Path, features: Iterable[TrainingFeature], candidate: str
) -> tuple[tuple[Drift, ...], frozenset[str], frozenset[str]]:
    """Return the drift of the candidate's inputs, the tasks with outliers, and all tasks."""
    table, columns = _inputs(path)
    versions = table.text(table.first('version'))
    own = versions.among(('', candidate))
    tasks = table.ids(table.first('task_id'))[own]
    drifts, strange = [], set()
    known = [one for one in features if own.any() and one.name in columns]
    if not known:
        raise AnalysisError(
            f'{path.name} has no feature of the training data: use the same column names'
        )
    watched = frozenset(tasks) - {''}
    for feature in known:
        values = table.numbers(columns[feature.name])[own]
        drifts.append(feature_drift(feature, values[~np.isnan(values)], len(watched)))
        strange |= set(tasks[(values < feature.low) | (values > feature.high)])
    drifts.sort(key=lambda one: -one.psi)
    return tuple(drifts), frozenset(strange - {''}), watched


def _counted_drifts(
    trial: Trial, version: str, features: Iterable[TrainingFeature]
) -> tuple[Drift, ...]:
    """Return the drift between the inputs that robots counted and the training data."""
    edges = {one.name: one.edges for one in features}
    tasks = trial.versions.get(version, 0)
    drifts = [
        decile_drift(name, counts, edges.get(name, ()), min(tasks, sum(counts)))
        for name, counts in trial.inputs.get(version, {}).items()
        if sum(counts)
    ]
    return tuple(sorted(drifts, key=lambda one: -one.psi))


def _reviews(path: Path | None) -> tuple[Review, ...] | None:
    if path is None:
        return None
    table = read_table(path, REVIEW_COLUMNS)
    verdict = table.first('was_right')
    if table.rows and verdict is None:
        raise AnalysisError(
            f"{path.name} has no column 'was_right': write true if the reviewer found that the "
            'task succeeded although it counts as failed'
        )
    versions = table.text(table.first('version'))
    right = table.shares(verdict)
    tasks = table.ids(table.first('task_id'))
    return tuple(
        Review(task, versions.names[code], found == 1)
        for task, code, found in zip(tasks, versions.codes, right.tolist())
        if not math.isnan(found)  # a failure that nobody has reviewed yet
    )


def _apart(shadow: Path | None, trial: Path, reading: Reading) -> dict[str, bool] | None:
    if shadow is None and not is_recording(trial):
        return None
    tasks = load_comparisons(shadow or trial, Reading(reading.model)).tasks
    return {task.task_id: task.agreed < task.steps for task in tasks} or None
