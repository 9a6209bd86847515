# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The conclusion of an A/B report: the action and its sentence, from the figures."""

from __future__ import annotations

from hotswap_ros.gates.analysis.by_category import CategoryDifference
from hotswap_ros.gates.analysis.comparison import LEAST_ROBOTS_ACROSS
from hotswap_ros.gates.analysis.figures import FigureDifference
from hotswap_ros.gates.analysis.result import Action, Analysis
from hotswap_ros.text import change, p_words, percent, points, span

_USUAL_LIMIT = 0.05


def conclude(report: Analysis) -> tuple[Action, str]:
    """Return the action, and a sentence with the reason."""
    action, sentence = _conclude(report)
    if report.apart:
        sentence += ' The versions never ran at the same time, so the cause may be another one.'
    return action, sentence


def _conclude(report: Analysis) -> tuple[Action, str]:
    control, candidate = report.control.version, report.candidate.version
    figures = _figures(report)
    if report.ratio is not None and report.ratio.is_alarm:
        return Action.REPEAT, f'{_broken_assignment(report)} As recorded, {figures}.'
    if not report.is_decidable:
        return Action.KEEP, f'{figures}: {_too_few_robots(report)} Keep {control}.'
    if report.is_running:
        return _conclude_running(report, figures)
    worst = _worst(report)
    if report.p_value < report.limit and report.difference < 0:
        rest = f' {_worst_words(report)}' if worst is not None and worst.is_worse else ''
        return (
            Action.KEEP,
            f'{figures}: worse beyond chance.{_gate_words(report)}{rest} Keep {control}.',
        )
    if worst is not None and worst.is_worse:
        return Action.KEEP, f'{figures}. {_worst_words(report)} Keep {control}.'
    harmed = [one for one in report.figures if one.is_worse]
    if harmed:
        words = ' '.join(_figure_words(one) for one in harmed)
        return Action.KEEP, f'{figures}. {words} Keep {control}.'
    rest = '' if worst is None else f' {_worst_words(report)}'
    if report.p_value >= report.limit:
        return Action.KEEP, (
            f'{figures}: no difference is shown. Keep {control}. {_not_inferior(report)}{rest}'
        )
    if _gate_words(report):
        return Action.KEEP, (
            f'{figures}: better beyond chance over the whole trial, but worse beyond chance in a '
            f'part of it.{_gate_words(report)} Keep {control}, and find out what changed.{rest}'
        )
    matters = report.question.matters
    small = report.difference < matters - 1e-9  # 0.94 − 0.92 is not quite 0.02
    remark = f' The gain is below the relevant {points(matters)}.' if small else ''
    return Action.PROMOTE, f'{figures}: better beyond chance. Promote {candidate}.{remark}{rest}'


def _broken_assignment(report: Analysis) -> str:
    ratio = report.ratio
    assert ratio is not None
    return (
        f'{report.candidate.version} got {ratio.candidate:,} {ratio.unit} and '
        f'{report.control.version} got {ratio.control:,}, but {percent(ratio.share)} and '
        f'{percent(1 - ratio.share)} were planned ({p_words(ratio.p_value)}): the assignment is '
        'broken, so the figures of this trial are not valid. Find the cause, and repeat it; keep '
        f'{report.control.version} until then.'
    )


def _too_few_robots(report: Analysis) -> str:
    robots = report.robots
    assert robots is not None
    return (
        f'nothing is shown, because each robot served one version, and {robots.control_robots} '
        f'and {robots.candidate_robots} robots are too few to tell versions from robots. At least '
        f'{LEAST_ROBOTS_ACROSS} robots with each version are needed in each comparison, or robots '
        'that serve both versions.'
    )


def _conclude_running(report: Analysis, figures: str) -> tuple[Action, str]:
    control, candidate = report.control.version, report.candidate.version
    replayed = report.replay
    if replayed is not None and replayed.alarm is not None:
        return Action.KEEP, (
            f'{figures}: harm is shown (evidence {replayed.evidence:,.3g}, limit '
            f'{replayed.limit:,.3g}, reached after {replayed.alarm.candidate.tasks:,} tasks of '
            f'{candidate}). Keep {control}.'
        )
    crossed = next((look for look in report.looks if look.z >= look.bound), None)
    if crossed is not None:
        return Action.PROMOTE, (
            f'{figures}: at {percent(crossed.fraction)} of the planned tasks, z is '
            f'{crossed.z:.2f}, above the bound of {crossed.bound:.2f}: better beyond chance, the '
            f'trial may end early. Promote {candidate}.'
        )
    return Action.GO_ON, (
        f'{figures}: the trial is still running, and neither benefit nor harm is shown. Continue '
        f'to {report.question.planned:,} tasks of each version, and keep {control} until then.'
    )


def _figures(report: Analysis) -> str:
    control, candidate = report.control, report.candidate
    found = change(-report.difference)
    among = '' if found == change(-report.pooled) else 'among comparable tasks '
    text = (
        f'{candidate.version} succeeds in {percent(candidate.rate)} of {candidate.tasks:,} tasks, '
        f'{control.version} in {percent(control.rate)} of {control.tasks:,}: {among}{found}'
    )
    if not report.is_decidable:
        return text
    low, high = report.interval
    limit = '' if report.limit == _USUAL_LIMIT else f', limit {report.limit:.4g}'
    by = ' by robots' if report.unit == 'robots' else ''
    sides = 'one-sided' if report.question.one_sided else 'two-sided'
    return (
        f'{text} ({100 * (1 - 2 * report.tail):.4g}% interval: {span(-high, -low)}; '
        f'{p_words(report.p_value)}{by}{limit}, {sides})'
    )


def _not_inferior(report: Analysis) -> str:
    bound = f'at most {points(report.question.tolerance)} worse'
    if report.not_inferior_p < report.tail:
        return (
            f'{report.candidate.version} is shown to be {bound} '
            f'({p_words(report.not_inferior_p)}), which is enough if it has other advantages.'
        )
    return (
        f'It is also not shown to be {bound} ({p_words(report.not_inferior_p)}): record more '
        'tasks to decide.'
    )


def _worst(report: Analysis) -> CategoryDifference | None:
    found = report.categories
    return found.compared[0] if found is not None and found.compared else None


def _worst_words(report: Analysis) -> str:
    worst = _worst(report)
    assert worst is not None
    assert report.categories is not None
    n = len(report.categories.compared)
    rates = (
        f'{percent(worst.candidate.rate)} of {worst.candidate.tasks:,} tasks against '
        f'{percent(worst.control.rate)} of {worst.control.tasks:,}, {change(-worst.difference)}'
    )
    corrected = f'{p_words(worst.p_value)}, corrected for {n} categories'
    if worst.is_worse:
        return f"In category '{worst.name}' it is shown to be worse: {rates} ({corrected})."
    return (
        f"The worst of {n} categories is '{worst.name}': {rates}, not beyond chance ({corrected})."
    )


def _figure_words(found: FigureDifference) -> str:
    text = (
        f'Mean {found.name} is shown to be worse: {found.candidate:.4g}{found.unit} against '
        f'{found.control:.4g}{found.unit} ({p_words(found.p_value)}, limit {found.limit:.4g}).'
    )
    if found.alarm:
        text += f' A gate would have rolled back after {found.alarm:,} tasks of the candidate.'
    return text


def _gate_words(report: Analysis) -> str:
    alarm = None if report.replay is None else report.replay.alarm
    is_unbalanced = report.categories is not None and report.categories.is_unbalanced
    if alarm is None or is_unbalanced:
        return ''
    return (
        f' A gate would have rolled back after {alarm.candidate.tasks:,} tasks of '
        f'{report.candidate.version}.'
    )
