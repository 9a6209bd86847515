# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Conclusions, warnings, notes and errors of reports on trials and shadows."""

from collections.abc import Callable, Iterator, Sequence

from hotswap_ros.gates.analysis import (
    AnalysisError,
    Question,
    Record,
    ShadowTask,
    TrainingFeature,
    Trial,
    analyze,
    analyze_shadow,
    decile_drift,
)
from hotswap_ros.gates.analysis.planned_looks import obrien_fleming_bounds


def sentences() -> Iterator[tuple[str, str]]:
    """Yield the sentences of reports, each remark once, and the errors of other data."""
    seen: set[str] = set()
    for name, trial, question in _trials():
        report = analyze(trial, question=question)
        lines = (report.sentence, *report.warnings, *report.notes)
        yield f'trial, {name}, {report.action.value}', '\n'.join(_new(lines, seen))
    for name, tasks in _shadows():
        shadowed = analyze_shadow(tasks, 'v23', 'v24')
        lines = (shadowed.sentence, *shadowed.remarks)
        yield f'shadow, {name}, {shadowed.action.value}', '\n'.join(_new(lines, seen))
    for name, refused in _refused():
        try:
            refused()
        except (AnalysisError, ValueError) as error:
            yield f'error, {name}', str(error)


def _new(lines: Sequence[str], seen: set[str]) -> list[str]:
    found = [line for line in lines if line not in seen]
    seen.update(found)
    return found


def _counts(control: int, candidate: int, tasks: int = 10_000, other: int = 10_000) -> Trial:
    return Trial.of([Record('v23', tasks, control), Record('v24', other, candidate)])


def _within(tasks: int, robots: int, candidate: int, control: int = 9, start: int = 0) -> Trial:
    """Return tasks of both versions in turn on each robot; so many in ten succeed."""
    records = [
        Record(
            ('v23', 'v24')[(number // robots) % 2 if number >= start else 0],
            1,
            int(number // robots // 2 * 7 % 10 < (control, candidate)[(number // robots) % 2]),
            robot_id=f'r{number % robots}',
            time=float(number),
        )
        for number in range(tasks)
    ]
    return Trial.of(records)


def _across(tasks: int, robots: int) -> Trial:
    records = [
        Record(
            ('v23', 'v24')[number % robots % 2],
            1,
            int((number // robots * 7 + number % robots) % 10 < 8 + number % robots % 2),
            robot_id=f'r{number % robots}',
            time=float(number),
        )
        for number in range(tasks)
    ]
    return Trial.of(records)


def _trials() -> Iterator[tuple[str, Trial, Question]]:
    usual = Question()
    yield 'equal', _counts(9200, 9210), usual
    yield 'better', _counts(9200, 9400), usual
    yield 'little better', _counts(92_000, 92_500, 100_000, 100_000), usual
    yield 'worse', _counts(9400, 9200), usual
    yield 'few', _counts(92, 91, 100, 100), usual
    yield 'one-sided', _counts(920, 941, 1000, 1000), Question(one_sided=True)
    yield 'broken assignment', _counts(9200, 10_340, other=11_000), Question(share=0.5)
    yield 'unplanned assignment', _counts(9200, 10_340, other=11_000), usual
    yield 'within robots', _within(2000, 10, 9), usual
    yield 'within robots, worse', _within(2000, 10, 6), usual
    yield 'late start', _within(2000, 10, 9, start=500), usual
    yield 'one robot', _within(400, 1, 9), usual
    yield 'few robots', _across(1200, 6), usual
    yield 'running', _within(2000, 10, 9), Question(planned=5000)
    yield 'running, better', _within(4000, 10, 10, control=6), Question(planned=5000)


def _tasks(number: int, apart: int, steps: int = 20, **fields: float) -> list[ShadowTask]:
    return [
        ShadowTask(f't{n}', steps, steps - (n < apart), steps)._replace(**fields)
        for n in range(number)
    ]


def _shadows() -> Iterator[tuple[str, Sequence[ShadowTask]]]:
    yield 'agrees', _tasks(1000, 0)
    yield 'disagrees', _tasks(500, 400)
    yield 'few', _tasks(10, 0)
    yield 'little compared', [ShadowTask(f't{n}', 4, 4, 10) for n in range(100)]
    yield 'unknown coverage', [ShadowTask(f't{n}', 4, 4) for n in range(100)]
    for name, won in (('better', 95), ('worse', 70), ('open', 89)):
        yield (
            f'estimated {name}',
            [
                task._replace(success=float(n % 10 > 0), shadow_success=float(n % 100 < won))
                for n, task in enumerate(_tasks(400, 300))
            ],
        )
    yield (
        'off-policy',
        [
            task._replace(success=float(n % 10 > 0), propensity=0.5, shadow_propensity=n % 20 == 0)
            for n, task in enumerate(_tasks(300, 200))
        ],
    )


def _refused() -> Iterator[tuple[str, Callable[[], object]]]:
    def trial(*versions: str, tasks: int = 50) -> Trial:
        return Trial.of([Record(version, tasks, tasks - 1) for version in versions])

    yield 'no tasks', lambda: analyze(Trial.of([]))
    yield 'one version', lambda: analyze(trial('v23'))
    yield 'three versions', lambda: analyze(trial('v23', 'v24', 'v25'))
    yield 'unknown version', lambda: analyze(trial('v23', 'v24'), control='v1')
    yield 'same version', lambda: analyze(trial('v23', 'v24'), 'v23', 'v23')
    yield 'few tasks', lambda: analyze(trial('v23', 'v24', tasks=5))
    yield 'looks', lambda: obrien_fleming_bounds([0.5, 0.4])
    yield 'nothing compared', lambda: analyze_shadow([])
    odd = _tasks(50, 0, success=1.0, propensity=0.0, shadow_propensity=0.5)
    yield 'propensities', lambda: analyze_shadow(odd)
    yield 'no counts', lambda: decile_drift('goal[0]', [0] * 10)
    yield 'edges', lambda: TrainingFeature('goal[0]', (), (1.0,))
    yield 'shares', lambda: TrainingFeature('goal[0]', (1.0, 2.0), (0.5, 0.5))
    yield 'sum of shares', lambda: TrainingFeature('goal[0]', (1.0,), (0.5, 0.9))
