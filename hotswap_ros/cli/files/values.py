# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The values that are understood in other people's tables: outcomes, numbers, times."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from hotswap_ros.cli.files.columns import UNITS

_YES = """
1 true t yes y on ✓ ✔ success succeeded successful succeed ok okay pass passed done complete
completed solved win won
"""
_NO = """
0 false f no n off ✗ ✘ failure failed fail unsuccessful error err timeout timed_out timedout
aborted abort stuck lost lose
"""
_UNKNOWN = """
- – — ? "" '' nan <na> na n/a #n/a #na none null nil nat missing unknown undefined pending running
canceled cancelled skipped invalid
"""
#: Words, in lower case, for yes and for a task that succeeded.
YES = frozenset(_YES.split())
#: Words for no and for a task that failed.
NO = frozenset(_NO.split())
#: Words for a value that is not known.
UNKNOWN = frozenset(['', *_UNKNOWN.split()])


class Unclear(ValueError):
    """A value is not understood; the text says why, and what to write."""

    def __init__(self, value: str, why: str) -> None:
        super().__init__(why)
        self.value = value


def is_unknown(text: str) -> bool:
    """Return whether a cell says that the value is not known."""
    return text.strip().lower() in UNKNOWN


def yes_no(text: str) -> float:
    """Return 1 for yes, 0 for no, NaN if unknown, or partial credit. Raises Unclear."""
    word = text.strip().lower()
    if word in YES or word in NO:
        return float(word in YES)
    if word in UNKNOWN:
        return math.nan
    try:
        number = float(word.rstrip('% ').replace(',', '.')) / (100 if word.endswith('%') else 1)
    except ValueError:
        number = math.inf
    if not math.isfinite(number):
        raise Unclear(text, 'is neither yes nor no: write true or false')
    return number


_PLAIN = re.compile(r'[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?', re.IGNORECASE)
_GROUPS = {mark: re.compile(rf'[+-]?\d{{1,3}}(?:\{mark}\d{{3}})+') for mark in ',.'}


class Marks(NamedTuple):
    """The decimal mark and the thousands mark of a column."""

    decimal: str = '.'
    thousands: str = ''


_PLAIN_MARKS = Marks()


def find_marks(texts: Iterable[str], *, semicolons: bool = False, whole: bool = False) -> Marks:
    """
    Return the marks that the numbers of a column are written with.

    A mark that stands twice in a number separates thousands, and so does the first of two
    different ones. A comma before exactly three digits says nothing: in counts it separates
    thousands, in a file with `semicolons` it is a decimal mark. Raises Unclear otherwise.
    """
    numbers = [_without_spaces(text) for text in texts if not is_unknown(text)]
    for text in numbers:
        if ',' in text and '.' in text:
            return Marks(',', '.') if text.rfind(',') > text.rfind('.') else Marks('.', ',')
    for mark, other in ((',', '.'), ('.', ',')):
        with_mark = [text for text in numbers if mark in text]
        if any(text.count(mark) > 1 for text in with_mark):
            return Marks(other, mark)
        if not with_mark:
            continue
        if not all(_GROUPS[mark].fullmatch(text) for text in with_mark):
            return Marks(mark)
        if whole:
            return Marks(other, mark)
        if mark == ',' and not semicolons:
            why = 'may have a decimal comma or a thousands comma: write it with a decimal point'
            raise Unclear(with_mark[0], why)
        return Marks(mark)
    return Marks()


def number(text: str, marks: Marks = _PLAIN_MARKS) -> float:
    """Return a number, NaN if it is unknown. Raises Unclear."""
    if is_unknown(text):
        return math.nan
    bare = _without_spaces(text)
    if marks.thousands:
        bare = bare.replace(marks.thousands, '')
    bare = bare.replace(marks.decimal, '.')
    if not _PLAIN.fullmatch(bare):
        if bare.lower().lstrip('+-') in ('inf', 'infinity'):
            raise Unclear(text, 'is not finite: leave the cell empty if unknown')
        raise Unclear(text, 'is no number: write digits with a decimal point')
    return float(bare)


def _without_spaces(text: str) -> str:
    return re.sub(r"(?<=\d)[\s'’](?=\d{3})", '', text.strip())


_CLOCK = re.compile(r'(?:(\d+):)?(\d{1,2}):(\d{2}(?:[.,]\d+)?)')
_QUANTITY = re.compile(r'(.*?[\d.,])\s*([a-zµ]+)', re.IGNORECASE | re.DOTALL)


def seconds(text: str, unit: str, marks: Marks = _PLAIN_MARKS) -> float:
    """
    Return a duration in seconds: a number in `unit`, '850 ms', '1:30' or '0:01:30.5'.

    NaN if it is unknown. Raises Unclear.
    """
    clock = _CLOCK.fullmatch(text.strip())
    if clock:
        hours, minutes, rest = clock.groups()
        return 3600 * int(hours or 0) + 60 * int(minutes) + float(rest.replace(',', '.'))
    own = _QUANTITY.fullmatch(text.strip())
    if own and own[2].lower().replace('µ', 'u') in UNITS and not is_unknown(text):
        return number(own[1], marks) * UNITS[own[2].lower().replace('µ', 'u')]
    return number(text, marks) * UNITS[unit]


def bare_quantity(text: str) -> str:
    """Return the number of a quantity without its unit; empty for a time of a clock."""
    if _CLOCK.fullmatch(text.strip()) or is_unknown(text):
        return ''
    own = _QUANTITY.fullmatch(text.strip())
    return own[1] if own else text


#: From this number on, a time is not in seconds but in the unit: 2**n of none of them meet.
_EPOCHS = ((1e17, 1e-9, 'ns'), (1e14, 1e-6, 'µs'), (1e11, 1e-3, 'ms'))
_EPOCH = 1e8
#: Excel counts days since this one.
_EXCEL_ZERO = datetime(1899, 12, 30)
_EXCEL_DAYS = (36_526, 73_051)


def epoch_scale(smallest: float, largest: float) -> tuple[float, str]:
    """Return the factor to seconds of times since 1970, and the unit, from their range."""
    for limit, factor, unit in _EPOCHS:
        if largest >= limit:
            if smallest < limit:
                raise Unclear(f'{smallest:.15g}', f'is no time in {unit}, as others of the column')
            return factor, unit
    return 1.0, 's'


def is_epoch(value: float) -> bool:
    """Return whether a time in seconds is one since 1970, not since some start."""
    return value >= _EPOCH


def are_excel_days(values: Sequence[float]) -> bool:
    """
    Return whether numbers are dates of a spreadsheet, between 2000 and 2100.

    Their fractions are whole seconds, which seconds since some start are not by chance.
    """
    if not values or min(values) < _EXCEL_DAYS[0] or max(values) > _EXCEL_DAYS[1]:
        return False
    off = max(abs(value * 86_400 - round(value * 86_400)) for value in values)
    return off < 0.02 and any(abs(value * 16 - round(value * 16)) > 1e-6 for value in values)


def excel_moment(days: float) -> float:
    """Return the seconds since 1970 of a date of a spreadsheet, in the local time zone."""
    return (_EXCEL_ZERO + timedelta(seconds=round(days * 86_400, 3))).timestamp()


_DATE = re.compile(r'(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})(.*)', re.DOTALL)
_TIME = re.compile(
    r'[T ]*(\d{1,2}):(\d{2})(?::(\d{2})([.,]\d+)?)?\s*([ap])?\.?(?:m\.?)?\s*'
    r'(z|utc|gmt|[+-]\d{2}:?\d{2})?',
    re.IGNORECASE,
)


def find_day_first(texts: Iterable[str]) -> bool | None:
    """Return whether dates with slashes begin with the day; None if no date says it."""
    found = [_DATE.fullmatch(text.strip()) for text in texts]
    slashed = [one for one in found if one and one[2] in '/-' and len(one[1]) <= 2]
    if any(int(one[1]) > 12 for one in slashed):
        return True
    if any(int(one[3]) > 12 for one in slashed):
        return False
    return None


def moment(text: str, day_first: bool | None = None, day: str = '') -> float:
    """
    Return the seconds since 1970 of a date and time, in the local zone if it names none.

    `day` is the date of a time without one. NaN if it is unknown. Raises Unclear.
    """
    if is_unknown(text):
        return math.nan
    whole = text.strip() if not day else f'{day.strip()} {text.strip()}'
    try:
        return _seconds_of(_iso(whole), text)
    except Unclear:
        raise
    except (ValueError, OverflowError):
        pass
    try:
        return _seconds_of(_other(whole, text, day_first), text)
    except Unclear:
        raise
    except (ValueError, OverflowError, AttributeError) as error:
        why = 'is no time: write seconds, or a date and time like 2026-03-01T12:30:00Z'
        raise Unclear(text, why) from error


def _seconds_of(found: datetime, text: str) -> float:
    """Return the seconds since 1970. Raises Unclear where a clock change leaves two or none."""
    seconds = found.timestamp()
    if found.tzinfo is None:
        other = found.replace(fold=1).timestamp()
        if other != seconds:
            # In a gap the second reading is the earlier one (PEP 495).
            how = 'does not exist' if other < seconds else 'comes twice'
            why = f'{how} in the local time zone, whose clock was set: write times with a zone'
            raise Unclear(text, why)
    return seconds


def _iso(text: str) -> datetime:
    text = re.sub('[zZ]$', '+00:00', text)
    text = re.sub(r'([ T]\d{2}:\d{2}:\d{2}),(\d)', r'\1.\2', text)
    # Python 3.10 reads three or six digits of a second only, and no day alone.
    text = re.sub(r'(\.\d{1,6})\d*', lambda found: found[1].ljust(7, '0'), text)
    return datetime.fromisoformat(text)


def _other(text: str, cell: str, day_first: bool | None) -> datetime:
    found = _DATE.fullmatch(text)
    if not found:
        raise ValueError(text)
    first, mark, second, third, rest = found.groups()
    if len(first) == 4:
        year, month, day = first, second, third
    elif mark == '.':
        year, month, day = third, second, first
    elif day_first is None:
        why = 'may begin with the day or with the month: write dates like 2026-03-01'
        raise Unclear(cell, why)
    else:
        year, month, day = (third, second, first) if day_first else (third, first, second)
    if len(year) != 4:
        raise ValueError(text)
    at = date(int(year), int(month), int(day)).isoformat()
    if not rest.strip():
        return datetime.fromisoformat(at)
    clock = _TIME.fullmatch(rest.strip())
    if clock is None:
        raise ValueError(text)
    hour, minute, second_, fraction, half, zone = clock.groups()
    hours = int(hour) % 12 + 12 * (half.lower() == 'p') if half else int(hour)
    zone = '+00:00' if zone and zone.lower() in ('z', 'utc', 'gmt') else zone or ''
    zone = re.sub(r'([+-]\d{2})(\d{2})$', r'\1:\2', zone)
    part = (fraction or '.0').replace(',', '.')[:7].ljust(7, '0')
    return datetime.fromisoformat(f'{at}T{hours:02d}:{minute}:{second_ or "00"}{part}{zone}')


_ZONE = re.compile(r'(\d\s*z|utc|gmt|:\d{2}([.,]\d+)?\s*[+-]\d{2}(:?\d{2})?)$', re.IGNORECASE)


def has_zone(text: str) -> bool:
    """Return whether a date and time names its time zone."""
    return bool(_ZONE.search(text.strip()))
