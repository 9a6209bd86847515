# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Archive of rollouts that have ended: a folder of JSON files for each, for people."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class ArchiveError(Exception):
    """A rollout cannot be archived."""

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(
            f'archive {folder}: {error}: check that the disk has room and that the folder belongs '
            "to this user; 'hotswap report' still has the report, from the journal"
        )


class Archive:
    """
    Writes `<folder>/<rollout id>/report.json`, `events.jsonl` and `metrics.json`.

    A file appears as a whole or not at all; an existing file is replaced.
    """

    def __init__(self, folder: Path | str) -> None:
        self._folder = Path(folder)

    def has(self, rollout_id: str) -> bool:
        """Return whether a rollout was archived."""
        return (self._folder / rollout_id / 'report.json').exists()

    def put(
        self, rollout_id: str, report: Mapping[str, Any], metrics: Mapping[str, Any] | None
    ) -> Path:
        """
        Write report, events and metrics of a rollout; return its folder. Raises ArchiveError.

        `metrics` None: an existing file stays.
        """
        folder = self._folder / rollout_id
        evidence = {key: value for key, value in report.items() if key != 'events'}
        events = [json.dumps(event) for event in report.get('events', ())]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if metrics is not None:
                _write(folder / 'metrics.json', json.dumps(metrics, indent=1))
            _write(folder / 'events.jsonl', ''.join(f'{event}\n' for event in events))
            # Written last: a rollout with a report is archived.
            _write(folder / 'report.json', json.dumps(evidence, indent=1))
        except OSError as error:
            raise ArchiveError(folder, error) from error
        return folder


def _write(path: Path, text: str) -> None:
    part = path.with_suffix('.part')
    with part.open('w', encoding='utf-8') as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
