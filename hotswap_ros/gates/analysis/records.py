# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The tasks of a trial in columns: a million tasks fit in memory, and are counted at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.gates.diagnosis import Counts, Record

_BATCH = 10_000


class Names(NamedTuple):
    """A column of text: one code per row, an index into `names`."""

    codes: NDArray[np.int32]
    names: tuple[str, ...]

    @classmethod
    def of(cls, values: Iterable[str]) -> Names:
        """Return a column with these values."""
        known: dict[str, int] = {}
        codes = np.fromiter((known.setdefault(v, len(known)) for v in values), np.int32)
        return cls(codes, tuple(known))

    def equal(self, name: str) -> NDArray[np.bool_]:
        """Return the rows with this value, as a mask."""
        code = self.names.index(name) if name in self.names else -1
        return np.equal(self.codes, code)

    def among(self, names: Iterable[str]) -> NDArray[np.bool_]:
        """Return the rows with one of these values, as a mask."""
        wanted = set(names)
        return np.array([name in wanted for name in self.names], bool)[self.codes]

    def seen(self) -> list[str]:
        """Return the values that some row has."""
        found = np.bincount(self.codes, minlength=len(self.names))
        return [name for name, n in zip(self.names, found) if n]


@dataclass(frozen=True, eq=False)
class Records(Sequence[Record]):
    """
    Tasks as columns of equal length, and as a sequence of `Record`.

    The columns are the fields of `Record`; `task_id` is text, as most tasks have an id of their
    own.
    """

    version: Names
    tasks: NDArray[np.int64]
    successes: NDArray[np.int64]
    stuck: NDArray[np.int64]
    robot_id: Names
    category: Names
    time: NDArray[np.float64]
    task_id: NDArray[np.object_]
    error: Names
    latency_ms: NDArray[np.float64]
    progress: NDArray[np.float64]
    duration_s: NDArray[np.float64]
    interventions: NDArray[np.float64]

    @classmethod
    def of(cls, records: Iterable[Record]) -> Records:
        """Return the records in columns."""
        if isinstance(records, cls):
            return records
        rows = list(records)

        def column(name: str) -> Iterator[Any]:
            return (getattr(row, name) for row in rows)

        return cls(
            version=Names.of(column('version')),
            tasks=np.fromiter(column('tasks'), np.int64),
            successes=np.fromiter(column('successes'), np.int64),
            stuck=np.fromiter(column('stuck'), np.int64),
            robot_id=Names.of(column('robot_id')),
            category=Names.of(column('category')),
            time=np.fromiter(column('time'), np.float64),
            task_id=np.array([*column('task_id'), None], object)[:-1],
            error=Names.of(column('error')),
            latency_ms=np.fromiter(column('latency_ms'), np.float64),
            progress=np.fromiter(column('progress'), np.float64),
            duration_s=np.fromiter(column('duration_s'), np.float64),
            interventions=np.fromiter(column('interventions'), np.float64),
        )

    def __len__(self) -> int:
        return len(self.tasks)

    @overload
    def __getitem__(self, key: int) -> Record: ...
    @overload
    def __getitem__(self, key: slice) -> Records: ...
    def __getitem__(self, key: int | slice) -> Record | Records:
        if isinstance(key, slice):
            return self.take(key)
        return next(iter(self.take([range(len(self))[key]])))

    def __iter__(self) -> Iterator[Record]:
        for start in range(0, len(self), _BATCH):
            batch = self.take(slice(start, start + _BATCH))
            columns = (getattr(batch, field.name) for field in fields(self))
            yield from map(Record, *map(_values, columns))

    def take(self, rows: Any) -> Records:
        """Return some rows: a mask, a slice, or indices in the wanted order."""
        columns: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, column in columns.items():
            if isinstance(column, Names):
                columns[name] = Names(column.codes[rows], column.names)
            else:
                columns[name] = column[rows]
        return Records(**columns)

    @property
    def counts(self) -> Counts:
        """Return the number of successes and tasks."""
        return Counts(int(self.successes.sum()), int(self.tasks.sum()))

    def of_version(self, version: str) -> Records:
        """Return the tasks of one version."""
        return self.take(self.version.equal(version))

    def counts_by(self, column: Names) -> dict[str, Counts]:
        """Return the counts by the values of a column of these records."""
        size = len(column.names)
        # Sums of float64 are exact up to 2**53 tasks.
        tasks = np.bincount(column.codes, self.tasks, size)
        successes = np.bincount(column.codes, self.successes, size)
        return {
            name: Counts(int(won), int(n))
            for name, won, n in zip(column.names, successes, tasks)
            if n
        }


def _values(column: Any) -> Iterable[Any]:
    if isinstance(column, Names):
        return (column.names[code] for code in column.codes)
    return column.tolist()  # type: ignore[no-any-return]
