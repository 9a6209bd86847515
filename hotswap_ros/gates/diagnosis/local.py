# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Local causes: the candidate is worse in some tasks only, and not, or less, in all others.

Robots, robots with a label, parts of the trial and task categories are searched together. The best
one is found first, its tasks are left out, and the search goes on with the others: so one cause
does not hide another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from itertools import combinations
from statistics import NormalDist
from typing import NamedTuple, TypeVar

from hotswap_ros.gates.diagnosis.case import Case, Group
from hotswap_ros.gates.diagnosis.ranking import CATEGORY
from hotswap_ros.gates.diagnosis.record import Counts, Record
from hotswap_ros.gates.result import MIN_TASKS

ROBOTS, LABEL, PERIOD = 'robots', 'label', 'period'
#: The corrected p value, the drop and the part of the remaining extra failures of a local cause.
_ALPHA, _DROP, _PART = 0.01, 0.05, 0.25
#: At most so many robots are a cause by themselves; more have something in common.
MOST_ROBOTS = 3
_PARTS = 8
_MOST_CAUSES = 4
#: Times are of a clock, with hours of a day, if they are from 2001 to 5138.
_CLOCK = 1e9, 1e11
_DAY_S = 86_400.0


class Place(NamedTuple):
    """What tasks have in common; `part` and `three_hours` are −1 if times are not known."""

    robot_id: str
    category: str
    part: int
    three_hours: int


@dataclass(frozen=True)
class LocalCause:
    """
    Tasks in which the candidate is worse than in all others.

    `names` are the robots, the label, the category, or the words for the period. `log_p` is the
    logarithm of the p value of "the drop is the same in all other tasks", corrected for the number
    of possible choices of this kind. `has` tells whether tasks at a place belong to it.
    """

    kind: str
    names: tuple[str, ...]
    inside: Group
    outside: Group
    log_p: float
    has: Callable[[Place], bool]

    @property
    def excess(self) -> float:
        """Return the extra failures beyond those that the drop of the other tasks would give."""
        return (self.inside.drop - max(0.0, self.outside.drop)) * self.inside.candidate.tasks


_Groups = Mapping[Place, Group]
_Name = TypeVar('_Name', str, int)


def local_causes(case: Case) -> tuple[LocalCause, ...]:
    """Return local causes, the best one first, each without the tasks of those before."""
    found: list[LocalCause] = []
    left, times = _places(case), _times(case)
    while len(found) < _MOST_CAUSES:
        best = min(_shown(case, left, times), key=lambda one: one.log_p, default=None)
        if best is None:
            break
        found.append(best)
        left = {place: group for place, group in left.items() if not best.has(place)}
    return tuple(found)


def without(case: Case, causes: Iterable[LocalCause]) -> Case:
    """Return the case without the tasks of some causes."""
    times, gone = _times(case), tuple(causes)
    places = ((record, _place(record, times)) for record in case.records)
    rest = (record for record, place in places if not any(one.has(place) for one in gone))
    return replace(case, records=tuple(rest))


def _times(case: Case) -> tuple[float, float]:
    """Return the first and the last time; equal if times are not known."""
    times = [record.time for record in case.records]
    if not times or not all(map(math.isfinite, times)):
        return 0.0, 0.0
    return min(times), max(times)


def _is_daily(times: tuple[float, float]) -> bool:
    """Return whether times are of a clock, and of some days."""
    return _is_clock(times[0]) and _is_clock(times[1]) and times[1] - times[0] > 1.5 * _DAY_S


def _is_clock(time: float) -> bool:
    return _CLOCK[0] < time < _CLOCK[1]


def _place(record: Record, times: tuple[float, float]) -> Place:
    first, last = times
    part = hours = -1
    if last > first:
        part = min(_PARTS - 1, int((record.time - first) / (last - first) * _PARTS))
    if _is_daily(times):
        hours = int(record.time % _DAY_S / _DAY_S * _PARTS)
    return Place(record.robot_id, record.category, part, hours)


def _places(case: Case) -> _Groups:
    times = _times(case)
    found: dict[Place, list[int]] = {}
    for record in case.records:
        sums = found.setdefault(_place(record, times), [0, 0, 0, 0])
        first = 2 * (record.version == case.candidate)
        sums[first] += record.successes
        sums[first + 1] += record.tasks
    return {place: Group(Counts(*s[:2]), Counts(*s[2:])) for place, s in found.items()}


def _shown(case: Case, left: _Groups, times: tuple[float, float]) -> Iterator[LocalCause]:
    both = _sum(left.values())
    if not both.is_comparable or both.excess <= 0:
        return
    for one in _searched(case, left, both, times):
        if (
            one.log_p < math.log(_ALPHA)
            and one.inside.drop - one.outside.drop >= _DROP
            and one.excess >= _PART * both.excess
        ):
            yield one


def _searched(
    case: Case, left: _Groups, both: Group, times: tuple[float, float]
) -> Iterator[LocalCause]:
    yield from _by_name(left, both, CATEGORY, lambda place: (place.category,))
    yield from _by_name(left, both, LABEL, lambda place: case.labels.get(place.robot_id, ()))
    yield from _of_robots(left, both)
    if times[1] > times[0]:
        yield from _of_periods(left, both, times)


def _by_name(
    left: _Groups, both: Group, kind: str, names_of: Callable[[Place], Sequence[str]]
) -> Iterator[LocalCause]:
    groups = _gathered(left, names_of)
    for name, group in groups.items():
        has = partial(_is_named, names_of, name)
        yield from _compared(both, kind, (name,), group, has, len(groups))


def _is_named(names_of: Callable[[Place], Sequence[str]], name: str, place: Place) -> bool:
    return name in names_of(place)


def _of_robots(left: _Groups, both: Group) -> Iterator[LocalCause]:
    """Yield the robots with the largest drop: one, two and three of them."""
    groups = _gathered(left, lambda place: (place.robot_id,))
    usable = [name for name, group in groups.items() if name and group.is_comparable]
    if len(usable) <= 2 * MOST_ROBOTS:
        return
    usable.sort(key=lambda name: -groups[name].excess)
    for size in range(1, MOST_ROBOTS + 1):
        worst = tuple(usable[:size])
        inside = _sum(groups[name] for name in worst)
        has = partial(_is_of, worst)
        yield from _compared(both, ROBOTS, worst, inside, has, math.comb(len(usable), size))


def _is_of(robots: Sequence[str], place: Place) -> bool:
    return place.robot_id in robots


def _of_periods(left: _Groups, both: Group, times: tuple[float, float]) -> Iterator[LocalCause]:
    """Yield parts of the trial, of whole eighths, and hours of the day if it took some days."""
    first, last = times
    eighth = (last - first) / _PARTS
    spans = [span for span in combinations(range(_PARTS + 1), 2) if span != (0, _PARTS)]
    choices = len(spans) * (2 if _is_daily(times) else 1)
    parts = _gathered(left, lambda place: (place.part,))
    hours = _gathered(left, lambda place: (place.three_hours,))
    for start, end in spans:
        ends = (_moment(first + n * eighth, first) for n in (start, end))
        words = 'from {} to {}'.format(*ends)
        inside = _sum(group for part, group in parts.items() if start <= part < end)
        has = partial(_is_in_part, start, end)
        yield from _compared(both, PERIOD, (words,), inside, has, choices)
        if _is_daily(times):
            words = f'between {3 * start:02d}:00 and {3 * end:02d}:00 UTC of each day'
            inside = _sum(group for hour, group in hours.items() if start <= hour < end)
            has = partial(_is_in_hours, start, end)
            yield from _compared(both, PERIOD, (words,), inside, has, choices)


def _is_in_part(start: int, end: int, place: Place) -> bool:
    return start <= place.part < end


def _is_in_hours(start: int, end: int, place: Place) -> bool:
    return start <= place.three_hours < end


def _moment(time: float, first: float) -> str:
    if _is_clock(first) and _is_clock(time):
        return datetime.fromtimestamp(time, timezone.utc).strftime('%Y-%m-%d %H:%M UTC')
    return f'{time:,.0f} s'


def _compared(
    both: Group,
    kind: str,
    names: tuple[str, ...],
    inside: Group,
    has: Callable[[Place], bool],
    choices: int,
) -> Iterator[LocalCause]:
    outside = Group(
        *(Counts(a.successes - b.successes, a.tasks - b.tasks) for a, b in zip(both, inside))
    )
    if min(arm.tasks for arm in (*inside, *outside)) < MIN_TASKS:
        return
    log_p = min(0.0, math.log(choices) + max(_additive(inside, outside), _odds(inside, outside)))
    yield LocalCause(kind, names, inside, outside, log_p, has)


def _gathered(left: _Groups, names_of: Callable[[Place], Sequence[_Name]]) -> dict[_Name, Group]:
    """Return the sums of places by what they have in common; a place may have several names."""
    found: dict[_Name, list[Group]] = {}
    for place, group in left.items():
        for name in names_of(place):
            found.setdefault(name, []).append(group)
    return {name: _sum(groups) for name, groups in found.items()}


def _sum(groups: Iterable[Group]) -> Group:
    sums = [0, 0, 0, 0]
    for control, candidate in groups:
        for index, number in enumerate((*control, *candidate)):
            sums[index] += number
    return Group(Counts(sums[0], sums[1]), Counts(sums[2], sums[3]))


def _additive(inside: Group, outside: Group) -> float:
    """Return the logarithm of p of "the drop in points is not larger inside"; normal."""
    variance = 0.0
    for arm in (*inside, *outside):
        rate = (arm.successes + 1) / (arm.tasks + 2)
        variance += rate * (1 - rate) / arm.tasks
    return log_tail((inside.drop - outside.drop) / math.sqrt(variance))


def _odds(inside: Group, outside: Group) -> float:
    """
    Return the logarithm of p of "the ratio of odds of failing is not larger inside"; normal.

    A drop that is the same in odds is not the same in points where tasks are harder. A local cause
    has to show in both.

    Source: Woolf 1955, Annals of Human Genetics 19, with half a task added (Haldane 1956, 20).
    """
    logs, variance = [], 0.0
    for group in (inside, outside):
        ratio, own = _log_odds_ratio(group)
        logs.append(ratio)
        variance += own
    return log_tail((logs[0] - logs[1]) / math.sqrt(variance))


def _log_odds_ratio(group: Group) -> tuple[float, float]:
    cells = [n + 0.5 for arm in group for n in (arm.failures, arm.successes)]
    failed, won, own_failed, own_won = cells
    return math.log(own_failed * won / (own_won * failed)), sum(1 / n for n in cells)


def log_tail(z: float) -> float:
    """Return the logarithm of the upper tail of the normal distribution, also far out."""
    if z < 8:
        return math.log(NormalDist().cdf(-z))
    # Its asymptotic series; Abramowitz, Stegun 1964, 26.2.12.
    return -z * z / 2 - math.log(z * math.sqrt(2 * math.pi)) - 1 / (z * z)


def of_kind(causes: Sequence[LocalCause], kind: str) -> list[LocalCause]:
    """Return the causes of one kind."""
    return [cause for cause in causes if cause.kind == kind]
