# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Hypotheses from the outcomes of tasks, one function each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import NormalDist

from hotswap_ros.gates.diagnosis.case import MAIN, Case, Finding, Group, Hypothesis
from hotswap_ros.gates.diagnosis.ranking import CATEGORY, CHANCE, EVERYWHERE, OVERFITTING
from hotswap_ros.gates.diagnosis.record import Counts, p_worse
from hotswap_ros.gates.result import MIN_TASKS
from hotswap_ros.gates.stats.intervals import wilson_interval
from hotswap_ros.text import change, p_words, percent

FAILURE = 'failure'
_ALPHA = 0.05
#: From these posterior probabilities on, an explanation is supported, or possible.
_LIKELY, _MAYBE = 0.9, 0.1


def chance(case: Case, likely: float) -> Hypothesis:
    """Examine whether chance explains the difference; `likely` is its posterior probability."""
    p_value = p_worse(*case.both)
    found = (
        f'{case.candidate} succeeded in {percent(case.both[1].rate)} of {case.both[1].tasks:,} '
        f'tasks, {case.control} in {percent(case.both[0].rate)} of {case.both[0].tasks:,} '
        f'comparable ones: {change(case.drop)} ({p_words(p_value)}, one-sided).'
    )
    shown = likely < _MAYBE or (p_value < _ALPHA and likely < MAIN)
    return Hypothesis(
        CHANCE,
        'Chance',
        Finding.UNSUPPORTED if shown else Finding.POSSIBLE,
        0.0 if shown else likely,
        f'Chance alone {"seldom makes" if shown else "can make"} a difference of this size.',
        'Record more tasks of both versions before you retrain.',
        supports=() if shown else (found,),
        objects=(found,) if shown else (),
    )


def broken_category(case: Case, categories: Mapping[str, Group], likely: float) -> Hypothesis:
    """Examine whether one task category makes the difference."""
    title = 'One task category is broken'
    remedy = 'Look at recordings of such tasks; add more of them to training data and lab tests.'
    comparable = {n: g for n, g in categories.items() if _is_large(g)}
    if likely >= _MAYBE:
        comparable = {n: g for n, g in categories.items() if g.is_comparable}
    if len(comparable) < 2:
        text = 'Fewer than two categories have enough tasks of both versions.'
        return Hypothesis(CATEGORY, title, Finding.UNEXAMINED, 0.0, text, remedy)
    name, worst = next(iter(comparable.items()))
    tests = {n: p_worse(*g) for n, g in comparable.items()}
    shown = {n for n, p_value in tests.items() if p_value < _ALPHA / len(tests)}
    part = case.part(worst.excess)
    text = f"{percent(part)} of the extra failures are in category '{name}'."
    is_likely = likely >= _MAYBE
    lines = {n: g.words(n, tests[n]) for n, g in comparable.items()}
    main = name in shown and part >= MAIN
    others = sum(n in shown for n in comparable if n != name)
    return Hypothesis(
        CATEGORY,
        title,
        _finding(
            main=(main and likely >= MAIN) or likely >= _LIKELY,
            shown=is_likely or (name in shown and len(shown) < len(comparable)),
        ),
        likely,
        text,
        remedy,
        (lines[name],) if is_likely or name in shown else (),
        (
            *([f'{others} of {len(comparable) - 1} others are also worse.'] if others else []),
            *(line for n, line in lines.items() if n != name or not (is_likely or n in shown)),
        ),
    )


def everywhere(
    case: Case, categories: Mapping[str, Group], causes: Sequence[Hypothesis], likely: float
) -> Hypothesis:
    """Examine whether it is worse in all categories, and no other of the `causes` explains it."""
    title = 'It is worse everywhere: the policy itself, not one category'
    remedy = 'Check the changes in its training: data, labels, hyperparameters, conversion.'
    groups = {n: g for n, g in categories.items() if _is_large(g)}
    if likely >= _MAYBE:
        groups = {n: g for n, g in categories.items() if g.is_comparable}
    tests = {n: p_worse(*g) for n, g in groups.items()}
    worse = [n for n, p_value in tests.items() if p_value < _ALPHA]
    least = min((group.drop for group in groups.values()), default=0.0)
    common = sum(max(0.0, least) * group.candidate.tasks for group in groups.values())
    part = case.part(common)
    lines = {n: g.words(n, tests[n]) for n, g in groups.items()}
    why = [
        f'Another cause would have the same effect: {one.title}.'
        for one in causes
        if one.finding is Finding.SUPPORTED and one.strength >= MAIN
    ]
    if len(groups) < 2:
        is_worse = p_worse(*case.both) < _ALPHA
        text = 'Fewer than two categories have enough tasks, so categories cannot be compared.'
        finding = Finding.POSSIBLE if is_worse else Finding.UNSUPPORTED
        return Hypothesis(EVERYWHERE, title, finding, likely, text, remedy, objects=tuple(why))
    main = len(worse) == len(groups) and part >= MAIN
    return Hypothesis(
        EVERYWHERE,
        title,
        _finding(
            main=((main and likely >= MAIN) or likely >= _LIKELY) and not why,
            shown=len(worse) > 1 or likely >= _MAYBE,
        ),
        likely,
        f'It is shown to be worse in {len(worse)} of {len(groups)} categories; the common drop '
        f'explains {percent(part)} of the extra failures.',
        remedy,
        (*(lines[n] for n in worse), *_in_the_lab(case, groups)),
        (*why, *(line for n, line in lines.items() if n not in worse)),
    )


def _in_the_lab(case: Case, groups: Mapping[str, Group]) -> tuple[str, ...]:
    """Return a line if the lab had the same low success rate."""
    arms = {name: group.candidate for name, group in groups.items() if name in case.lab}
    tasks = sum(arm.tasks for arm in arms.values())
    if not tasks:
        return ()
    lab = sum(case.lab[name] * arm.tasks for name, arm in arms.items()) / tasks
    successes = sum(arm.successes for arm in arms.values())
    if lab > wilson_interval(successes, tasks).high:
        return ()
    own = successes / tasks
    return (f'The lab had the same result: {percent(lab)} on such tasks, robots {percent(own)}.',)


def overfitting(case: Case, categories: Mapping[str, Group], likely: float) -> Hypothesis:
    """Examine whether it fails in categories without training data, and only there."""
    title = 'Overfitting: it fails on tasks that it was not trained on'
    remedy = 'Add tasks of the new categories to the training data, and keep some for lab tests.'
    if case.known is None:
        text = 'The categories that it was trained on are unknown.'
        return Hypothesis(OVERFITTING, title, Finding.UNEXAMINED, 0.0, text, remedy)
    new, known = _joined(categories, case.known, inside=False), _joined(categories, case.known)
    supports: list[str] = []
    objects: list[str] = []
    for name, lab in sorted(case.lab.items()):
        group = categories.get(name)
        if group is not None and group.candidate.tasks >= MIN_TASKS:
            interval = wilson_interval(group.candidate.successes, group.candidate.tasks)
            line = (
                f"'{name}': {percent(lab)} in the lab, {percent(group.candidate.rate)} of "
                f'{group.candidate.tasks:,} tasks on the robots.'
            )
            (supports if interval.high < lab else objects).append(line)
    if not (_is_large(new) or likely >= _MAYBE):
        objects.insert(0, f'Only {new.candidate.tasks:,} tasks were in a new category.')
        return Hypothesis(
            OVERFITTING,
            title,
            Finding.POSSIBLE if supports else Finding.UNSUPPORTED,
            likely,
            'New and known categories cannot be compared.',
            remedy,
            tuple(supports),
            tuple(objects),
        )
    p_value = _interaction_p(new, known) if known.is_comparable else 0.0
    line = (
        f'New categories: {change(new.drop)} ({percent(new.candidate.rate)} of '
        f'{new.candidate.tasks:,} tasks); known ones: '
        f'{change(known.drop)} ({percent(known.candidate.rate)} of {known.candidate.tasks:,}); '
        f'{p_words(p_value)} for the same drop in both.'
    )
    shown = p_value < _ALPHA and new.drop > 0
    (supports if shown else objects).insert(0, line)
    known_p = p_worse(*known) if _is_large(known) else 1.0
    if known_p < _ALPHA:
        objects.append(f'It also fails in known categories ({p_words(known_p)}).')
    part = case.part(new.excess)
    main = shown and part >= MAIN
    return Hypothesis(
        OVERFITTING,
        title,
        _finding(
            main=(main and likely >= MAIN) or likely >= _LIKELY, shown=shown or likely >= _MAYBE
        ),
        likely,
        f'{percent(part)} of the extra failures are in new categories.',
        remedy,
        tuple(supports),
        tuple(objects),
    )


def failure_kind(case: Case, failures: Mapping[str, tuple[int, int]]) -> Hypothesis:
    """Examine whether most extra failures have the same reason."""
    title = 'One kind of failure'
    remedy = 'Look at recordings of tasks that ended with this failure, to find its cause.'
    named = {name: pair for name, pair in failures.items() if name}
    if not named:
        text = 'The robots reported no reasons of failed tasks.'
        return Hypothesis(FAILURE, title, Finding.UNEXAMINED, 0.0, text, remedy)
    control, candidate = case.both
    extra = {
        name: own - other / control.tasks * candidate.tasks for name, (other, own) in named.items()
    }
    worst = max(extra, key=lambda name: extra[name])
    other, own = named[worst]
    p_value = p_worse(
        Counts(control.tasks - other, control.tasks),
        Counts(candidate.tasks - own, candidate.tasks),
    )
    part = case.part(extra[worst])
    shown = p_value < _ALPHA / len(named)
    line = (
        f"'{worst}' ended {percent(own / candidate.tasks)} of its tasks, "
        f'{percent(other / control.tasks)} of those of {case.control} ({p_words(p_value)}).'
    )
    title = f"One kind of failure: '{worst}' (a symptom, not a cause)"
    main = shown and part >= MAIN
    return Hypothesis(
        FAILURE,
        title,
        _finding(main=main, shown=shown),
        part if shown else 0.0,
        f"{percent(part)} of the extra failures are '{worst}'.",
        remedy,
        (line,) if shown else (),
        () if shown else (line,),
        is_symptom=True,
    )


def _is_large(group: Group) -> bool:
    return min(group.control.tasks, group.candidate.tasks) >= MIN_TASKS


def _joined(
    categories: Mapping[str, Group], names: frozenset[str], *, inside: bool = True
) -> Group:
    return _sum(group for name, group in categories.items() if (name in names) == inside)


def _sum(groups: Iterable[Group]) -> Group:
    arms = [
        Counts(sum(arm.successes for arm in column), sum(arm.tasks for arm in column))
        for column in zip(*groups)
    ] or [Counts(0, 0)] * 2
    return Group(*arms)


def _interaction_p(new: Group, known: Group) -> float:
    """Return the one-sided p of "the drop is not larger in `new`"; normal, unpooled."""
    variance = 0.0
    for group in (new, known):
        for arm in group:
            rate = (arm.successes + 1) / (arm.tasks + 2)
            variance += rate * (1 - rate) / arm.tasks
    return NormalDist().cdf((known.drop - new.drop) / math.sqrt(variance))


def _finding(*, main: bool, shown: bool) -> Finding:
    if main:
        return Finding.SUPPORTED
    return Finding.POSSIBLE if shown else Finding.UNSUPPORTED
