# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The limits of the figures of an A/B report, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from hotswap_ros.gates.analysis.cells import LEAST_ROBOTS
from hotswap_ros.gates.analysis.result import RATIO_ALARM, Analysis
from hotswap_ros.gates.analysis.trial import ACROSS, WITHIN
from hotswap_ros.text import change, few, p_words

#: Shares of the candidate that were probably planned as one half.
_NEARLY_EVEN = (0.4, 0.6)
#: With a smaller part of comparable tasks, the report says so.
_MOST = 0.9


def warnings(report: Analysis) -> Iterator[str]:
    """Yield the limits of the figures."""
    if report.apart:
        yield report.apart
    yield from report.data_warnings
    yield from _assignment(report)
    yield from _robots(report)
    yield from _categories(report)
    tasks = report.control.tasks + report.candidate.tasks
    if report.compared < _MOST * tasks:
        yield (
            f'Only {report.compared:,} of {tasks:,} tasks can be compared: the others have no '
            'task of the other version in the same category and part of the trial.'
        )
    if _is_moved(report):
        yield (
            f'Among comparable tasks the candidate is {change(-report.difference)}, over all '
            f'tasks it is {change(-report.pooled)}: the versions did not get the same tasks, '
            'hours or robots. The first figure is the valid one.'
        )
    if report.replay is None and report.design != ACROSS and not report.apart:
        yield (
            'The data have no times, so the evidence over time and changes of the baseline are '
            'unknown. Add a column started.'
        )


def _assignment(report: Analysis) -> Iterator[str]:
    control, candidate = report.control, report.candidate
    share = candidate.tasks / (control.tasks + candidate.tasks)
    if _NEARLY_EVEN[0] <= share <= _NEARLY_EVEN[1] and report.even_p < RATIO_ALARM:
        yield (
            f'{candidate.version} did {candidate.tasks:,} tasks and {control.version} '
            f'{control.tasks:,}. If one half was planned for each, the assignment is broken '
            f'({p_words(report.even_p)}), and the figures are not valid. Check it with --share.'
        )


def _robots(report: Analysis) -> Iterator[str]:
    robots = report.robots
    tasks = report.control.tasks + report.candidate.tasks
    if not report.control.robots + report.candidate.robots:
        yield (
            'The data have no robot ids, so tasks are taken as independent. Tasks of one robot '
            'are similar: if each robot served one version, the p value is too small. Add a '
            'column robot_id.'
        )
    elif robots is not None and robots.design == ACROSS and robots.design_effect > 1:
        yield (
            'Each robot served one version only, and the tasks of a robot are similar '
            f'(intra-class correlation {robots.correlation:.3f}): {tasks:,} tasks have the '
            f'information of {tasks / robots.design_effect:,.0f} independent ones (design effect '
            f'{robots.design_effect:.1f}). The power includes this; interval and p value are '
            'those of a comparison of robots.'
        )
    elif robots is not None and robots.design == WITHIN and robots.control_robots < LEAST_ROBOTS:
        which = 'one robot' if robots.control_robots == 1 else f'{robots.control_robots} robots'
        yield (
            f'All tasks are of {which}, and the result holds for no other robots. Let at least '
            f'{LEAST_ROBOTS} robots serve both versions.'
        )


def _categories(report: Analysis) -> Iterator[str]:
    found = report.categories
    if found is None:
        return
    if found.is_unbalanced:
        yield (
            'The versions got different task categories '
            f'({p_words(found.balance_p)}): find out why. Figures are of comparisons within '
            'categories, but the evidence over time is not.'
        )
    if found.not_compared:
        names = few([f"'{name or 'no category'}'" for name in found.not_compared], 5)
        yield (
            f'Too few tasks or robots to compare in {names}: a large drop there would not be '
            'found.'
        )


def _is_moved(report: Analysis) -> bool:
    """Return whether the pooled difference is off by more than a part of the interval."""
    if not report.is_decidable:
        return False
    ripple = (report.interval.high - report.interval.low) / 8
    return abs(report.difference - report.pooled) > max(0.005, ripple)
