# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Hypotheses from direct observations: reasons that robots report, and causes that the guard counts.

They come before all hypotheses that only statistics support.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from hotswap_ros.gates.diagnosis.case import MAIN, Case, Finding, Group, Hypothesis, Requests
from hotswap_ros.gates.diagnosis.record import Counts, Record, p_worse
from hotswap_ros.gates.stats.intervals import score_test
from hotswap_ros.text import few, p_words, percent

#: The title and the remedy for each cause for which the guard refuses decisions.
_CAUSES = {
    'exception': (
        'It raises exceptions',
        'Look for the error in the log of the model server; run the file on recorded inputs.',
    ),
    'output': (
        'Its output does not match its manifest',
        'Export the model again, or correct its manifest.',
    ),
    'not_finite': (
        'Its decisions contain NaN or infinity',
        'Check roots, logarithms and divisions in the graph; run it on extreme inputs.',
    ),
    'out_of_bounds': (
        'Its decisions exceed the bounds of its manifest',
        'Check its last layer: the export may have dropped an activation or a scale.',
    ),
    'deadline': (
        'It is too slow: decisions miss their deadline',
        'Measure it on the computer of such a robot, with inputs of that robot.',
    ),
    'crash': (
        'Its process crashes',
        'Run it on recorded inputs in a separate process; check its custom operators.',
    ),
    'rate_limit': (
        'It jerks: consecutive decisions differ too much',
        'Check the recordings that it was trained on: they may be jerky too.',
    ),
}
#: Checks that count decisions that the guard refused.
_OF_GUARD = ('errors', 'grave_events')
_OF_LATENCY = ('latency', 'latency_increase')
_SHOWN_P = 1e-3
#: The limit if a check that counts these events has stopped the rollout: then they are shown.
_KNOWN_P = 0.05
#: "On some robots" means: the robots above the mean share have at least _MOST of the events and at
#: most _FEWER of the requests, and the shares vary _DISPERSION times more than by chance.
_MOST, _FEWER, _DISPERSION = 0.75, 0.5, 5.0
#: Minimum requests of a robot, and minimum number of such robots, to compare robots.
_REQUESTS, _ROBOTS = 20, 3
#: Getting stuck is the cause if at least this part of the failed tasks is stuck.
_ALL_STUCK = 0.8


def by_guard(case: Case, categories: Mapping[str, Group]) -> list[Hypothesis]:
    """Return the hypotheses that robots and checks report."""
    found = [_not_loaded(case), _given_up(case), _refused(case), _slow(case), _disagrees(case)]
    return [one for one in found if one is not None] + [stuck(case, categories)]


def _not_loaded(case: Case) -> Hypothesis | None:
    if not case.refusals:
        return None
    robot, why = next(iter(case.refusals.items()))
    return Hypothesis(
        'load',
        f'Robots cannot load it: {why}',
        Finding.SUPPORTED,
        1.0,
        f'{few(sorted(case.refusals), 3)} refused to load it.',
        'Correct the file, its manifest or the resources of the robots; the checklist finds such '
        'problems before a rollout.',
        (f'{robot}: {why}',),
        is_direct=True,
    )


def _given_up(case: Case) -> Hypothesis | None:
    """Return the reason for which robots disabled it, as they report it."""
    if not case.given_up:
        return None
    robot, why = next(iter(case.given_up.items()))
    return Hypothesis(
        'disabled',
        f'Robots disabled it: {why}',
        Finding.SUPPORTED,
        1.0,
        f'{few(sorted(case.given_up), 3)} disabled it.',
        'Run it on recorded inputs in a separate process for as long, and watch that process.',
        (f'{robot}: {why}',),
        is_direct=True,
    )


def _refused(case: Case) -> Hypothesis | None:
    """Return the most frequent cause for which the guard refused decisions, if there is one."""
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
        lines.append(f'The breaker opened for this cause on {few(sorted(case.breakers), 3)}.')
    is_for = finding is not Finding.UNSUPPORTED
    return Hypothesis(
        cause,
        title + (' (on some robots)' if where else ''),
        finding,
        1.0 if is_for else 0.0,
        f'The guard refused {count:,} of its decisions for this cause.' + where,
        remedy,
        (*lines, *on) if is_for else (),
        () if is_for else tuple(lines),
        is_direct=True,
    )


def _on_some(own: Iterable[Requests], cause: str) -> tuple[str, tuple[str, ...]]:
    """
    Return a sentence and lines on the robots that have most of the missed deadlines, or nothing.

    Computers of robots differ in speed. All other causes come from inputs, which cluster by
    chance.
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
        f' Of {len(shares)} robots, {few(sorted(some), 3)} have {percent(part)} of these '
        f'decisions and {percent(size)} of the requests.'
    )
    return text, lines


def _slow(case: Case) -> Hypothesis | None:
    """Return that a check of latency stopped the rollout."""
    lines = tuple(case.stopped_by[name] for name in _OF_LATENCY if name in case.stopped_by)
    if not lines:
        return None
    return Hypothesis(
        'latency',
        'It is slower than the plan allows',
        Finding.SUPPORTED,
        MAIN,
        lines[0],
        'Measure it on the computer of such a robot, or raise the limit if it is too strict.',
        lines,
        is_direct=True,
    )


def _disagrees(case: Case) -> Hypothesis | None:
    """Return that the check of a shadow stopped the rollout."""
    line = case.stopped_by.get('shadow')
    if line is None:
        return None
    return Hypothesis(
        'shadow',
        f'It decides differently from {case.control}',
        Finding.SUPPORTED,
        MAIN,
        line,
        'Agreement says nothing about success: use a canary, or require less agreement.',
        (line,),
        is_direct=True,
    )


def stuck(case: Case, categories: Mapping[str, Group]) -> Hypothesis:
    """Examine whether getting stuck is the cause of the failures."""
    title = 'It gets stuck'
    remedy = 'Look at recordings of such tasks: joint limits, obstacles, unreachable goals.'
    both = tuple(_stuck_in(records) for records in (case.of_control, case.of_candidate))
    arms = tuple(
        Counts(tasks - sum(found.values()), tasks)
        for found, tasks in zip(both, (arm.tasks for arm in case.both))
    )
    if not all(arm.tasks for arm in arms):
        text = 'There are no tasks of both versions.'
        return Hypothesis('stuck', title, Finding.UNEXAMINED, 0.0, text, remedy)
    p_value = p_worse(*arms)
    extra = arms[1].failures - arms[0].failures / arms[0].tasks * arms[1].tasks
    part = case.part(extra)
    shown = p_value < _SHOWN_P
    where = [n for n, count in both[1].items() if count > MAIN * sum(both[1].values())]
    if where and where[0] and len(categories) > 1:
        title = f"It gets stuck in '{where[0]}' tasks"
    failed = sum(categories[name].candidate.failures for name in both[1] if name in categories)
    is_all = sum(both[1].values()) >= _ALL_STUCK * max(1, failed)
    # Without extra failures, getting stuck alone has stopped the rollout.
    is_alone = case.excess <= 0 and 'grave_events' in case.stopped_by
    is_cause = shown and (is_alone or (part >= MAIN and is_all))
    text = f'{percent(part)} of the extra failures are stuck tasks.'
    if shown and is_alone:
        text = f'It fails no more tasks than {case.control}, but gets stuck in more of them.'
    kinds = Counter(
        {r.error: 0 for r in case.of_candidate if r.stuck and r.error and r.error != 'stuck'}
    )
    line = (
        f'{arms[1].failures:,} of {arms[1].tasks:,} tasks, {arms[0].failures:,} of '
        f'{arms[0].tasks:,} with {case.control} ({p_words(p_value)}).'
    )
    return Hypothesis(
        'stuck',
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
    """Return the number of stuck tasks by category, without categories that have none."""
    found: Counter[str] = Counter()
    for record in records:
        found[record.category] += record.stuck
    return +found
