# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tasks: the version that each stays on, its counts, and its end."""

import math
from typing import Any

import pytest

from hotswap_ros.models import TaskCounts
from hotswap_ros.serving import (
    Engine,
    InvalidReportError,
    ObservationError,
    Routing,
    TaskOutcome,
    UnknownTaskError,
)


@pytest.fixture(autouse=True)
def loaded(make_version: Any, engine: Engine) -> None:
    for version in ('v1', 'v2', 'v3'):
        make_version(version)
        engine.load(version)
    engine.set_routing(Routing('policy', 'v1'))


@pytest.fixture
def version_of(engine: Engine, observe: Any) -> Any:
    """Return a function that infers for a task and returns the version that answered."""
    return lambda task: engine.infer(observe(), task).version


def route(engine: Engine, stable: str, candidate: str = '', share: float = 1.0) -> None:
    share = share if candidate else 0.0
    generation = engine.routing.generation + 1
    engine.set_routing(Routing('policy', stable, candidate, share, generation=generation))


def test_tasks_are_shared_out_as_the_routing_says(engine: Engine, version_of: Any) -> None:
    route(engine, 'v1', 'v2', 0.3)
    for number in range(100):
        assert version_of(f'task-{number}') == engine.routing.assign(f'task-{number}')


def test_a_task_stays_where_it_began(engine: Engine, version_of: Any) -> None:
    assert version_of('old') == 'v1'
    route(engine, 'v1', 'v2')
    assert version_of('old') == 'v1'
    assert version_of('new') == 'v2'
    route(engine, 'v1', 'v2', share=0.0)
    assert version_of('new') == 'v2'
    assert version_of('newest') == 'v1'


def test_promotion_moves_no_task(engine: Engine, version_of: Any) -> None:
    version_of('old')
    route(engine, 'v1', 'v2')
    version_of('new')
    route(engine, 'v2')
    assert version_of('old') == 'v1'
    assert version_of('new') == 'v2'


def test_a_dropped_candidate_hands_over_for_good(engine: Engine, version_of: Any) -> None:
    route(engine, 'v1', 'v2')
    assert version_of('task') == 'v2'
    route(engine, 'v1')
    assert version_of('task') == 'v1'
    engine.unload('v2')
    engine.load('v2')
    route(engine, 'v1', 'v2')
    assert version_of('task') == 'v1'
    # Whoever began it answers for its outcome.
    assert engine.report_task('task', False).version == 'v2'
    counters = engine.counters()
    assert counters['v2'].tasks == TaskCounts(started=1, finished=1)
    assert counters['v1'].tasks == TaskCounts()
    assert (counters['v1'].requests, counters['v2'].requests) == (2, 1)


def test_what_was_handed_over_stays_like_any_task_of_stable(
    engine: Engine, version_of: Any
) -> None:
    route(engine, 'v1', 'v2')
    version_of('task')
    route(engine, 'v1')
    version_of('task')
    route(engine, 'v3')
    assert version_of('task') == 'v1'


def test_an_exchanged_candidate_hands_over_too(engine: Engine, version_of: Any) -> None:
    route(engine, 'v1', 'v2')
    version_of('task')
    route(engine, 'v1', 'v3')
    assert version_of('task') == 'v1'
    assert version_of('another') == 'v3'


def test_a_candidate_dropped_and_back_between_two_inferences_has_lost_its_tasks(
    engine: Engine, version_of: Any
) -> None:
    route(engine, 'v1', 'v2')
    version_of('task')
    route(engine, 'v1')
    route(engine, 'v1', 'v2')
    assert version_of('task') == 'v1'


def test_counts(engine: Engine, version_of: Any) -> None:
    for task in ('good', 'bad', 'stuck', 'odd', 'open'):
        version_of(task)
    engine.report_task('good', True)
    engine.report_task('bad', False)
    engine.report_task('stuck', False, stuck=True)
    engine.report_task('odd', True, stuck=True)
    expected = TaskCounts(started=5, finished=4, succeeded=1, stuck=2, progress=1000)
    assert engine.counters()['v1'].tasks == expected
    assert engine.counters()['v1'].categories == {}


def test_figures_of_tasks(engine: Engine, clock: Any, version_of: Any) -> None:
    """Progress, durations and interventions add up; what is not reported follows from the rest."""
    for task in ('measured', 'reported', 'failed', 'silent'):
        version_of(task)
    clock.now += 2.5
    engine.report_task('measured', True)
    engine.report_task('reported', True, progress=0.8, duration_s=4.0, interventions=1)
    engine.report_task('failed', False, progress=0.25, duration_s=9.0, interventions=2)
    clock.now += 100
    engine.tick()
    counts = engine.counters()['v1'].tasks
    assert (counts.finished, counts.timed_out) == (4, 1)
    assert (counts.progress, counts.progress_reports) == (2050, 2)
    assert (counts.duration_ms, counts.interventions) == (6500, 3)


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('progress', 1.01),
        ('progress', -0.1),
        ('progress', math.nan),
        ('duration_s', -1.0),
        ('duration_s', math.inf),
        ('interventions', -1),
        ('interventions', 1_000_000),
    ],
)
def test_figures_that_cannot_be_right_end_no_task(
    engine: Engine, version_of: Any, field: str, value: float
) -> None:
    version_of('task')
    with pytest.raises(InvalidReportError) as caught:
        engine.report_task('task', True, **{field: value})
    assert caught.value.field == field
    assert engine.report_task('task', True).version == 'v1'


def test_categories(engine: Engine, observe: Any) -> None:
    engine.infer(observe(), 'a', 'cups')
    engine.infer(observe(), 'a', 'another name is ignored')
    engine.infer(observe(), 'b', 'plates')
    engine.infer(observe(), 'c')
    assert engine.report_task('a', True) == TaskOutcome('v1', 'cups')
    assert engine.report_task('c', True) == TaskOutcome('v1', '')
    counters = engine.counters()['v1']
    assert counters.categories == {
        'cups': TaskCounts(started=1, finished=1, succeeded=1, progress=1000),
        'plates': TaskCounts(started=1),
    }
    assert counters.tasks == TaskCounts(started=3, finished=2, succeeded=2, progress=2000)


def test_a_task_is_reported_once(engine: Engine, version_of: Any) -> None:
    version_of('task')
    engine.report_task('task', True)
    with pytest.raises(UnknownTaskError, match="task 'task' is not under way"):
        engine.report_task('task', True)
    with pytest.raises(UnknownTaskError):
        engine.report_task('never', True)


def test_a_task_without_requests_times_out(engine: Engine, clock: Any, version_of: Any) -> None:
    version_of('busy')
    version_of('silent')
    clock.now += 40
    version_of('busy')
    clock.now += 20
    assert engine.tick()
    assert engine.counters()['v1'].tasks == TaskCounts(started=2, finished=1, timed_out=1)
    with pytest.raises(UnknownTaskError, match='timed out'):
        engine.report_task('silent', True)
    assert not engine.tick()
    engine.report_task('busy', True)


def test_a_bad_first_observation_begins_no_task(engine: Engine) -> None:
    with pytest.raises(ObservationError):
        engine.infer({}, 'task')
    counters = engine.counters()['v1']
    assert counters.tasks == TaskCounts()
    assert (counters.requests, counters.errors) == (0, 0)


def test_a_bad_later_observation_is_not_the_model_s_error(engine: Engine, version_of: Any) -> None:
    version_of('task')
    with pytest.raises(ObservationError):
        engine.infer({}, 'task')
    assert (engine.counters()['v1'].requests, engine.counters()['v1'].errors) == (1, 0)


def test_a_task_has_a_name(engine: Engine, observe: Any) -> None:
    with pytest.raises(ObservationError, match='task_id: expected the name of a task'):
        engine.infer(observe(), '')


def test_every_sixteenth_observation_is_counted_beside_its_training_data(
    make_version: Any, observe: Any
) -> None:
    deciles = [number / 10 for number in range(1, 10)]
    statistics = {'observation[0]': {'mean': 0.5, 'std': 0.3, 'deciles': deciles}}
    make_version('v1', input_statistics=statistics)
    engine = Engine(make_version.repository, 'policy')
    engine.load('v1')
    engine.set_routing(Routing('policy', 'v1'))
    for number in range(64):
        engine.infer(observe(0.25 if number < 32 else 7.0), 'task')
    expected = (0, 0, 2, 0, 0, 0, 0, 0, 0, 2)
    assert engine.counters()['v1'].inputs == {'observation[0]': expected}
