# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The columns and values that are understood in trials of other tools."""

from __future__ import annotations

from collections.abc import Iterable

from hotswap_ros.cli.files import columns as roles
from hotswap_ros.cli.files.columns import UNITS, Kind
from hotswap_ros.cli.files.values import NO, UNKNOWN, YES
from reference_pages.markdown import code, table

_TABLES = {
    'tasks': roles.TASK_COLUMNS,
    'shadow': roles.SHADOW_COLUMNS,
    'reviews': roles.REVIEW_COLUMNS,
}


def columns(name: str) -> str:
    """Return the table of the columns of one kind of file, in the order of the code."""
    rows = []
    for column in _TABLES[name]:
        others = ', '.join(column.names)
        if column.seldom:
            others += '; last: {}'.format(', '.join(column.seldom))
        rows.append((code(column.name), column.kind.value, column.meaning, others))
    return table(('column', 'cells', 'meaning', 'also called'), rows)


_PARTIAL = """
1.0, 0.0, 100%; other numbers are partial credit: a task succeeded from 1 on, or from
`--success-at` on
"""
_NUMBER = """
1021.5, 1.0215e3, 1,021.5, 1.021,5, 1 021,5, 1’021.5. A comma before exactly three digits is a
decimal mark in a file separated by semicolons, and refused in others
"""
_DURATION = """
a number, 850 ms, 1:30, 0:01:30.5. The name of the column may end with its unit:
"""
_MOMENT = """
seconds on any clock; s, ms, µs or ns since 1970, by their size; days of a spreadsheet;
2026-03-01T12:30:00.5Z, 2026-03-01 12:30, 2026/03/01 12:30, 01.03.2026 12:30, 31/03/2026 12:30,
03/31/2026 12:30 PM, 12:30:05 with a column of dates. Without a time zone, that of this computer
"""


def values() -> str:
    """Return the table of the cells that are understood."""
    rows = [
        (Kind.YES_NO.value, 'yes: {}'.format(_words(YES))),
        ('', 'no: {}'.format(_words(NO))),
        ('', _PARTIAL),
        ('any', 'not known: an empty cell, {}'.format(_words(UNKNOWN - {''}))),
        (Kind.NUMBER.value, _NUMBER),
        (Kind.COUNT.value, 'the same, but 1,021 and 1.021 are a thousand'),
        (Kind.DURATION.value, _DURATION + ', '.join(UNITS)),
        (Kind.MOMENT.value, _MOMENT),
    ]
    return table(('cells', 'understood'), rows)


def _words(words: Iterable[str]) -> str:
    return ', '.join(sorted(words))
