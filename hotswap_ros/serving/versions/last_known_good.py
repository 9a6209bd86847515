# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The last known good routing: a small file."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from hotswap_ros.bounded_calls import BoundedCalls, OverdueError
from hotswap_ros.limits import STATE_BYTES
from hotswap_ros.models import InvalidRoutingError, Routing, open_regular

_log = logging.getLogger(__name__)

#: A version on probation is not served again after this number of crashes.
CRASHES = 2

#: Longest wait for the disk, in seconds. A healthy one takes milliseconds.
_DISK_S = 1.0
#: Errors of a file that is none of ours.
_DAMAGES = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RecursionError,
    InvalidRoutingError,
)
_SAVING = 'writing the routing in force'


@dataclass(frozen=True)
class Record:
    """
    The content of the file.

    `proven` is the last stable version that passed its probation, and `proven_before` the one
    before it. A crash of this process counts against the versions `on_probation`; `crashes` has
    the counts, also for a version that hung. `is_clean`: it ended as asked.
    `pending` is a routing that waits for its time; `digests` are those of all versions named.
    """

    routing: Routing
    proven: str = ''
    on_probation: tuple[str, ...] = ()
    crashes: Mapping[str, int] = field(default_factory=dict)
    is_clean: bool = False
    pending: Routing | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    proven_before: str = ''


class LastKnownGood:
    """
    Keeps the routing in force in `<folder>/<model_id>.json`, or nowhere without a folder.

    The file is replaced as a whole and flushed to the disk: a power cut leaves the old one or the
    new one. Threads may share it. `save` and `end` wait for the disk, for a second at most: a hung
    one delays no rollback. Its failure is logged, and the next call tries again.
    """

    def __init__(self, folder: Path | None, model_id: str) -> None:
        self._path = None if folder is None else folder / f'{model_id}.json'
        self._model_id = model_id
        self._lock = threading.Lock()
        self._record = Record(Routing(model_id))
        self._disk = BoundedCalls()
        self._written = self._record
        self._problem = ''
        self._unread = ''

    @property
    def problem(self) -> str:
        """Return why the file could not be read at the start, or written last; empty: it could."""
        return self._unread or self._problem

    def recall(self) -> Record | None:
        """
        Return the record of the previous process, None when nothing is known.

        Its crash is counted in it, and versions that crashed too often are dropped from it.
        """
        record = self._read()
        if record is None:
            return None
        if not record.is_clean:
            crashes = dict(record.crashes)
            for version in record.on_probation:
                crashes[version] = crashes.get(version, 0) + 1
            record = replace(record, crashes=crashes)
        record = replace(record, routing=_without_crashing(record), is_clean=False)
        with self._lock:
            self._record = record
        # Before anything is loaded: loading may crash.
        self.save()
        return record

    def note(
        self,
        routing: Routing,
        pending: Routing | None,
        in_process: Collection[str],
        digests: Mapping[str, str],
    ) -> None:
        """
        Note the routing in force and the one that waits; `digests` are those that are known.

        Versions `in_process` could crash the process.
        """
        on_trial = (routing.stable, routing.candidate)
        waiting = () if pending is None else pending.versions
        if routing.generation:
            self._unread = ''  # A coordinator has said since what to serve.
        with self._lock:
            record = self._record
            named = {*routing.versions, *waiting, record.proven, record.proven_before}
            known = {**record.digests, **digests}
            self._record = replace(
                record,
                routing=routing,
                on_probation=tuple(
                    version
                    for version in on_trial
                    # A stable version in a worker is about to move into the process.
                    if version != record.proven
                    and (version in in_process or version == routing.stable)
                    and version
                ),
                is_clean=False,
                pending=pending,
                digests={name: known[name] for name in sorted(named) if name in known},
            )

    def versions(self) -> tuple[str, ...]:
        """Return the versions that a restart may need."""
        record = self._record
        waiting = () if record.pending is None else record.pending.versions
        return (*record.routing.versions, *waiting, record.proven, record.proven_before)

    def prove(self, stable: str) -> None:
        """Note that a stable version has passed its probation."""
        with self._lock:
            record = self._record
            is_new = stable != record.proven
            self._record = replace(
                record,
                proven=stable,
                proven_before=record.proven if is_new else record.proven_before,
                crashes={name: n for name, n in record.crashes.items() if name != stable},
                on_probation=tuple(name for name in record.on_probation if name != stable),
            )

    def note_hang(self, version: str) -> str:
        """
        Note that a version hung: whatever it has proven is void, and the next start avoids it.

        Returns the version that is to serve instead of it as stable; empty: none is known.
        """
        with self._lock:
            record = self._record
            if record.proven == version:
                record = replace(record, proven=record.proven_before, proven_before='')
            self._record = replace(record, crashes={**record.crashes, version: CRASHES})
        return record.proven

    def end(self) -> None:
        """Note that the process ends as asked, so that it does not count as a crash."""
        with self._lock:
            self._record = replace(self._record, is_clean=True)
        self.save()

    def save(self) -> None:
        """Write the record to the disk, unless that hangs."""
        try:
            self._disk.call(_SAVING, self._save, _DISK_S)
            # The one under way may have begun before the record changed.
            if self._record != self._written and not self._problem:
                self._disk.call(_SAVING, self._save, _DISK_S)
        except OverdueError as error:
            self._complain(str(error))

    def _save(self) -> None:
        record = self._record
        if record != self._written:
            self._write(record)

    def save_later(self) -> None:
        """Write the record to the disk, in a thread of its own."""
        if self._record != self._written and not self._disk.is_running(_SAVING):
            threading.Thread(target=self.save, name='last known good', daemon=True).start()

    def _read(self) -> Record | None:
        if self._path is None:
            return None
        try:
            with open_regular(self._path) as file:
                content = file.read(STATE_BYTES + 1)
            if len(content) > STATE_BYTES:
                raise ValueError(f'it has more than {STATE_BYTES:,} bytes')
            record = _record_of(json.loads(content))
        except FileNotFoundError:
            return None
        except OSError as error:
            self._leave_unread(f'cannot be read: {error.strerror or error}')
            return None
        except _DAMAGES as error:
            self._leave_unread(f'is damaged: {error}')
            return None
        if record.routing.model_id != self._model_id:
            self._leave_unread('is of another model')
            return None
        return record

    def _leave_unread(self, why: str) -> None:
        self._unread = (
            f'what was served before the restart is unknown: {self._path} {why}, and is not used'
        )
        _log.error('%s', self._unread)

    def _write(self, record: Record) -> None:
        problem = ''
        try:
            if self._path is not None:
                self._replace_file(self._path, record)
            self._written = record
        except OSError as error:
            problem = str(error)
        self._complain(problem)

    def _complain(self, problem: str) -> None:
        if problem and problem != self._problem:
            _log.error('the routing in force is not kept for a restart: %s', problem)
        self._problem = problem

    def _replace_file(self, path: Path, record: Record) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix('.new')
        with beside.open('w') as file:
            json.dump({'format': 1, **asdict(record)}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _without_crashing(record: Record) -> Routing:
    routing = record.routing

    def crashes_too_often(version: str) -> bool:
        return version != record.proven and record.crashes.get(version, 0) >= CRASHES

    if routing.candidate and crashes_too_often(routing.candidate):
        _log.error('candidate %s crashed the process before: it is dropped', routing.candidate)
        routing = routing.without(routing.candidate)
    if record.proven and crashes_too_often(routing.stable):
        _log.error(
            'stable %s crashed the process before: %s serves', routing.stable, record.proven
        )
        routing = routing.with_stable_alone(record.proven)
    return routing


def _record_of(found: Any) -> Record:
    if found.pop('format') != 1:
        raise ValueError('its format is not 1: another version of hotswap_ros wrote it')
    return Record(
        routing=Routing(**found['routing']),
        proven=str(found['proven']),
        on_probation=tuple(found['on_probation']),
        crashes={str(name): int(count) for name, count in found['crashes'].items()},
        is_clean=bool(found['is_clean']),
        pending=Routing(**found['pending']) if found['pending'] else None,
        digests={str(name): str(digest) for name, digest in found['digests'].items()},
        proven_before=str(found.get('proven_before', '')),
    )
