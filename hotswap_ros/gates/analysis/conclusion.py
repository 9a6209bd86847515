# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The conclusion of an A/B report: the action, its sentence and warnings, from the figures."""

from __future__ import annotations

from collections.abc import Iterator

from hotswap_ros.gates.analysis.by_robot import HourView
from hotswap_ros.gates.analysis.result import Action, Analysis
from hotswap_ros.gates.analysis.trial import ACROSS, WITHIN
from hotswap_ros.text import change, p_words, percent, points, span

#: With fewer robots than this, a single robot can decide the result.
_FEW_ROBOTS = 10


def conclude(report: Analysis) -> tuple[Action, str]:
    """Return the action, and a sentence with the reason."""
    action, sentence = _conclude(report)
    if report.apart:
        sentence += ' The versions never ran at the same time, so the cause may be another one.'
    return action, sentence


def _conclude(report: Analysis) -> tuple[Action, str]:
    control, candidate = report.control.version, report.candidate.version
    if report.ratio is not None and report.ratio.is_alarm:
        return Action.REPEAT, _broken_assignment(report)
    figures = _figures(report)
    replayed = report.replay
    if replayed is not None and replayed.alarm is not None:
        return Action.KEEP, (
            f'{figures}: harm is shown (evidence {replayed.evidence:,.3g}, limit '
            f'{replayed.limit:,.3g}, reached after {replayed.alarm.candidate.tasks:,} tasks of '
            f'{candidate}). Keep {control}.'
        )
    if report.is_running:
        return _conclude_running(report, figures)
    if report.p_value >= report.question.alpha:
        return Action.KEEP, (
            f'{figures}: no difference is shown. Keep {control}. {_not_inferior(report)}'
        )
    if report.difference < 0:
        return Action.KEEP, f'{figures}: worse beyond chance. Keep {control}.'
    matters = report.question.matters
    small = report.difference < matters - 1e-9  # 0.94 − 0.92 is not quite 0.02
    remark = f' The gain is below the relevant {points(matters)}.' if small else ''
    return Action.PROMOTE, f'{figures}: better beyond chance. Promote {candidate}.{remark}'


def _broken_assignment(report: Analysis) -> str:
    ratio = report.ratio
    assert ratio is not None
    return (
        f'{report.candidate.version} got {ratio.candidate:,} {ratio.unit} and '
        f'{report.control.version} got {ratio.control:,}, but {percent(ratio.share)} and '
        f'{percent(1 - ratio.share)} were planned ({p_words(ratio.p_value)}): the assignment is '
        'broken, so the figures of this trial are not valid. Find the cause, and repeat it.'
    )


def _conclude_running(report: Analysis, figures: str) -> tuple[Action, str]:
    crossed = next((look for look in report.looks if look.z >= look.bound), None)
    if crossed is not None:
        return Action.PROMOTE, (
            f'{figures}: at {percent(crossed.fraction)} of the planned tasks, z is '
            f'{crossed.z:.2f}, above the bound of {crossed.bound:.2f}: better beyond chance, the '
            f'trial may end early. Promote {report.candidate.version}.'
        )
    return Action.GO_ON, (
        f'{figures}: the trial is still running, and neither benefit nor harm is shown. Continue '
        f'to {report.question.planned:,} tasks of each version, and keep {report.control.version} '
        'until then.'
    )


def _figures(report: Analysis) -> str:
    p_values = report.p_values
    name = max(p_values, key=lambda key: p_values[key])
    by = '' if name == 'tasks' else f' by {name}, {p_words(p_values["tasks"])} by tasks'
    sides = 'one-sided' if report.question.one_sided else 'two-sided'
    control, candidate = report.control, report.candidate
    low, high = report.interval
    return (
        f'{candidate.version} succeeds in {percent(candidate.rate)} of {candidate.tasks:,} tasks, '
        f'{control.version} in {percent(control.rate)} of {control.tasks:,}: '
        f'{change(-report.difference)} (95% interval: {span(-high, -low)}; '
        f'{p_words(p_values[name])}{by}, {sides})'
    )


def _not_inferior(report: Analysis) -> str:
    bound = f'at most {points(report.question.tolerance)} worse'
    if report.not_inferior_p < report.question.alpha:
        return (
            f'{report.candidate.version} is shown to be {bound} '
            f'({p_words(report.not_inferior_p)}), which is enough if it has other advantages.'
        )
    return (
        f'It is also not shown to be {bound} ({p_words(report.not_inferior_p)}): record more '
        'tasks to decide.'
    )


def _is_moved(report: Analysis, hours: HourView) -> bool:
    """Return whether the pooled difference is off by more than a part of the interval."""
    ripple = (report.interval.high - report.interval.low) / 8
    return abs(hours.difference - report.difference) > max(0.005, ripple)


def warnings(report: Analysis) -> Iterator[str]:
    """Yield the limits of the figures."""
    robots, hours = report.robots, report.hours
    tasks = report.control.tasks + report.candidate.tasks
    if report.apart:
        yield report.apart
    yield from report.data_warnings
    is_named = report.control.robots + report.candidate.robots > 0
    if not is_named:
        yield (
            'The data have no robot ids, so tasks are taken as independent. Tasks of one robot '
            'are similar: with few robots the p value is too small. Add a column robot_id.'
        )
    elif robots is not None and robots.design == ACROSS and robots.design_effect > 1:
        yield (
            'Each robot served one version only, and the tasks of a robot are similar '
            f'(intra-class correlation {robots.correlation:.3f}): {tasks:,} tasks have the '
            f'information of {tasks / robots.design_effect:,.0f} independent ones (design effect '
            f'{robots.design_effect:.1f}). Interval and power include this.'
        )
    if (
        robots is not None
        and robots.design == ACROSS
        and robots.control_robots + robots.candidate_robots < _FEW_ROBOTS
    ):
        yield (
            f'Only {robots.control_robots} and {robots.candidate_robots} robots were compared: '
            'one robot can decide the result. Let every robot serve both versions.'
        )
    if robots is not None and robots.design == WITHIN and robots.control_robots == 1:
        yield (
            'All tasks are of one robot, and the result holds for this robot only. Let several '
            'robots serve both versions.'
        )
    if hours is not None and _is_moved(report, hours):
        yield (
            f'Within tenths of the trial the candidate is {change(-hours.difference)}, over the '
            f'whole trial it is {change(-report.difference)}: the baseline changed while the '
            'shares changed. The first figure is the valid one.'
        )
    if report.replay is None and not report.apart:
        yield (
            'The data have no times, so the evidence over time and changes of the baseline are '
            'unknown. Add a column started.'
        )
