# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The messages of a rosbag2 recording: a folder with parts, or one of its files, without ROS."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any, NamedTuple

import yaml
import zstandard
from mcap.exceptions import UnsupportedCompressionError
from mcap.reader import NonSeekingReader
from mcap.records import Schema

from hotswap_ros.gates.analysis import AnalysisError
from hotswap_ros.gates.analysis.trial import natural

_STORAGES = ('.mcap', '.db3')
_ZSTD = '.zstd'
#: Other endings of compressed files, with the command that unpacks them.
_UNDO = {
    '.zst': 'unzstd {0}',
    '.lz4': 'unlz4 {0}',
    '.gz': 'gunzip -k {0}',
    '.bz2': 'bunzip2 -k {0}',
    '.xz': 'unxz -k {0}',
}
_CONVERT = (
    "printf 'output_bags: [{{uri: converted, storage_id: mcap, all: true}}]' > to.yaml && "
    'ros2 bag convert -i {0} -o to.yaml'
)


_BY_NAME = 'parts are read in the order of their names'
_MESSAGES = 'SELECT topic_id, data FROM messages ORDER BY timestamp'


class Message(NamedTuple):
    """A message as it was stored; `schema` None: its definition is not in the recording."""

    schema: Schema | None
    encoding: str
    data: bytes


class Bag:
    """
    A recording; `parts` are its files in their order.

    `notes` say which parts are missing, or end before their end, as far as they were read.
    """

    def __init__(self, path: Path) -> None:
        """Find the parts. Raises AnalysisError if there are none, or none that can be read."""
        self.path = path
        self.notes: list[str] = []
        self._by_message = ''
        self.parts = [path] if not path.is_dir() else self._listed()
        for part in self.parts:
            undo = _UNDO.get(part.suffix.lower())
            if undo is not None:
                raise AnalysisError(f'{part.name} is compressed: {undo.format(part)}')

    def _listed(self) -> list[Path]:
        present = sorted(filter(is_part, self.path.iterdir()), key=lambda part: natural(part.name))
        file = self.path / 'metadata.yaml'
        if not file.is_file():
            if present:
                self.notes.append(f'no metadata.yaml: {_BY_NAME}')
            return present
        try:
            found = yaml.safe_load(file.read_text())['rosbag2_bagfile_information']
            names = [Path(name).name for name in found['relative_file_paths']]
            mode = str(found.get('compression_mode') or '').lower()
            written = str(found.get('compression_format') or '').lower()
        except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
            self.notes.append(f'metadata.yaml is damaged: {_BY_NAME}')
            return present
        if mode not in ('', 'none') and written not in ('', 'zstd'):
            raise AnalysisError(
                f'{self.path.name} is compressed with {written}, which is not understood: '
                f'{_CONVERT.format(self.path)}'
            )
        self._by_message = written if mode == 'message' else ''
        return self._in_order(names, present)

    def _in_order(self, names: list[str], present: list[Path]) -> list[Path]:
        known = {part.name: part for part in present}
        # A compressed part may be listed without its ending, and the other way round.
        spelled = {name: (name, f'{name}{_ZSTD}', name.removesuffix(_ZSTD)) for name in names}
        found = {name: next((n for n in spelled[name] if n in known), None) for name in names}
        missing = [name for name, file in found.items() if file is None]
        if missing:
            self.notes.append(f'parts of metadata.yaml that are missing: {", ".join(missing)}')
        listed = [known[file] for file in found.values() if file is not None]
        others = [part for part in present if part not in listed]
        if others:
            more = ', '.join(part.name for part in others)
            self.notes.append(f'parts that metadata.yaml does not name, read last: {more}')
        return listed + others

    def messages(self, wanted: Callable[[str], bool]) -> Iterator[Message]:
        """Yield the messages of wanted types, part by part. Raises AnalysisError."""
        found = is_cut = False
        for part in self.parts:
            try:
                for message in self._of_part(part, wanted):
                    found = True
                    yield message
            except (OSError, sqlite3.Error) as error:
                raise AnalysisError(f'{part} cannot be read: {error}') from error
            except _Damaged as error:
                found, is_cut = found or error.began, True
                self.notes.append(
                    f'{part.name} is cut off or damaged: only the part before is used'
                )
        if is_cut and not found:
            raise AnalysisError(
                f'{self.path.name} is no recording, or has no complete message: record with '
                "'ros2 bag record --storage mcap /fleet/task_results /fleet/telemetry'"
            )

    def _of_part(self, part: Path, wanted: Callable[[str], bool]) -> Iterator[Message]:
        is_packed = part.suffix.lower() == _ZSTD
        storage = part.with_suffix('').suffix if is_packed else part.suffix
        if storage.lower() == '.db3':
            yield from self._from_db3(part, is_packed, wanted)
            return
        with part.open('rb') as file:
            stream: Any = zstandard.ZstdDecompressor().stream_reader(file) if is_packed else file
            yield from self._from_mcap(part, stream, wanted)

    def _from_mcap(
        self, part: Path, stream: IO[bytes], wanted: Callable[[str], bool]
    ) -> Iterator[Message]:
        # From front to back: a recording of a robot that crashed has no index at its end.
        entries = NonSeekingReader(stream).iter_messages(log_time_order=False)
        began = False
        while (entry := _next(entries, part, began=began)) is not None:
            began = True
            schema, channel, message = entry
            if schema is not None and wanted(schema.name):
                data = self._plain(message.data, part)
                yield Message(schema, channel.message_encoding, data)

    def _plain(self, data: bytes, part: Path) -> bytes:
        if not self._by_message:
            return data
        try:
            return zstandard.ZstdDecompressor().decompressobj().decompress(data)
        except zstandard.ZstdError as error:
            raise _Damaged(began=True) from error

    def _from_db3(
        self, part: Path, is_packed: bool, wanted: Callable[[str], bool]
    ) -> Iterator[Message]:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / 'part.db3'
            log = part.with_name(f'{part.name}-wal')
            if is_packed:
                _unpack(part, copy)
            elif log.is_file() and log.stat().st_size:  # of a recorder that crashed
                shutil.copy(part, copy)
                shutil.copy(log, f'{copy}-wal')
            else:
                copy = part
            query = '?mode=ro&immutable=1' if copy is part else ''
            with closing(sqlite3.connect(f'{copy.resolve().as_uri()}{query}', uri=True)) as db:
                yield from self._from_database(part, db, wanted)

    def _from_database(
        self, part: Path, db: sqlite3.Connection, wanted: Callable[[str], bool]
    ) -> Iterator[Message]:
        began = False
        try:
            topics = {
                topic: (kind, encoding)
                for topic, kind, encoding in db.execute(
                    'SELECT id, type, serialization_format FROM topics'
                )
                if wanted(kind)
            }
            schemas = _definitions(db)
            began = True
            if topics and not any(kind in schemas for kind, _ in topics.values()):
                raise AnalysisError(
                    f'{part.name} has no message definitions, as ROS 2 Humble writes it: '
                    f'{_CONVERT.format(self.path)}'
                )
            for topic, data in db.execute(_MESSAGES):
                if topic in topics:
                    kind, encoding = topics[topic]
                    yield Message(schemas.get(kind), encoding, self._plain(data, part))
        except sqlite3.Error as error:
            raise _Damaged(began=began) from error


class _Damaged(Exception):
    """The rest of a part is no recording; `began` if something of it was read."""

    def __init__(self, *, began: bool) -> None:
        super().__init__()
        self.began = began


def is_part(path: Path) -> bool:
    """Return whether the name of a file is that of a part of a recording."""
    name = path.name.lower()
    endings = ('', _ZSTD, *_UNDO)
    return path.is_file() and any(name.endswith(f'{s}{e}') for s in _STORAGES for e in endings)


def _next(entries: Iterator[Any], part: Path, *, began: bool) -> Any:
    try:
        return next(entries, None)
    except OSError:
        raise
    except UnsupportedCompressionError as error:
        raise AnalysisError(
            f'{part.name} has chunks with a compression that is not understood ({error}): mcap '
            f'decompress {part} -o {part.stem}_plain.mcap'
        ) from error
    except Exception as error:  # the parser and two decompressors raise their own errors
        raise _Damaged(began=began) from error


def _unpack(part: Path, copy: Path) -> None:
    try:
        with part.open('rb') as packed, copy.open('wb') as plain:
            zstandard.ZstdDecompressor().copy_stream(packed, plain)
    except zstandard.ZstdError as error:
        raise _Damaged(began=False) from error


def _definitions(db: sqlite3.Connection) -> dict[str, Schema]:
    try:
        rows = db.execute(
            'SELECT topic_type, encoding, encoded_message_definition FROM message_definitions'
        ).fetchall()
    except sqlite3.OperationalError:
        return {}
    return {
        kind: Schema(number, text.encode(), encoding, kind)
        for number, (kind, encoding, text) in enumerate(rows, start=1)
        if text
    }
