# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Stores of the columns of a table, compact for each kind of cells."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotswap_ros.cli.files import values
from hotswap_ros.cli.files.columns import Kind

Floats = NDArray[np.float64]
_FIGURES = {Kind.NUMBER, Kind.COUNT, Kind.MOMENT, Kind.DURATION}


class Store:
    """What was read of one column, in a compact form; `filled` is 0 if all of it is unknown."""

    filled = 0

    def add(self, texts: NDArray[np.object_]) -> None:
        """Add the texts of a piece."""
        raise NotImplementedError

    def finish(self, cut: int) -> None:
        """Join the pieces, without the last `cut` rows."""
        raise NotImplementedError


class Coded(Store):
    """Text that repeats."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}
        self._codes: list[NDArray[np.int32]] = []

    def add(self, texts: NDArray[np.object_]) -> None:
        """Add the texts of a piece."""
        codes, unique = pd.factorize(texts)
        own = [self.known.setdefault(text, len(self.known)) for text in unique]
        self._codes.append(np.array(own, np.int32)[codes] if own else codes.astype(np.int32))

    def finish(self, cut: int) -> None:
        """Join the pieces, without the last `cut` rows."""
        joined = np.concatenate(self._codes)
        self.codes = joined[: len(joined) - cut]
        self._codes = []
        seen = np.bincount(self.codes, minlength=len(self.known))
        unknown = np.array([values.is_unknown(text) for text in self.known], bool)
        self.filled = int(seen[~unknown].sum())


class Texts(Store):
    """Text that is another one in most rows."""

    def __init__(self) -> None:
        self._pieces: list[NDArray[np.object_]] = []

    def add(self, texts: NDArray[np.object_]) -> None:
        """Add the texts of a piece."""
        self._pieces.append(texts)

    def finish(self, cut: int) -> None:
        """Join the pieces, without the last `cut` rows."""
        joined = np.concatenate(self._pieces)
        self.texts = joined[: len(joined) - cut]
        self._pieces = []
        self.filled = int((self.texts != '').sum())


class Figures(Store):
    """Numbers, or dates with time zones; for anything else the column is read again, as text."""

    def __init__(self) -> None:
        self.kind = ''
        self.values: Floats = np.zeros(0)
        self._pieces: list[Floats] = []

    def add(self, texts: NDArray[np.object_]) -> None:
        """Add the texts of a piece."""
        self.filled = self.filled or _known(texts)
        if self.kind == 'text':
            return
        full = texts != ''
        for kind, parse in (('number', _floats), ('iso', _moments)):
            if self.kind in ('', kind):
                found = parse(texts, full)
                if found is not None:
                    self._pieces.append(found)
                    self.kind = kind if full.any() else self.kind
                    return
        self.kind, self._pieces = 'text', []

    def finish(self, cut: int) -> None:
        """Join the pieces, without the last `cut` rows."""
        self.kind = self.kind or 'number'
        if self.kind != 'text':
            joined = np.concatenate(self._pieces)
            self.values = joined[: len(joined) - cut]
        self._pieces = []


def _known(texts: NDArray[np.object_]) -> int:
    """Return how many different texts of a column say something."""
    return sum(not values.is_unknown(text) for text in pd.unique(texts))


def _floats(texts: NDArray[np.object_], full: NDArray[np.bool_]) -> Floats | None:
    found = np.full(len(texts), math.nan)
    try:
        found[full] = texts[full].astype(np.float64)
    except ValueError:
        return None
    return found


def _moments(texts: NDArray[np.object_], full: NDArray[np.bool_]) -> Floats | None:
    found = np.full(len(texts), math.nan)
    if not full.any() or not all(values.has_zone(text) for text in texts[full]):
        return None
    try:
        read = pd.to_datetime(pd.Series(texts[full]), format='ISO8601', utc=True)
    except ValueError:
        return None
    found[full] = read.dt.tz_localize(None).to_numpy('datetime64[ns]').astype(np.int64) / 1e9
    return found


def store_for(kinds: set[Kind]) -> Store:
    """Return an empty store for a column whose cells may be of these kinds."""
    if Kind.ID in kinds:
        return Texts()
    if kinds & {Kind.TEXT, Kind.YES_NO}:
        return Coded()
    assert kinds <= _FIGURES
    return Figures()
