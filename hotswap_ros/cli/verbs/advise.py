# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap advise`: the outlook of the plan, as comments below it."""

from __future__ import annotations

from collections.abc import Sequence

from hotswap_ros.cli.views.odds import HEADERS, odds_rows
from hotswap_ros.coordinator import assumed_preview, outlook_of
from hotswap_ros.coordinator.preview.odds import ASSUMED_SUCCESS
from hotswap_ros.plan import load_plan

#: Taken for the intra-class correlation of robots, and for the tasks of a robot in a day.
_CORRELATION, _TASKS_PER_DAY = 0.02, 500.0
_DAY_S = 86_400.0


def outlook_comment(text: str, robots: int, tasks_per_day: float | None) -> str:
    """Return what a plan makes of versions on such a fleet, as comments of YAML."""
    rate = tasks_per_day or _TASKS_PER_DAY
    fleet = (robots, rate / _DAY_S, ASSUMED_SUCCESS, _CORRELATION)
    outlook = outlook_of(assumed_preview(load_plan(text), *fleet))
    assumed = '' if tasks_per_day else ' (assumed)'
    head = (
        f'With {robots} robots that do {rate:g} tasks a day each{assumed}, and a previous version '
        f'at {ASSUMED_SUCCESS:.0%} (assumed):'
    )
    lines = [
        head,
        *_aligned([list(HEADERS), *odds_rows(outlook.odds)] if outlook.odds else []),
        *outlook.sentences,
    ]
    return ''.join(f'# {line}\n' for line in lines)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    return [
        '  '.join(
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths))
        )
        for row in rows
    ]
