# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Sentences of the gate's checks, by check and verdict."""

from collections.abc import Callable, Iterator
from typing import Any

from _counting_robot import CountingRobot

from hotswap_ros.gates import CheckResult, Gate, Ramp, Verdict, next_share
from hotswap_ros.models import ShadowCounts, TaskCounts, VersionCounters
from hotswap_ros.plan import SuccessCriteria

Feed = Callable[[Gate], None]
PENDING, COMPLETE = False, True


def sentences() -> Iterator[tuple[str, str]]:
    """Yield the sentence of each check and verdict, and those of a flag's control loop."""
    for case, name, criteria, feed, complete in _cases():
        gate = Gate(SuccessCriteria(**criteria), 'v24')
        feed(gate)
        (found,) = (one for one in gate.checks(complete=complete) if one.name == name)
        yield f'{case}, {found.verdict.value}', found.sentence
    yield from _moves()


def _cases() -> Iterator[tuple[str, str, dict[str, Any], Feed, bool]]:
    """Yield what to ask: the name of the case, the check, the criteria, the tasks, and when."""
    yield from _success_cases()
    yield from _request_cases()
    yield from _other_cases()


def _success_cases() -> Iterator[tuple[str, str, dict[str, Any], Feed, bool]]:
    def asked(case: str, feed: Feed, complete: bool, **criteria: Any) -> Any:
        return f'success, {case}', 'success', criteria, feed, complete

    yield asked('nothing', _nothing, COMPLETE)
    yield asked('equal', _pairs(100, 9, 9), PENDING)
    yield asked('equal', _pairs(100, 9, 9), COMPLETE)
    yield asked('better', _pairs(300, 9, 7), COMPLETE)
    yield asked('few', _pairs(10, 9, 9), COMPLETE)
    yield asked('no control', _candidate_alone, COMPLETE)
    yield asked('worse', _pairs(100, 7, 9), PENDING)
    tolerant = {'max_success_drop': 0.25, 'harm_null': 'not_worse_than_tolerance'}
    yield asked('worse than the tolerance', _pairs(300, 3, 9), PENDING, **tolerant)
    yield asked('strata', _strata, COMPLETE)
    yield asked('fixed', _history, PENDING, baseline_success_rate=0.92)
    yield asked('few robots', _pairs(100, 6, 9), COMPLETE, baseline_success_rate=0.92)
    yield asked('history', _history, PENDING, control='history')
    yield asked('no history', _pairs(100, 9, 9), COMPLETE, control='history')
    yield asked('across robots', _pairs(100, 9, 9), COMPLETE, control='across_robots')
    for method in ('threshold', 'fixed'):
        yield asked(f'{method}, nothing', _nothing, COMPLETE, method=method)
        yield asked(f'{method}, equal', _pairs(100, 9, 9), PENDING, method=method)
        yield asked(f'{method}, equal', _pairs(100, 9, 9), COMPLETE, method=method)
        yield asked(f'{method}, few', _pairs(10, 9, 9), COMPLETE, method=method)
        yield asked(f'{method}, no control', _candidate_alone, COMPLETE, method=method)
        yield asked(f'{method}, worse', _pairs(100, 6, 9), COMPLETE, method=method)
    few = {'method': 'fixed', 'control': 'across_robots'}
    yield asked('fixed, few robots', _pairs(100, 6, 9), COMPLETE, **few)


def _request_cases() -> Iterator[tuple[str, str, dict[str, Any], Feed, bool]]:
    for name, criterion in (('latency', 'max_latency_ms'), ('errors', 'max_error_rate')):
        limit = {'latency': 40, 'errors': 0.01}[name]
        for method in ('sequential', 'threshold'):
            criteria = {criterion: limit, 'method': method}
            for case, feed, complete in (
                ('nothing', _nothing, PENDING),
                ('nothing', _nothing, COMPLETE),
                ('good', _requests(60, 0), PENDING),
                ('good', _requests(60, 0), COMPLETE),
                ('few', _requests(10, 0), COMPLETE),
                ('bad', _requests(60, 30), method == 'threshold'),
                ('bad by chance', _requests(60, 0, spell=90), COMPLETE),
            ):
                yield f'{name}, {method}, {case}', name, criteria, feed, complete
    increase = {'max_latency_increase': 0.2}
    for case, feed, complete in (
        ('nothing', _nothing, PENDING),
        ('nothing', _nothing, COMPLETE),
        ('equal', _slower(200, 5.0), PENDING),
        ('equal', _slower(200, 5.0), COMPLETE),
        ('few', _slower(10, 5.0), COMPLETE),
        ('slower', _slower(200, 20.0), PENDING),
    ):
        yield f'latency increase, {case}', 'latency_increase', increase, feed, complete


def _other_cases() -> Iterator[tuple[str, str, dict[str, Any], Feed, bool]]:
    for case, feed, complete in (
        ('none', _stuck(0), PENDING),
        ('few', _stuck(0, tasks=10), COMPLETE),
        ('within the limit', _stuck(3), COMPLETE),
        ('too often', _stuck(11), PENDING),
    ):
        yield f'stuck, {case}', 'stuck', {}, feed, complete
    for kind in ('stuck', 'fallback'):
        criteria = {'grave_events': (kind,), 'max_stuck_per_robot': None}
        for case, feed, complete in (
            ('few', _grave(kind, 10, 0), COMPLETE),
            ('none', _grave(kind, 120, 0), PENDING),
            ('none', _grave(kind, 120, 0), COMPLETE),
            ('often', _grave(kind, 120, 5), PENDING),
        ):
            yield f'grave events, {kind}, {case}', 'grave_events', criteria, feed, complete
    for case, feed, complete in (
        ('nothing', _nothing, COMPLETE),
        ('one version', _categories(30, 9, control=False), PENDING),
        ('few', _categories(10, 9), COMPLETE),
        ('equal', _categories(150, 9), PENDING),
        ('equal', _categories(150, 9), COMPLETE),
        ('collapsed', _categories(150, 1), PENDING),
    ):
        yield f'categories, {case}', 'categories', {'max_category_drop': 0.5}, feed, complete
    yield from _figure_cases()
    for case, feed, complete in (
        ('nothing', _shadow(0, 0), COMPLETE),
        ('agrees', _shadow(60, 20), PENDING),
        ('agrees', _shadow(60, 20), COMPLETE),
        ('disagrees', _shadow(60, 16), PENDING),
    ):
        yield f'shadow, {case}', 'shadow', {'min_shadow_agreement': 0.95}, feed, complete
    for case, feed, complete in (
        ('nothing', _nothing, COMPLETE),
        ('as trained', _inputs(100), COMPLETE),
        ('drifted', _inputs(1000), PENDING),
    ):
        yield f'input drift, {case}', 'input_drift', {'max_input_drift': 0.2}, feed, complete
    for lost, complete in ((1, PENDING), (1, COMPLETE), (2, COMPLETE)):
        criteria = {'max_unreachable_share': 0.1}
        yield f'unreachable, {lost}', 'unreachable', criteria, _reach(lost), complete
    for candidate, complete in ((0, COMPLETE), (1, PENDING), (1, COMPLETE), (3, COMPLETE)):
        criteria = {'sample_ratio_alpha': 0.001}
        yield f'sample ratio, {candidate}', 'sample_ratio', criteria, _split(candidate), complete


def _nothing(gate: Gate) -> None:
    CountingRobot('amr_001', 'v23').tell(gate)


def _pairs(number: int, candidate: int, control: int) -> Feed:
    """Run tasks of both versions; so many in ten succeed."""

    def feed(gate: Gate) -> None:
        amr = CountingRobot('amr_001', 'v23').tell(gate)
        for index in range(number):
            amr.run('v24', succeeded=int((index * 7) % 10 < candidate))
            amr.run('v23', succeeded=int((index * 3) % 10 < control)).tell(gate)

    return feed


def _candidate_alone(gate: Gate) -> None:
    CountingRobot('amr_001', 'v23').tell(gate).run('v24', 500).tell(gate)


def _strata(gate: Gate) -> None:
    """Run tasks on a good and a poor robot of different shares, as good with either version."""
    good, poor = (CountingRobot(name, 'v23') for name in ('amr_001', 'amr_002'))
    good.tell(gate, 0.2), poor.tell(gate, 0.8)
    for index in range(200):
        good.run('v23', 4, succeeded=4).run('v24', succeeded=1).tell(gate, 0.2)
        poor.run('v23', succeeded=index % 2).run('v24', 4, succeeded=2).tell(gate, 0.8)


def _history(gate: Gate) -> None:
    for number in range(20):
        amr = CountingRobot(f'amr_{number}', 'v23').run('v23', 100, succeeded=92).tell(gate)
        for index in range(12):
            amr.run('v24', succeeded=int(index % 10 < 6)).tell(gate)


def _requests(tasks: int, bad: int, spell: int = 0) -> Feed:
    """Run tasks of 100 requests, of which so many are slow and fail; one has a `spell` of them."""

    def feed(gate: Gate) -> None:
        amr = CountingRobot('amr_001', 'v23').tell(gate)
        for index in range(tasks):
            number = spell if spell and index == tasks // 2 else bad
            latency = {10.0: 100 - number, 75.0: number}
            amr.run('v24', latency_ms=latency, errors=number).run('v23').tell(gate)
        if spell:
            amr.run('v24', latency_ms={10.0: 100, 75.0: 300}, errors=90).tell(gate)

    return feed


def _slower(tasks: int, edge_ms: float) -> Feed:
    def feed(gate: Gate) -> None:
        amr = CountingRobot('amr_001', 'v23').run('v23', latency_ms={5.0: 960, 10.0: 40})
        amr.tell(gate).run('v23').tell(gate)
        for _ in range(tasks):
            amr.run('v24', latency_ms={5.0: 60, edge_ms: 40})
            amr.run('v23', latency_ms={5.0: 100}).tell(gate)

    return feed


def _figure_cases() -> Iterator[tuple[str, str, dict[str, Any], Feed, bool]]:
    for name, asked in (
        ('progress', {'max_progress_drop': 0.05}),
        ('duration', {'max_duration_increase': 0.2, 'duration_limit_s': 60}),
        ('interventions', {'no_more_interventions': True}),
    ):
        for case, feed, complete in (
            ('nothing', _nothing, COMPLETE),
            ('few', _figures(10), COMPLETE),
            ('not reported', _pairs(30, 9, 9), COMPLETE),
            ('equal', _figures(300), PENDING),
            ('equal', _figures(300), COMPLETE),
            ('worse', _figures(300, 2), PENDING),
        ):
            yield f'{name}, {case}', name, asked, feed, complete
        signal = {**asked, 'signals': (name,)}
        yield f'{name}, signal', name, signal, _figures(300, 2), PENDING


def _figures(tasks: int, worse: int = 1) -> Feed:
    """Run tasks one by one, in an order that looks random."""

    def feed(gate: Gate) -> None:
        amr = CountingRobot('amr_001', 'v23').tell(gate, 0.5)
        for index in range(2 * tasks):
            version = 'v24' if (index * index // 7) % 2 else 'v23'
            bad = worse if version == 'v24' else 1
            asked = int(index % (9 if bad == 1 else 2) == 0)
            amr.run(version, progress=0.9 / bad, seconds=25 * bad, interventions=asked)
            amr.tell(gate, 0.5)

    return feed


def _stuck(times: int, tasks: int = 30) -> Feed:
    def feed(gate: Gate) -> None:
        for name in ('amr_001', 'amr_002', 'amr_003', 'amr_004'):
            amr = CountingRobot(name, 'v23').tell(gate)
            amr.run('v24', tasks // 4, stuck=0).run('v24', times, stuck=times).tell(gate)

    return feed


def _grave(kind: str, tasks: int, every: int) -> Feed:
    def feed(gate: Gate) -> None:
        amr = CountingRobot('amr_001', 'v23').tell(gate)
        for index in range(tasks):
            bad = bool(every) and index % every == 0
            events = {'stuck': int(bad)} if kind == 'stuck' else {'errors': 3 * bad}
            amr.run('v24', **events).run('v23').tell(gate)

    return feed


def _categories(tasks: int, cups: int, *, control: bool = True) -> Feed:
    """Run tasks of two categories; so many in ten of the candidate's succeed with cups."""

    def feed(gate: Gate) -> None:
        rates = {'v23': (9, 9), 'v24': (9, cups)} if control else {'v24': (9, cups)}
        for index in range(tasks + 1):
            counters = {
                version: VersionCounters(
                    tasks=TaskCounts(2 * index, 2 * index, 2 * index),
                    categories={
                        name: TaskCounts(index, index, index * rate // 10)
                        for name, rate in zip(('boxes', 'cups'), both)
                    },
                )
                for version, both in rates.items()
            }
            gate.observe('amr_001', 'v23', 'boot', counters, 0.5)

    return feed


def _shadow(tasks: int, agreed: int) -> Feed:
    """Run tasks of 20 steps, in so many of which the shadow agrees."""

    def feed(gate: Gate) -> None:
        for index in range(tasks + 1):
            compared = ShadowCounts(20 * index, 0, 20 * index, agreed * index)
            counters = {
                'v23': VersionCounters(tasks=TaskCounts(index, index, index)),
                'v24': VersionCounters(shadow=compared),
            }
            gate.observe('amr_001', 'v23', 'boot', counters)

    return feed


def _inputs(last: int) -> Feed:
    def feed(gate: Gate) -> None:
        for bins in ((0,) * 10, (100,) * 9 + (last,)):
            counters = {'v24': VersionCounters(inputs={'observation[0]': bins})}
            gate.observe('amr_001', 'v23', 'boot', counters)

    return feed


def _reach(lost: int) -> Feed:
    return lambda gate: gate.reach(lost, 10)


def _split(candidate: int) -> Feed:
    def feed(gate: Gate) -> None:
        amr = CountingRobot('amr_001', 'v23').tell(gate, 0.5)
        for _ in range(100 if candidate else 0):
            amr.run('v24', candidate).run('v23', 1).tell(gate, 0.5)

    return feed


def _moves() -> Iterator[tuple[str, str]]:
    """Yield the sentences of the control loop of a flag."""

    def said(verdict: Verdict) -> list[CheckResult]:
        return [CheckResult('success', verdict, 'e-process', f'[{verdict.value}]')]

    for case, share, checks, tasks in (
        ('start', 0.0, [], 0),
        ('few tasks', 0.2, said(Verdict.PASS), 5),
        ('nothing checked', 0.2, [], 50),
        ('inconclusive', 0.2, said(Verdict.INCONCLUSIVE), 50),
        ('worse', 0.2, said(Verdict.FAIL), 50),
        ('not worse', 0.2, said(Verdict.PASS), 50),
        ('at the top', 1.0, said(Verdict.PASS), 50),
    ):
        yield f'flag, {case}', next_share(share, checks, tasks, Ramp()).sentence
