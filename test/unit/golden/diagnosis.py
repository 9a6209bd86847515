# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Hypotheses of diagnoses: title, remedy and evidence, by kind and finding."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from hotswap_ros.gates.diagnosis import (
    AnalysisError,
    Case,
    Drift,
    Hypothesis,
    Record,
    Requests,
    Review,
    diagnose,
)

Rates = Mapping[str, tuple[int, int]]
SAME = {'near': (92, 92), 'far': (92, 92), 'heavy': (92, 92)}
WORSE = {'near': (92, 80), 'far': (92, 80), 'heavy': (92, 80)}
BROKEN = {'near': (92, 92), 'far': (92, 30), 'heavy': (92, 92)}
LAB = {'near': 0.92, 'far': 0.92, 'heavy': 0.92}


def sentences() -> Iterator[tuple[str, str]]:
    """Yield the texts of each hypothesis, one for each kind and finding, and the conclusions."""
    seen: set[tuple[str, str]] = set()
    for name, case in _cases():
        found = diagnose(case)
        yield f'conclusion, {name}', found.sentence
        for one in found.hypotheses:
            if (one.kind, one.finding.value) not in seen:
                yield f'{one.kind}, {one.finding.value}', _text(one)
            seen.add((one.kind, one.finding.value))
    try:
        diagnose(Case('v23', 'v24', (Record('v23'),)))
    except AnalysisError as error:
        yield 'error, no tasks', str(error)


def _text(one: Hypothesis) -> str:
    lines = [f'{one.title}. {one.text} {one.remedy}']
    lines += [f'+ {line}' for line in one.supports]
    return '\n'.join([*lines, *(f'- {line}' for line in one.objects)])


def _tasks(rates: Rates, robots: int = 8, error: str = '', stuck: int = 0) -> Case:
    """Return a hundred tasks of both versions for each category and robot, with so many good."""
    records = [
        Record(version, 100, good, stuck * (version == 'v24'), f'r{robot}', category, error=error)
        for category, both in rates.items()
        for robot in range(robots)
        for version, good in zip(('v23', 'v24'), both)
    ]
    return Case('v23', 'v24', tuple(records))


def _single(case: Case) -> Case:
    """Return a case with one record for each task, so that tasks have ids."""
    records: list[Record] = []
    for one in case.records:
        for number in range(one.tasks):
            won = int(number < one.successes)
            name = f't{len(records)}'
            records.append(one._replace(tasks=1, successes=won, task_id=name))
    return replace(case, records=tuple(records))


def _drift(psi: float) -> Drift:
    return Drift('goal[0]', 5000, psi, psi / 4, 0.002, 0.8, 0.3)


def _requests(cause: str, bad: Mapping[str, int]) -> tuple[Requests, ...]:
    return tuple(
        Requests(version, robot, 1000, {cause: number} if version == 'v24' and number else {})
        for robot, number in bad.items()
        for version in ('v23', 'v24')
    )


def _cases() -> Iterator[tuple[str, Case]]:
    yield 'equal', _tasks(SAME)
    yield (
        'worse everywhere',
        replace(_tasks(WORSE, error='dropped'), lab=dict.fromkeys(LAB, 0.8), control_lab=LAB),
    )
    yield 'broken category', _tasks(BROKEN)
    yield 'overfitting', replace(_tasks(BROKEN), known=frozenset({'near', 'heavy'}), lab=LAB)
    yield 'no new category', replace(_tasks(WORSE), known=frozenset(LAB), lab=LAB)
    yield 'drift', replace(_tasks(WORSE), drifts=(_drift(0.6),), control_drifts=(_drift(0.02),))
    yield (
        'some drift',
        replace(_tasks(WORSE), drifts=(_drift(0.15),), control_drifts=(_drift(0.3),)),
    )
    yield 'no drift', replace(_tasks(WORSE), drifts=(_drift(0.02),))
    yield 'one category', _tasks({'near': (92, 80)}, robots=2)
    one_robot = _tasks(SAME)
    yield (
        'a few robots',
        replace(
            one_robot,
            records=tuple(
                r._replace(successes=20) if (r.version, r.robot_id) == ('v24', 'r3') else r
                for r in one_robot.records
            ),
        ),
    )
    yield from _in_places()
    yield from _reviewed()
    yield from _observed()


def _in_places() -> Iterator[tuple[str, Case]]:
    equal = _tasks(SAME)
    labels = {f'r{robot}': (f'firmware={robot % 2}',) for robot in range(8)}
    yield 'no label', replace(equal, labels=labels)

    def failing(record: Record, *, here: bool) -> Record:
        return record._replace(successes=70) if here and record.version == 'v24' else record

    some = tuple(failing(r, here=r.robot_id in ('r1', 'r3', 'r5', 'r7')) for r in equal.records)
    yield 'a label', replace(equal, records=some, labels=labels)
    timed = [r._replace(time=1.7e9 + 3600 * hour) for hour in range(9) for r in equal.records]
    yield 'no period', replace(equal, records=tuple(timed))
    late = tuple(failing(r, here=r.time > 1.7e9 + 6.5 * 3600) for r in timed)
    yield 'a period', replace(equal, records=late)


def _reviewed() -> Iterator[tuple[str, Case]]:
    def reviews(right: int, version: str) -> tuple[Review, ...]:
        return tuple(Review(f't{number}', version, number < right) for number in range(100))

    worse = _tasks(WORSE)
    yield 'noisy labels', replace(worse, reviews=reviews(20, 'v24'))
    both = (*reviews(20, 'v24'), *reviews(20, 'v23'))
    yield 'noisy labels of both', replace(worse, reviews=both)
    yield 'clean labels', replace(worse, reviews=reviews(1, 'v24'))
    single = _single(_tasks(WORSE, robots=7))
    ids = [record.task_id for record in single.of_candidate]
    failed = {record.task_id for record in single.of_candidate if not record.successes}
    yield (
        'disagreement',
        replace(single, apart={name: name in failed or i % 5 == 0 for i, name in enumerate(ids)}),
    )
    yield 'no disagreement', replace(single, apart={n: i % 5 == 0 for i, n in enumerate(ids)})
    yield (
        'strange inputs',
        replace(
            single,
            drifts=(_drift(0.6),),
            watched=frozenset(ids),
            strange=frozenset([*sorted(failed)[:200], *ids[:50]]),
        ),
    )


def _observed() -> Iterator[tuple[str, Case]]:
    equal = _tasks(SAME)
    stopped = {'grave_events': 'v24 had more fallbacks'}
    for cause in (
        'exception',
        'output',
        'not_finite',
        'out_of_bounds',
        'deadline',
        'crash',
        'rate_limit',
    ):
        yield (
            cause,
            replace(
                equal,
                requests=_requests(cause, {'r1': 40, 'r2': 50}),
                stopped_by=stopped,
                breakers={'r1': cause},
            ),
        )
    slow = {f'r{number}': 900 if number < 2 else 5 for number in range(9)}
    yield 'slow robots', replace(equal, requests=_requests('deadline', slow), stopped_by=stopped)
    yield 'refused', replace(equal, refusals={'r1': 'no space left', 'r2': 'no space left'})
    yield 'disabled', replace(equal, given_up={'r1': 'its worker leaks'})
    yield 'latency', replace(equal, stopped_by={'latency': 'v24 was too slow.'})
    yield 'shadow', replace(equal, stopped_by={'shadow': 'v24 agreed too seldom.'})
    yield 'stuck', replace(_tasks(WORSE, stuck=15), stopped_by=stopped)
    yield 'stuck only', replace(_tasks(SAME, stuck=6), stopped_by=stopped)
