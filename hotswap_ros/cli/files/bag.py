# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The messages of a rosbag2 recording: a folder with parts, or one of its files, without ROS."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from hotswap_ros.cli.files.db3_part import read_db3
from hotswap_ros.cli.files.mcap_part import read_mcap
from hotswap_ros.cli.files.messages import DamagedError, Message
from hotswap_ros.cli.files.unpacking import NOT_PACKED, Allowance, Unpacked, unpack_bytes
from hotswap_ros.gates.analysis import AnalysisError
from hotswap_ros.gates.analysis.trial import natural
from hotswap_ros.limits import RECORDED_BYTES
from hotswap_ros.plan import PlanError, parse_text, read_text_file
from hotswap_ros.text import size_words

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

#: What a text that means nothing raises.
_MEANINGLESS = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
_BY_NAME = 'parts are read in the order of their names'


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
            found = parse_text(read_text_file(file))['rosbag2_bagfile_information']
            names = [Path(name).name for name in found['relative_file_paths']]
            mode = str(found.get('compression_mode') or '').lower()
            written = str(found.get('compression_format') or '').lower()
        except (OSError, PlanError, yaml.YAMLError, *_MEANINGLESS):
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
            except DamagedError as error:
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
        allowance = Allowance(part)
        if storage.lower() == '.db3':
            convert = _CONVERT.format(self.path)
            found = read_db3(part, allowance, convert, wanted, packed=is_packed)
            yield from self._plain(found, allowance)
            return
        with part.open('rb') as file:
            stream: Any = Unpacked(file, 'zstd', allowance) if is_packed else file
            yield from self._plain(read_mcap(part, stream, allowance, wanted), allowance)

    def _plain(self, messages: Iterable[Message], allowance: Allowance) -> Iterator[Message]:
        """Yield messages without the compression of single messages."""
        for message in messages:
            data = message.data
            if self._by_message:
                try:
                    data = unpack_bytes(data, allowance)
                except NOT_PACKED as error:
                    raise DamagedError from error
            if len(data) > RECORDED_BYTES:
                raise AnalysisError(
                    f'{self.path.name} has a message of {size_words(len(data))} from the fleet; '
                    f'the limit is {size_words(RECORDED_BYTES)}: it is damaged, or no recording'
                )
            yield message._replace(data=data)


def is_part(path: Path) -> bool:
    """Return whether the name of a file is that of a part of a recording."""
    name = path.name.lower()
    endings = ('', _ZSTD, *_UNDO)
    return path.is_file() and any(name.endswith(f'{s}{e}') for s in _STORAGES for e in endings)
