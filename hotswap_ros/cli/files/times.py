# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The start of tasks, from whatever a table says about time."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from hotswap_ros.cli.files import values
from hotswap_ros.cli.files.column_store import Floats
from hotswap_ros.cli.files.columns import UNITS, Match
from hotswap_ros.cli.files.table import Table
from hotswap_ros.cli.files.values import Unclear
from hotswap_ros.gates.analysis import AnalysisError, Names

#: Columns that hold durations in some files, and starts in others.
_DOUBTFUL = ('time', 't', 'ts', 'timestamp', 'time_stamp', 'stamp')
#: Longer tasks are not guessed to be durations.
_LONGEST_S = 7200.0
_CLOCK_ONLY = re.compile(r'\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([aApP]\.?[mM]\.?)?')


class Times(NamedTuple):
    """When tasks started, in seconds, with the columns that say it; NaN where it is unknown."""

    started: Floats
    columns: tuple[Match, ...]
    notes: tuple[str, ...] = ()
    #: The column that turned out to hold durations.
    duration: Match | None = None


def read_times(table: Table, robots: Names) -> Times:
    """Return the start of every task: `started`, or `ended` minus `duration_s`."""
    duration = table.first('duration_s')
    start, notes, used = np.full(table.rows, np.nan), [], []
    for match in table.candidates('started'):
        day = _day_for(table, match)
        if match.is_seldom and day is None and _is_day(table, match) and _clock(table):
            continue  # the date of another column
        found, unit = read_moments(table, match, day)
        if not table.is_chosen('started') and _are_durations(table, match, found, robots):
            if duration is None:
                duration = match
                notes.append(f"column '{match.title}' holds durations, not times of the start")
            continue
        start, used = found, [match, *([day] if day else [])]
        notes += [f"column '{match.title}' is in {unit}"] if unit else []
        break
    end = table.first('ended')
    if end is not None and np.isnan(start).any():
        ended, _ = read_moments(table, end)
        lasted = table.durations(duration)
        start = np.where(np.isnan(start), ended - np.nan_to_num(lasted), start)
        used += [end, *([duration] if duration else [])]
    return Times(start, tuple(used), tuple(notes), duration)


def _is_day(table: Table, match: Match) -> bool:
    return match.column.all_names[match.rank] in ('date', 'day')


def _clock(table: Table) -> Match | None:
    """Return the column with times of the day without a date."""
    for one in table.candidates('started'):
        if table.figures(one) is None and table.zoned_moments(one) is None:
            texts = pd.unique(table.ids(one)[:1000])
            if all(_CLOCK_ONLY.fullmatch(text) for text in texts if not values.is_unknown(text)):
                return one
    return None


def _day_for(table: Table, match: Match) -> Match | None:
    """Return the column with the date of a column that has times of the day alone."""
    if _clock(table) != match:
        return None
    days = (one for one in table.candidates('started') if _is_day(table, one))
    return next(days, None)


def read_moments(table: Table, match: Match, day: Match | None = None) -> tuple[Floats, str]:
    """
    Return times in seconds, and their unit if it is not seconds.

    Numbers are seconds on any clock; since 1970 also in ms, µs or ns; or days of a spreadsheet.
    Raises AnalysisError.
    """
    iso = table.zoned_moments(match)
    if iso is not None:
        return iso, ''
    figures = table.figures(match)
    if figures is None:
        figures = _numbers(table, match)
    if figures is None:
        return _dates(table, match, day), ''
    infinite = np.flatnonzero(np.isinf(figures))
    if len(infinite):
        row = int(infinite[0])
        what = 'is no time: write seconds, or a date and time like 2026-03-01T12:30:00Z'
        raise table.error(match, row, str(table.ids(match)[row]), what)
    return _scaled(table, match, figures)


def _numbers(table: Table, match: Match) -> Floats | None:
    """Return a column of numbers with decimal commas or thousands marks; None for others."""
    texts = [text for text in pd.unique(table.ids(match)) if not values.is_unknown(text)]
    if not all(re.fullmatch(r"[-+]?\d[\d.,'\s]*", text) for text in texts):
        return None
    if all(re.fullmatch(r'\d{1,2}\.\d{1,2}\.\d{4}', text) for text in texts):
        return None
    return table.numbers(match)


def _scaled(table: Table, match: Match, figures: Floats) -> tuple[Floats, str]:
    if match.unit:
        scale = UNITS[match.unit]
        return figures * scale, '' if scale == 1 else match.unit
    known = figures[~np.isnan(figures)]
    if not len(known):
        return figures, ''
    if known.max() >= 1e8:  # since 1970: 0 and -1 stand for what is not known
        figures = np.where(figures <= 0, np.nan, figures)
        known = figures[~np.isnan(figures)]
    elif values.are_excel_days(known[:1000].tolist()) and values.are_excel_days(
        [float(known.min()), float(known.max()), float(known[0]), *known[:50].tolist()]
    ):
        unique, codes = np.unique(figures, return_inverse=True)
        found = [values.excel_moment(day) if day == day else np.nan for day in unique.tolist()]
        return np.array(found)[codes], 'days of a spreadsheet'
    try:
        scale, unit = values.epoch_scale(float(known.min()), float(known.max()))
    except Unclear as why:
        row = int(np.flatnonzero(figures == known.min())[0])
        raise table.error(match, row, str(table.ids(match)[row]), why) from why
    return figures * scale, '' if scale == 1 else f'{unit} since 1970'


def _dates(table: Table, match: Match, day: Match | None) -> Floats:
    texts = table.ids(match)
    if day is not None:
        texts = table.ids(day) + ' ' + texts
    codes, unique = pd.factorize(texts)
    known = [text for text in unique if not values.is_unknown(text)]
    zones = [values.has_zone(text) for text in known]
    if any(zones) and not all(zones):
        bare = known[zones.index(False)]
        row = int(np.flatnonzero(texts == bare)[0])
        what = 'names no time zone, and others of the column do: write it everywhere, or nowhere'
        raise table.error(match, row, bare, what)
    day_first = values.find_day_first(known)
    if day is None and known and all(_CLOCK_ONLY.fullmatch(text) for text in known):
        return table.parsed(match, (codes, unique), _second_of_day)
    return table.parsed(match, (codes, unique), lambda text: values.moment(text, day_first))


def _second_of_day(text: str) -> float:
    if values.is_unknown(text):
        return np.nan
    return values.moment(text, day='1970-01-01') - values.moment('00:00', day='1970-01-01')


def _are_durations(table: Table, match: Match, found: Floats, robots: Names) -> bool:
    """
    Return whether a column that may be times of the start holds durations.

    Times of the start rise in the order of the file, for each robot; and a robot cannot start a
    thousand tasks within a minute. Raises AnalysisError if only one of both is the case.
    """
    if match.column.all_names[match.rank] not in _DOUBTFUL:
        return False
    known = ~np.isnan(found)
    if known.sum() < 2 or found[known].min() < 0 or found[known].max() > _LONGEST_S:
        return False
    order = np.argsort(robots.codes[known], kind='stable')
    robot, time = robots.codes[known][order], found[known][order]
    if not (np.diff(time)[np.diff(robot) == 0] < 0).any():
        return False
    busiest = int(np.bincount(robot).max())
    if np.ptp(time) < busiest - 1:
        return True
    raise AnalysisError(
        f"{table.source.path.name}: column '{match.title}' may hold times of the start or "
        f"durations: say it with --column 'started={match.title}' or --column "
        f"'duration_s={match.title}'"
    )
