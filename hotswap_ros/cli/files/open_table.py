# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Text tables in pieces: CSV with any separator, and JSON with one object per line."""

from __future__ import annotations

import codecs
import csv
import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotswap_ros.cli.files.json_objects import json_objects
from hotswap_ros.gates.analysis import AnalysisError

#: The texts of some columns, by position, for some rows.
Piece = dict[int, NDArray[np.object_]]
#: Is called with the part of the file (0 to 1) that was read.
Progress = Callable[[float], None]

_ROWS = 50_000
_SEPARATORS = ',;\t|'
_BOMS = (
    (codecs.BOM_UTF8, 'utf-8-sig'),
    (codecs.BOM_UTF32_LE, 'utf-32'),
    (codecs.BOM_UTF32_BE, 'utf-32'),
    (codecs.BOM_UTF16_LE, 'utf-16'),
    (codecs.BOM_UTF16_BE, 'utf-16'),
)
_EXPORT = 'export one line per task as CSV'
_PARQUET = "python3 -c \"import pandas; pandas.read_parquet('{0}').to_csv('{0}.csv')\""
#: First bytes of files that are no text, with what they are, and what to do.
_BINARY = (
    (b'PK\x03\x04', 'a spreadsheet or a zip archive', 'save the sheet as CSV, or unpack it'),
    (b'\xd0\xcf\x11\xe0', 'an old spreadsheet', 'save the sheet as CSV'),
    (b'PAR1', 'a Parquet file', _PARQUET),
    (b'\x89HDF', 'an HDF5 file', _EXPORT),
    (b'SQLite format 3\0', 'an SQLite database', f'name a recording *.db3, or {_EXPORT}'),
    (b'#ROSBAG', 'a recording of ROS 1', _EXPORT),
    (b'\x89MCAP', 'an MCAP recording', 'name it *.mcap'),
    (b'\x1f\x8b', 'compressed with gzip', 'gunzip -k {0}'),
    (b'\x28\xb5\x2f\xfd', 'compressed with Zstandard', 'unzstd -k {0}'),
    (b'BZh', 'compressed with bzip2', 'bunzip2 -k {0}'),
    (b'\xfd7zXZ', 'compressed with xz', 'unxz -k {0}'),
    (b'\x04\x22\x4d\x18', 'compressed with LZ4', 'unlz4 -k {0}'),
    (b'\x93NUMPY', 'a NumPy array', _EXPORT),
    (b'\x80\x04', 'a Python pickle', _EXPORT),
)


@dataclass(frozen=True)
class TextTable:
    """
    A text file with a table: `titles` are those of its columns, `separator` '' is JSON.

    `skipped` lines come before the titles. `broken` lines at the end are cut off.
    """

    path: Path
    titles: Sequence[str]
    encoding: str
    separator: str = ''
    skipped: int = 0
    broken: int = 0

    def pieces(self, columns: Sequence[int], progress: Progress | None = None) -> Iterator[Piece]:
        """Yield the texts of some columns, without spaces around. Raises AnalysisError."""
        try:
            with _Watched(self.path, progress) as file:
                if self.separator:
                    yield from self._csv(file, columns)
                else:
                    yield from self._json(file, columns)
        except UnicodeError as error:
            raise _not_utf8(self.path, error) from error
        except OSError as error:
            raise AnalysisError(f'{self.path} cannot be read: {error}') from error

    def line(self, row: int) -> int:
        """Return the line of a row, for errors. Rows are counted from 0."""
        if not self.separator:
            return row + 1
        with self.path.open(encoding=self.encoding, newline='') as file:
            reader = csv.reader(file, delimiter=self.separator)
            with suppress(csv.Error):  # a cell that is too large for this reader
                for number, _ in enumerate(reader, start=-1 - self.skipped):
                    if number == row:
                        return reader.line_num
        return row + 2 + self.skipped

    def _csv(self, file: Any, columns: Sequence[int]) -> Iterator[Piece]:
        width = len(self.titles)
        try:
            reader = pd.read_csv(
                file,
                sep=self.separator,
                header=None,
                names=range(width + 1),
                skiprows=self.skipped + 1,
                index_col=False,
                skip_blank_lines=False,
                dtype=object,
                na_filter=False,
                encoding=self.encoding,
                chunksize=_ROWS,
                engine='c',
                low_memory=False,
            )
            row = 0
            for chunk in _quiet(reader):
                too_long = np.flatnonzero(chunk[width].str.strip().to_numpy() != '')
                if len(too_long):
                    raise self._too_long(row + int(too_long[0]))
                row += len(chunk)
                yield {index: _stripped(chunk[index]) for index in columns}
        except pd.errors.EmptyDataError:
            return
        except pd.errors.ParserError as error:
            raise self._unparsed(error) from error

    def _too_long(self, row: int) -> AnalysisError:
        return AnalysisError(
            f'{self.path.name}, line {self.line(row)}: more cells than the '
            f'{len(self.titles)} columns of the first line: quote text that contains '
            f'{self.separator!r}'
        )

    def _unparsed(self, error: Exception) -> AnalysisError:
        with self.path.open(encoding=self.encoding, newline='') as file:
            reader = csv.reader(file, delimiter=self.separator, strict=True)
            try:
                for row, cells in enumerate(reader, start=-1 - self.skipped):
                    if row >= 0 and len(cells) > len(self.titles):
                        return self._too_long(row)
            except csv.Error as wrong:
                return AnalysisError(
                    f'{self.path.name}, line {reader.line_num}: {wrong}: a quote is not closed, '
                    'or the file is cut off'
                )
        return AnalysisError(f'{self.path.name} cannot be read as a table: {error}')

    def _json(self, file: Any, columns: Sequence[int]) -> Iterator[Piece]:
        rows: list[list[str]] = []
        names = [self.titles[index] for index in columns]
        for found in json_objects(file, self.path.name, self.encoding):
            if found is None:
                break
            rows.append([found.get(name, '') for name in names])
            if len(rows) == _ROWS:
                yield _columns(rows, columns)
                rows = []
        if rows:
            yield _columns(rows, columns)


def _quiet(reader: Any) -> Iterator[Any]:
    """Yield what a reader yields; it warns of lines that are too long, which are refused."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', pd.errors.ParserWarning)
        yield from reader


class _Watched(io.FileIO):
    """A file that tells how far it was read."""

    def __init__(self, path: Path, progress: Progress | None) -> None:
        super().__init__(path)
        self._size, self._progress, self._read = max(1, path.stat().st_size), progress, 0

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes."""
        found = super().read(-1 if size is None else size)
        self._tell(len(found))
        return found

    def readinto(self, buffer: Any, /) -> int:
        """Read the next bytes into a buffer, and return their number."""
        size = super().readinto(buffer)
        self._tell(size)
        return size

    def _tell(self, size: int) -> None:
        self._read += size
        if self._progress is not None:
            self._progress(self._read / self._size)


def open_table(path: Path) -> TextTable:
    """
    Find out how a table is written. Raises AnalysisError for what is no text table.

    UTF-8, or UTF-16 and UTF-32 with a byte order mark. The first line that is not empty, no
    comment and no `sep=` names the columns; or every line is a JSON object.
    """
    encoding = _encoding(path)
    try:
        with path.open(encoding=encoding, newline='') as file:
            return _csv_table(path, encoding, file) or _json_table(path, encoding)
    except UnicodeError as error:
        raise _not_utf8(path, error) from error
    except OSError as error:
        raise AnalysisError(f'{path} cannot be read: {error}') from error


def _encoding(path: Path) -> str:
    try:
        with path.open('rb') as file:
            start = file.read(4096)
    except OSError as error:
        raise AnalysisError(f'{path} cannot be read: {error}') from error
    for first, what, remedy in _BINARY:
        if start.startswith(first):
            raise AnalysisError(f'{path.name} is {what}: {remedy.format(path)}')
    for bom, encoding in _BOMS:
        if start.startswith(bom):
            return encoding
    if b'\0' in start:
        what = 'UTF-16 without a byte order mark' if start[1:2] == b'\0' else 'no text'
        raise AnalysisError(
            f'{path.name} is {what}: save it as UTF-8 text, for example with '
            f'iconv -f UTF-16LE -t UTF-8 {path}'
        )
    return 'utf-8'


def _not_utf8(path: Path, error: UnicodeError) -> AnalysisError:
    return AnalysisError(
        f'{path.name} is no UTF-8 text ({error}): save it as UTF-8; what Windows programs write '
        f'is converted with iconv -f WINDOWS-1252 -t UTF-8 {path}'
    )


def _csv_table(path: Path, encoding: str, file: TextIO) -> TextTable | None:
    """Return the table, or None if it is JSON."""
    separator, skipped = '', 0
    for line in file:
        text = line.strip()
        if text.lower().startswith('sep=') and len(text) == 5:
            separator = text[4]
        elif text[:1] in ('{', '['):
            return None
        elif text and not _is_comment(text):
            break
        skipped += 1
    else:
        raise AnalysisError(f'{path.name} is empty: the first line must name the columns')
    # A tab at its beginning follows an empty title, as pandas gives it to row numbers.
    header = line.strip(' \r\n')
    separator = separator or max(_SEPARATORS, key=header.count)
    try:
        titles = next(csv.reader([header.lstrip('# ')], delimiter=separator))
    except csv.Error as error:
        raise AnalysisError(
            f'{path.name}: the names of the columns cannot be read ({error}): the first line must '
            'name the columns'
        ) from error
    while titles and not titles[-1].strip():
        titles.pop()
    if all(_is_figure(title) for title in titles):
        raise AnalysisError(
            f"{path.name} begins with figures ('{text[:40]}'): the first line must name the "
            'columns'
        )
    broken = _cut_off(path, encoding, separator, len(titles))
    return TextTable(path, titles, encoding, separator, skipped, broken)


def _is_comment(text: str) -> bool:
    is_bare = text.startswith('#') and not any(mark in text for mark in _SEPARATORS)
    return is_bare or text.startswith('#{')


def _is_figure(title: str) -> bool:
    try:
        float(title.replace(',', '.'))
    except ValueError:
        return False
    return True


def _cut_off(path: Path, encoding: str, separator: str, width: int) -> int:
    """Return 1 if the last line has no end and lacks columns: the writer was stopped."""
    if not encoding.startswith('utf-8'):
        return 0
    with path.open('rb') as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - 65_536))
        lines = file.read().split(b'\n')
    texts = [line.decode(errors='replace') for line in lines]
    last, start = _last_record(texts, separator)
    if not start or not ''.join(last).strip():
        return 0
    before, _ = _last_record(texts[:start], separator)
    return int(len(last) < min(len(before), width))


def _last_record(lines: Sequence[str], separator: str) -> tuple[list[str], int]:
    """Return the cells of the last record, and its first line: a quoted cell may have several."""
    start, quotes = len(lines), 0
    while start and (start == len(lines) or quotes % 2):
        start -= 1
        quotes += lines[start].count('"')
    if quotes % 2:  # begins before the lines, or ends nowhere
        return [], 0
    try:
        return next(csv.reader(['\n'.join(lines[start:])], delimiter=separator), []), start
    except csv.Error:  # a cell that is too large for that reader
        return [], 0


def _json_table(path: Path, encoding: str) -> TextTable:
    titles: dict[str, None] = {}
    broken = 0
    with _Watched(path, None) as file:
        for found in json_objects(file, path.name, encoding):
            broken += found is None
            titles |= dict.fromkeys(found or ())
    if not titles:
        raise AnalysisError(f'{path.name} has no rows: write one JSON object per task and line')
    return TextTable(path, list(titles), encoding, broken=broken)


def _columns(rows: list[list[str]], columns: Sequence[int]) -> Piece:
    found = np.array([*rows, [None] * len(columns)], object)[:-1]
    return {index: found[:, place] for place, index in enumerate(columns)}


def _stripped(texts: Any) -> NDArray[np.object_]:
    values = texts.to_numpy(object)
    return np.fromiter((value.strip() for value in values), object, len(values))
