# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Robots of the live view: a cell for each, or a line for all with one routing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby

from rich.columns import Columns
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from hotswap_ros.models import Routing

_UNREACHABLE = ('✘ unreachable', 'bold red')


def robot_forms(
    version: str, routings: Mapping[str, Routing], unreachable: Collection[str]
) -> list[RenderableType]:
    """Return the robots by name, in detail and condensed; `version` is the candidate."""
    names = sorted({*routings, *unreachable})
    if not names:
        return [Text('Waiting for robots …', 'dim')]
    short = _short_names(names)
    labels = {
        name: _UNREACHABLE if name in unreachable else _label(routings[name], version)
        for name in names
    }
    cells = [_cell(short[name], *labels[name]) for name in names]
    groups = {label: [n for n in names if labels[n] == label] for label in labels.values()}
    return [Columns(cells, padding=(0, 2), equal=True), _table(groups, short)]


def _label(routing: Routing, version: str) -> tuple[str, str]:
    if routing.candidate:
        return f'◐ {routing.candidate} {routing.candidate_share:.0%}', 'yellow'
    return f'● {routing.stable}', 'green' if routing.stable == version else 'blue'


def _cell(name: str, label: str, style: str) -> Text:
    return Text.assemble((f'{name} ', 'dim'), (label, style))


def _table(groups: Mapping[tuple[str, str], Sequence[str]], short: Mapping[str, str]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(justify='right', no_wrap=True)
    table.add_column(ratio=1)
    for (label, style), names in groups.items():
        listed = ', '.join(name_ranges(short[name] for name in names))
        table.add_row(Text(label, style), f'{len(names)}', Text(listed, 'dim'))
    return table


def _short_names(names: Sequence[str]) -> dict[str, str]:
    """Return the names without the prefix that all have: robot_01 is 01 beside robot_02."""
    parts = {name: name.rpartition('_') for name in names}
    prefixes = {prefix for prefix, _, _ in parts.values()}
    if len(prefixes) > 1:
        return {name: name for name in names}
    return {name: last for name, (_, _, last) in parts.items()}


def name_ranges(names: Iterable[str]) -> list[str]:
    """Return sorted names with runs of numbers put together: 01–04, 07, dock."""
    found = []
    matches = [(name, re.fullmatch(r'(\D*)(\d{1,18})', name)) for name in names]
    keys = [
        # Along a run, number and place rise together.
        (match[1], len(match[2]), int(match[2]) - place) if match else (name, 0, place)
        for place, (name, match) in enumerate(matches)
    ]
    for _, run in groupby(zip(keys, matches), key=lambda pair: pair[0]):
        members = [name for _, (name, _) in run]
        found += members if len(members) < 3 else [f'{members[0]}–{members[-1]}']
    return found
