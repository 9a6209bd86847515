# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The one reader of tables: columns by what they are, with the values in them understood."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotswap_ros.cli.files import values
from hotswap_ros.cli.files.column_store import Coded, Figures, Floats, Store, Texts, store_for
from hotswap_ros.cli.files.columns import (
    UNITS,
    Column,
    Kind,
    Match,
    chosen_index,
    matches,
    parse_choices,
)
from hotswap_ros.cli.files.open_table import Progress, TextTable, open_table
from hotswap_ros.cli.files.values import Marks, Unclear
from hotswap_ros.gates.analysis import AnalysisError, Names

#: Larger integers are not told apart as numbers of 64 bits, and are nobody's count.
_LARGEST_COUNT = 2**53


class Table:
    """
    A table of a user, read at once; a million rows take some tens of bytes each.

    `choices` are the columns that the user names, by role. `notes` say what was left out.
    """

    def __init__(
        self,
        source: TextTable,
        columns: Sequence[Column],
        choices: Mapping[str, str],
        progress: Progress | None = None,
    ) -> None:
        self.source = source
        self.notes: list[str] = []
        self._choices = choices
        self._found = matches(columns, source.titles)
        self._columns = {column.name: column for column in columns}
        for role, header in choices.items():
            self._force(role, header)
        self._kept: NDArray[np.bool_] | None = None
        self._read(progress)

    def _force(self, role: str, header: str) -> None:
        self._found[role] = []
        if header:
            index = chosen_index(header, self.source.titles, self.source.path.name)
            title = self.source.titles[index]
            own = matches([self._columns[role]], [title])[role]
            unit = own[0].unit if own else ''
            self._found[role] = [Match(self._columns[role], index, title, 0, unit)]

    def _read(self, progress: Progress | None) -> None:
        kinds: dict[int, set[Kind]] = {}
        for some in self._found.values():
            for one in some:
                kinds.setdefault(one.index, set()).add(one.column.kind)
        kinds = kinds or {0: {Kind.TEXT}}
        self._stores: dict[int, Store] = {index: store_for(kinds[index]) for index in kinds}
        kept, self.rows = [], 0
        for piece in self.source.pieces(list(self._stores), progress):
            filled = np.zeros(len(next(iter(piece.values()))), bool)
            for texts in piece.values():
                filled |= texts != ''
            kept.append(filled)
            for index, texts in piece.items():
                self._stores[index].add(texts if filled.all() else texts[filled])
        if kept:
            self._drop(np.concatenate(kept))

    def _drop(self, filled: NDArray[np.bool_]) -> None:
        """Leave out rows without a cell, and a last row that was cut off."""
        self.rows = int(filled.sum())
        if not filled.all():
            self._kept = filled
            self.notes.append(f'empty lines left out: {len(filled) - self.rows:,}')
        cut = self.source.broken if self.source.separator else 0  # of JSON it was not read
        for store in self._stores.values():
            store.finish(cut)
        if cut and self.rows:
            self.rows -= 1
            self._kept = filled.copy()
            self._kept[np.flatnonzero(filled)[-1]] = False
        if self.source.broken:
            self.notes.append('the last line is cut off, and left out')

    @property
    def titles(self) -> Sequence[str]:
        """Return the titles of the file."""
        return self.source.titles

    def candidates(self, role: str) -> list[Match]:
        """Return the columns that may have a role, without empty ones, the preferred one first."""
        return [one for one in self._found[role] if self._stores[one.index].filled]

    def empty(self, role: str) -> Match | None:
        """Return a column that would have a role if it were not empty."""
        return next(iter(self._found[role]), None)

    def is_chosen(self, role: str) -> bool:
        """Return whether the user has named the column of a role, or said that there is none."""
        return role in self._choices

    def first(self, role: str) -> Match | None:
        """Return the preferred column of a role; None if there is none."""
        return next(iter(self.candidates(role)), None)

    def error(self, match: Match, row: int, cell: str, what: object) -> AnalysisError:
        """Return the error about a cell."""
        return AnalysisError(
            f"{self.source.path.name}, line {self.line(row)}, column '{match.title}': "
            f"'{cell[:60]}' {what}"
        )

    def line(self, row: int) -> int:
        """Return the line of a row in the file."""
        if self._kept is not None:
            row = int(np.flatnonzero(self._kept)[row])
        return self.source.line(row)

    def refuse(
        self,
        match: Match | None,
        wrong: NDArray[np.bool_],
        what: str,
        limit: NDArray[Any] | None = None,
    ) -> None:
        """Raise AnalysisError if a row is wrong; {} in `what` stands for the limit of the row."""
        rows = np.flatnonzero(wrong)
        if match is not None and len(rows):
            row = int(rows[0])
            text = what if limit is None else what.format(limit[row])
            raise self.error(match, row, str(self.ids(match)[row]), text)

    def text(self, match: Match | None) -> Names:
        """Return a column of text."""
        if match is None:
            return Names(np.zeros(self.rows, np.int32), ('',))
        store = self._stores[match.index]
        if isinstance(store, Coded):
            names = tuple('' if values.is_unknown(name) else name for name in store.known)
            return Names(store.codes, names)
        codes, unique = pd.factorize(self.ids(match))
        return Names(codes.astype(np.int32), tuple(unique))

    def ids(self, match: Match | None) -> NDArray[np.object_]:
        """Return a column as text in every row."""
        if match is None:
            return np.full(self.rows, '', object)
        store = self._stores[match.index]
        if isinstance(store, Texts):
            return store.texts
        if isinstance(store, Coded):
            return np.array([*store.known, None], object)[store.codes]
        return self._texts(match)

    def yes_no(self, match: Match | None) -> Floats:
        """Return 1 for yes, 0 for no, NaN for unknown, and other numbers as they are."""
        if match is None:
            return np.full(self.rows, math.nan)
        return self._parsed(match, values.yes_no)

    def numbers(self, match: Match | None, *, whole: bool = False) -> Floats:
        """Return numbers, NaN for unknown ones."""
        if match is None:
            return np.full(self.rows, math.nan)
        store = self._stores[match.index]
        if isinstance(store, Figures) and store.kind == 'number' and not whole:
            return self._finite(match, store.values)
        marks = self._marks(match, whole=whole)
        return self._parsed(match, lambda text: values.number(text, marks))

    def amounts(self, match: Match | None) -> Floats:
        """Return numbers, zero or more, NaN for unknown ones."""
        return self._positive(match, self.numbers(match))

    def counts(self, match: Match | None) -> NDArray[np.int64]:
        """Return whole numbers, zero or more; 0 for unknown ones."""
        found = self._positive(match, self.numbers(match, whole=True))
        found = np.nan_to_num(found)
        is_none = (found != np.round(found)) | (found > _LARGEST_COUNT)
        self.refuse(match, is_none, 'is no count: write an integer')
        return found.astype(np.int64)

    def unknown(self, match: Match | None) -> NDArray[np.bool_]:
        """Return the rows in which a column of counts does not say how many."""
        return np.isnan(self.numbers(match, whole=True))

    def durations(self, match: Match | None) -> Floats:
        """Return durations in the unit of the column, NaN for unknown ones."""
        if match is None:
            return np.full(self.rows, math.nan)
        unit = match.unit or match.column.unit
        base = UNITS[match.column.unit]
        store = self._stores[match.index]
        if isinstance(store, Figures) and store.kind == 'number':
            found = self._finite(match, store.values) * (UNITS[unit] / base)
        else:
            marks = self._marks(match, quantities=True)
            found = self._parsed(match, lambda text: values.seconds(text, unit, marks)) / base
        return self._positive(match, found)

    def shares(self, match: Match | None) -> Floats:
        """Return probabilities (0 to 1), or yes and no, as numbers; NaN for unknown ones."""
        if match is None:
            return np.full(self.rows, math.nan)
        found = self._parsed(match, values.yes_no)
        what = 'is no probability: write a number from 0 to 1, true or false'
        self.refuse(match, (found < 0) | (found > 1), what)
        return found

    def figures(self, match: Match) -> Floats | None:
        """Return a column that holds plain numbers only; None for others."""
        return self._read_as('number', match)

    def zoned_moments(self, match: Match) -> Floats | None:
        """Return a column of ISO 8601 dates with time zones in seconds; None for others."""
        return self._read_as('iso', match)

    def _read_as(self, kind: str, match: Match) -> Floats | None:
        store = self._stores[match.index]
        if isinstance(store, Figures) and store.kind == kind:
            return store.values
        return None

    def _finite(self, match: Match, found: Floats) -> Floats:
        self.refuse(match, np.isinf(found), 'is not finite: leave the cell empty if unknown')
        return found

    def _positive(self, match: Match | None, found: Floats) -> Floats:
        self.refuse(match, found < 0, 'is negative')
        return found

    def _marks(self, match: Match, *, whole: bool = False, quantities: bool = False) -> Marks:
        texts = self._unique(match)[1]
        if quantities:
            bare = (values.bare_quantity(text) for text in texts)
            texts = np.array([text for text in bare if text], object)
        try:
            return values.find_marks(texts, semicolons=self.source.separator == ';', whole=whole)
        except Unclear as why:
            row = int(np.flatnonzero(self.ids(match) == why.value)[0])
            raise self.error(match, row, why.value, why) from why

    def _parsed(self, match: Match, parse: Callable[[str], float]) -> Floats:
        return self.parsed(match, self._unique(match), parse)

    def parsed(
        self,
        match: Match,
        unique: tuple[NDArray[Any], Iterable[str]],
        parse: Callable[[str], float],
    ) -> Floats:
        """Return the values of unique texts in every row. Raises AnalysisError."""
        codes, texts = unique
        found = []
        for code, text in enumerate(texts):
            try:
                found.append(parse(text))
            except Unclear as why:
                rows = np.flatnonzero(codes == code)
                if len(rows):
                    raise self.error(match, int(rows[0]), text, why) from why
                found.append(math.nan)
        return np.array(found, np.float64)[codes] if found else np.zeros(0)

    def _unique(self, match: Match) -> tuple[NDArray[Any], Any]:
        """Return a code for each row, and the text of each code."""
        store = self._stores[match.index]
        if isinstance(store, Coded):
            return store.codes, list(store.known)
        codes, texts = pd.factorize(self.ids(match))
        return codes, texts

    def _texts(self, match: Match) -> NDArray[np.object_]:
        """Read a column again, as text."""
        pieces = [piece[match.index] for piece in self.source.pieces([match.index])]
        texts = np.concatenate(pieces) if pieces else np.zeros(0, object)
        return texts if self._kept is None else texts[self._kept]


def read_table(
    path: Path,
    columns: Sequence[Column],
    choices: Iterable[str] = (),
    progress: Progress | None = None,
) -> Table:
    """
    Read a table: CSV with any separator, or JSON lines.

    `choices` are texts of `--column`. Raises AnalysisError.
    """
    return Table(open_table(path), columns, parse_choices(choices, columns), progress)
