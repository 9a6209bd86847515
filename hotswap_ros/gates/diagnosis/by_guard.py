# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
What robots saw for themselves: no guess, and so named before every guess.

A robot that cannot load a version says why, and the guard that refuses a decision says for what.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from hotswap_ros.gates.diagnosis.case import MAIN, Case, Finding, Group, Hypothesis, Requests
from hotswap_ros.gates.diagnosis.record import Counts, Record, p_worse
from hotswap_ros.gates.stats.intervals import score_test
from hotswap_ros.text import p_words, percent

#: What the guard refused, in words, and what is to be done about it.
_CAUSES = {
    'exception': (
        'It raises errors',
        'Look at the error in the log of the model server; try the file on recorded inputs.',
    ),
    'output': (
        'It puts out something else than its manifest says',
        'Export the model again, or correct its manifest.',
    ),
    'not_finite': (
        'It decides NaN or infinity',
        'Look for roots, logarithms and divisions in the graph, and try it on extreme inputs.',
    ),
    'out_of_bounds': (
        'Its decisions leave the bounds of its manifest',
        'Look at its last layer: an activation or a scale that the export left out.',
    ),
    'deadline': (
        'It is too slow: decisions come after their deadline',
        'Measure it on the computer of such a robot, with the inputs of that robot.',
    ),
    'crash': (
        'Its process crashes',
        'Try it on recorded inputs in a process of its own; look at operators of its own.',
    ),
    'rate_limit': (
        'It jerks: neighbouring decisions are too far apart',
        'Look at the recordings that it was trained on: they may be as jerky.',
    ),
}
#: Checks that count what the guard refused.
_OF_GUARD = ('errors', 'grave_events')
_OF_LATENCY = ('latency', 'latency_increase')
_SHOWN_P = 1e-3
#: Where a check that counts it has stopped the rollout, it was shown before it came here.
_KNOWN_P = 0.05
#: Some robots: those with a higher share than all have most of it and are the fewer ones, and the
#: shares differ by more than requests of one task are alike.
_MOST, _FEWER, _DISPERSION = 0.75, 0.5, 5.0
#: Robots with so many requests are told apart, where there are so many of them.
_REQUESTS, _ROBOTS = 20, 3
#: Where it gets stuck, so many of the failed tasks are stuck ones if that is all there is.
_ALL_STUCK = 0.8


def by_guard(case: Case, categories: Mapping[str, Group]) -> list[Hypothesis]:
    """Return what robots and checks say of themselves."""
    found = [_not_loaded(case), _given_up(case), _refused(case), _slow(case), _apart(case)]
    return [one for one in found if one is not None] + [stuck(case, categories)]


def _not_loaded(case: Case) -> Hypothesis | None:
    if not case.refusals:
        return None
    robot, why = next(iter(case.refusals.items()))
    return Hypothesis(
        f'Robots cannot load it: {why}',
        Finding.SUPPORTED,
        1.0,
        f'{_robots(case.refusals)} refused it.',
        'Mend what they name: the file or its manifest, or what is short on the robot; the '
        'checklist tries both before any robot does.',
        (f'{robot}: {why}',),
        is_direct=True,
    )


def _given_up(case: Case) -> Hypothesis | None:
    """Return why robots gave it up for good, in their own words."""
    if not case.given_up:
        return None
    robot, why = next(iter(case.given_up.items()))
    return Hypothesis(
        f'Robots gave it up: {why}',
        Finding.SUPPORTED,
        1.0,
        f'{_robots(case.given_up)} gave it up.',
        'Let it run on recorded inputs for as long, in a process of its own, and watch it.',
        (f'{robot}: {why}',),
        is_direct=True,
    )


def _refused(case: Case) -> Hypothesis | None:
    """Return what the guard refused most often, if it can be told."""
    own, other = case.requests_of(case.candidate), case.requests_of(case.control)
    failed = sum((Counter(one.failed) for one in own), Counter[str]())
    opened = Counter(case.breakers.values())
    causes = [cause for cause in {**failed, **opened} if cause in _CAUSES]
    if not causes or case.given_up:
        return None
    cause = max(causes, key=lambda name: (opened[name], failed[name]))
    count, n = failed[cause], sum(one.requests for one in own)
    count_other, n_other = (
        sum(one.failed.get(cause, 0) for one in other),
        sum(one.requests for one in other),
    )
    is_more = count / max(1, n) > 2 * count_other / max(1, n_other)
    p_value = 1.0
    if min(n, n_other) > 1:
        p_value = score_test(n_other - count_other, n_other, n - count, n, 0.0)
    is_stopper = any(name in case.stopped_by for name in _OF_GUARD)
    finding = Finding.UNSUPPORTED
    if is_more and p_value < (_KNOWN_P if is_stopper else _SHOWN_P):
        finding = Finding.SUPPORTED if is_stopper else Finding.POSSIBLE
    if opened[cause]:
        finding = Finding.SUPPORTED
    title, remedy = _CAUSES[cause]
    where, on = _on_some(own, cause)
    lines = []
    if n:
        lines.append(
            f'{percent(count / n)} of {n:,} requests to {case.candidate}, '
            f'{percent(count_other / max(1, n_other))} of {n_other:,} to {case.control}.'
        )
    if opened[cause]:
        lines.append(f'{_robots(case.breakers)} took it out for that.')
    is_for = finding is not Finding.UNSUPPORTED
    return Hypothesis(
        title + (' (on some robots)' if where else ''),
        finding,
        1.0 if is_for else 0.0,
        f'The guard refused {count:,} of its decisions for that.' + where,
        remedy,
        (*lines, *on) if is_for else (),
        () if is_for else tuple(lines),
        is_direct=True,
    )


def _on_some(own: Iterable[Requests], cause: str) -> tuple[str, tuple[str, ...]]:
    """
    Return that some robots have most of it, and which; empty where all have their part.

    Computers differ; what the guard refuses otherwise comes from inputs, and seldom, in clusters.
    """
    shares = {
        one.robot_id: (one.failed.get(cause, 0) / one.requests, one.requests)
        for one in own
        if one.requests >= _REQUESTS
    }
    n = sum(requests for _, requests in shares.values())
    count = sum(share * requests for share, requests in shares.values())
    mean = count / n if n else 0.0
    if cause != 'deadline' or len(shares) < _ROBOTS or not 0 < mean < 1:
        return '', ()
    spread = sum((s - mean) ** 2 * r for s, r in shares.values()) / (mean * (1 - mean))
    some = {robot: one for robot, one in shares.items() if one[0] > mean}
    part = sum(share * requests for share, requests in some.values()) / count
    size = sum(requests for _, requests in some.values()) / n
    if part < _MOST or size > _FEWER or spread / (len(shares) - 1) < _DISPERSION:
        return '', ()
    worst = sorted(some, key=lambda robot: (-some[robot][0], robot))[:3]
    lines = tuple(
        f'{robot}: {percent(some[robot][0])} of {some[robot][1]:,} requests.' for robot in worst
    )
    text = (
        f' {_robots(some)} of {len(shares)} have {percent(part)} of it, with {percent(size)} of '
        'the requests.'
    )
    return text, lines


def _slow(case: Case) -> Hypothesis | None:
    """Return that a limit of latency was hit."""
    lines = tuple(case.stopped_by[name] for name in _OF_LATENCY if name in case.stopped_by)
    if not lines:
        return None
    return Hypothesis(
        'It is slower than the plan allows',
        Finding.SUPPORTED,
        MAIN,
        lines[0],
        'Measure it on the computer of such a robot; allow more where that does no harm.',
        lines,
        is_direct=True,
    )


def _apart(case: Case) -> Hypothesis | None:
    """Return that a shadow decided otherwise too often."""
    line = case.stopped_by.get('shadow')
    if line is None:
        return None
    return Hypothesis(
        f'It decides otherwise than {case.control}',
        Finding.SUPPORTED,
        MAIN,
        line,
        'Agreement says nothing of worth: let a canary tell, or ask for less.',
        (line,),
        is_direct=True,
    )


def stuck(case: Case, categories: Mapping[str, Group]) -> Hypothesis:
    """Ask whether it is getting stuck that the candidate fails by."""
    title = 'It gets stuck'
    remedy = 'Look at recordings of such tasks: limits of joints, obstacles, goals out of reach.'
    both = tuple(_stuck_in(records) for records in (case.of_control, case.of_candidate))
    arms = tuple(
        Counts(tasks - sum(found.values()), tasks)
        for found, tasks in zip(both, (arm.tasks for arm in case.both))
    )
    if not all(arm.tasks for arm in arms):
        return Hypothesis(title, Finding.UNEXAMINED, 0.0, 'No tasks were done.', remedy)
    p_value = p_worse(*arms)
    extra = arms[1].failures - arms[0].failures / arms[0].tasks * arms[1].tasks
    part = case.part(extra)
    shown = p_value < _SHOWN_P
    where = [n for n, count in both[1].items() if count > MAIN * sum(both[1].values())]
    if where and where[0] and len(categories) > 1:
        title = f"It gets stuck in '{where[0]}' tasks"
    failed = sum(categories[name].candidate.failures for name in both[1] if name in categories)
    is_all = sum(both[1].values()) >= _ALL_STUCK * max(1, failed)
    # What fails no more tasks than before has stopped the rollout by itself.
    is_alone = case.excess <= 0 and 'grave_events' in case.stopped_by
    is_cause = shown and (is_alone or (part >= MAIN and is_all))
    text = f'Of the extra failures {percent(part)} are stuck tasks.'
    if shown and is_alone:
        text = f'It fails no more tasks than {case.control}, and more of them by getting stuck.'
    kinds = Counter(
        {r.error: 0 for r in case.of_candidate if r.stuck and r.error and r.error != 'stuck'}
    )
    line = (
        f'{arms[1].failures:,} of {arms[1].tasks:,} tasks, {arms[0].failures:,} of '
        f'{arms[0].tasks:,} with {case.control} ({p_words(p_value)}).'
    )
    return Hypothesis(
        title + (f": '{next(iter(kinds))}'" if len(kinds) == 1 else ''),
        Finding.SUPPORTED if is_cause else Finding.POSSIBLE if shown else Finding.UNSUPPORTED,
        1.0 if shown and is_alone else part if shown else 0.0,
        text,
        remedy,
        (line,) if shown else (),
        () if shown else (line,),
        is_symptom=not is_cause,
        is_direct=is_cause,
    )


def _stuck_in(records: Iterable[Record]) -> Counter[str]:
    """Return how many tasks of each category were stuck, those with any."""
    found: Counter[str] = Counter()
    for record in records:
        found[record.category] += record.stuck
    return +found


def _robots(names: Iterable[str]) -> str:
    """Write some robots for people."""
    found = sorted(names)
    rest = f' and {len(found) - 3} more' if len(found) > 3 else ''
    return ', '.join(found[:3]) + rest
