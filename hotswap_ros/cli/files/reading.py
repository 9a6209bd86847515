# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A trial from whatever holds one: a table, a recording, or a folder with either."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from hotswap_ros.cli.files.open_table import Progress
from hotswap_ros.cli.files.tasks import read_trial
from hotswap_ros.gates.analysis import AnalysisError, Trial

_TABLES = ('tasks.csv', 'trial.csv', 'tasks.jsonl', 'trial.jsonl')


class Reading(NamedTuple):
    """
    How to read a trial.

    `model` is the one of several, `columns` are texts of `--column`, and a task with a number in
    place of an outcome succeeded from `success_at` on.
    """

    model: str = ''
    columns: tuple[str, ...] = ()
    success_at: float | None = None


AS_IT_IS = Reading()


def load_trial(path: Path, reading: Reading = AS_IT_IS, progress: Progress | None = None) -> Trial:
    """Read a trial from a table or a recording. Raises AnalysisError."""
    path = find_trial(path)
    if is_recording(path):
        from hotswap_ros.cli.files.recording import read_recording

        return read_recording(path, reading.model).trial(path)
    return read_trial(path, reading.columns, reading.model, reading.success_at, progress)


def find_trial(path: Path) -> Path:
    """Return the table in a folder, or the folder itself if it is a recording."""
    if not path.is_dir():
        return path
    table = first_of(path, *_TABLES)
    if table is not None:
        return table
    if not is_recording(path):
        raise AnalysisError(
            f'{path} has no {", no ".join(_TABLES[:2])} and no recording (metadata.yaml, *.mcap '
            'or *.db3): give the file'
        )
    return path


def is_recording(path: Path) -> bool:
    """Return whether a path is a recording, or the folder of one."""
    from hotswap_ros.cli.files.bag import is_part

    if path.is_dir():
        return (path / 'metadata.yaml').is_file() or any(map(is_part, path.iterdir()))
    return is_part(path)


def first_of(folder: Path, *names: str) -> Path | None:
    """Return the first of these files that a folder has."""
    return next((folder / name for name in names if (folder / name).is_file()), None)
