# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One cause at a time is planted; the diagnosis has to name it, and what speaks against others."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from hotswap_ros.gates import wilson_interval
from hotswap_ros.gates.analysis import TrainingFeature, feature_drift
from hotswap_ros.gates.diagnosis import (
    AnalysisError,
    Case,
    Diagnosis,
    Drift,
    Finding,
    Hypothesis,
    Record,
    Requests,
    Review,
    decile_drift,
    diagnose,
)

CATEGORIES = ('near', 'far', 'heavy')


def drawn(
    rate: Callable[[str, str, str], float], tasks: int = 6000, robots: int = 12, seed: int = 1
) -> Case:
    """Draw tasks; `rate` gives a success rate for (version, category, robot)."""
    chance = random.Random(seed)
    records = []
    for number in range(tasks):
        version, category = chance.choice(('v23', 'v24')), chance.choice(CATEGORIES)
        robot = f'r{number % robots}'
        won = chance.random() < rate(version, category, robot)
        records.append(
            Record(
                version,
                successes=int(won),
                robot_id=robot,
                category=category,
                task_id=f't{number}',
                error='' if won else 'dropped',
            )
        )
    return Case('v23', 'v24', tuple(records))


def everywhere(drop: float) -> Callable[[str, str, str], float]:
    return lambda version, category, robot: 0.92 - drop * (version == 'v24')


def find(diagnosis: Diagnosis, kind: str) -> Hypothesis:
    return next(one for one in diagnosis.hypotheses if one.kind == kind)


def test_an_equal_version_needs_no_cause() -> None:
    found = diagnose(drawn(everywhere(0.0)))
    assert found.hypotheses[0].kind == 'chance'
    assert not [one for one in found.hypotheses if one.finding is Finding.SUPPORTED]


def test_a_drop_everywhere_is_neither_a_category_nor_a_robot() -> None:
    found = diagnose(drawn(everywhere(0.1)))
    assert find(found, 'chance').finding is Finding.UNSUPPORTED
    category = find(found, 'category')
    assert category.finding is Finding.UNSUPPORTED
    assert category.objects[0].startswith('2 of 2 others ')
    assert find(found, 'robots').finding is Finding.UNSUPPORTED
    assert find(found, 'failure').finding is Finding.SUPPORTED


def test_a_broken_category_is_named() -> None:
    found = diagnose(drawn(lambda v, c, r: 0.3 if (v, c) == ('v24', 'heavy') else 0.9))
    assert found.hypotheses[0].kind == 'category'
    assert 'heavy' in found.hypotheses[0].text
    assert 'less than half of the rate' in found.hypotheses[0].supports[0]
    assert next(iter(found.categories)) == 'heavy'


def test_failing_on_what_is_new_alone_is_overfitting() -> None:
    case = drawn(lambda v, c, r: 0.7 if (v, c) == ('v24', 'far') else 0.92)
    case = replace(case, known=frozenset({'near', 'heavy'}))
    overfitting = find(diagnose(case), 'overfitting')
    assert overfitting.finding is Finding.SUPPORTED
    assert overfitting.strength > 0.8
    assert 'New categories: 2' in overfitting.supports[0]


def test_failing_on_both_is_not_overfitting() -> None:
    """The guide's case: it fails on new and on old tasks."""
    case = replace(drawn(everywhere(0.12)), known=frozenset({'near', 'heavy'}))
    overfitting = find(diagnose(case), 'overfitting')
    assert overfitting.finding is Finding.UNSUPPORTED
    assert any('known categories' in line for line in overfitting.objects)


def test_a_lab_that_promised_more_supports_overfitting() -> None:
    known = dict.fromkeys(CATEGORIES, 0.95)
    case = replace(drawn(everywhere(0.12)), known=frozenset(known), lab=known)
    overfitting = find(diagnose(case), 'overfitting')
    assert overfitting.finding is Finding.POSSIBLE
    assert '95.0% in the lab' in overfitting.supports[0]


def drifted(shift: float, case: Case) -> Case:
    rng = np.random.default_rng(4)
    goal = TrainingFeature.of_samples('goal', rng.normal(size=5000))
    other = TrainingFeature.of_samples('speed', rng.normal(size=5000))
    return replace(
        case,
        drifts=(
            feature_drift(goal, rng.normal(shift, size=3000), 1000),
            feature_drift(other, rng.normal(size=3000), 1000),
        ),
    )


def test_drift_is_named_with_its_feature() -> None:
    """The guide's case: two weeks of drift."""
    drift = find(diagnose(drifted(1.0, drawn(everywhere(0.1)))), 'drift')
    assert drift.finding is Finding.SUPPORTED
    assert drift.supports[0].startswith('goal: stability index')
    assert drift.text.startswith('1 of 2 features ')
    none = find(diagnose(drifted(0.0, drawn(everywhere(0.1)))), 'drift')
    assert none.finding is Finding.UNSUPPORTED
    assert none.objects[0].startswith('None of 2 features ')


def test_drift_that_does_no_harm_is_only_possible() -> None:
    case = drifted(1.0, drawn(everywhere(0.1)))
    tasks = [record.task_id for record in case.of_candidate]
    harmless = replace(case, watched=frozenset(tasks), strange=frozenset(tasks[::3]))
    assert find(diagnose(harmless), 'drift').finding is Finding.POSSIBLE
    failed = [r.task_id for r in case.of_candidate if not r.successes]
    harmful = replace(case, watched=frozenset(tasks), strange=frozenset(failed[:200] + tasks[:50]))
    drift = find(diagnose(harmful), 'drift')
    assert drift.finding is Finding.SUPPORTED
    assert any('inputs beyond the training data' in line for line in drift.supports)


def reviews(right: int, n: int, version: str = 'v24') -> tuple[Review, ...]:
    return tuple(Review(f't{number}', version, number < right) for number in range(n))


def test_mislabelled_failures_are_noise() -> None:
    """The guide's case: 20 of 100 reviewed failures were right."""
    noise = find(
        diagnose(replace(drawn(everywhere(0.1)), reviews=reviews(20, 100))), 'label_noise'
    )
    assert noise.finding is Finding.SUPPORTED
    assert '20 of 100 reviewed failures (20.0%, 95% interval 13.3% to 28.9%)' in noise.supports[0]
    assert noise.objects[0].startswith('No failures of v23 were reviewed')


def test_noise_of_both_versions_explains_no_difference() -> None:
    both = (*reviews(20, 100), *reviews(20, 100, 'v23'))
    noise = find(diagnose(replace(drawn(everywhere(0.1)), reviews=both)), 'label_noise')
    assert '20 of 100 reviewed failures' in noise.objects[0]
    assert 'worse' in noise.objects[0]


@pytest.mark.parametrize(
    ('right', 'n', 'finding'),
    [(0, 100, Finding.UNSUPPORTED), (1, 100, Finding.UNSUPPORTED), (1, 10, Finding.POSSIBLE)],
)
def test_little_noise(right: int, n: int, finding: Finding) -> None:
    case = replace(drawn(everywhere(0.1)), reviews=reviews(right, n))
    assert find(diagnose(case), 'label_noise').finding is finding


def test_failing_where_it_decides_otherwise() -> None:
    case = drawn(everywhere(0.1))
    chance = random.Random(5)
    apart = {r.task_id: chance.random() < (0.3 if r.successes else 0.8) for r in case.of_candidate}
    found = find(diagnose(replace(case, apart=apart)), 'disagreement')
    assert found.finding is Finding.SUPPORTED
    assert 'failed tasks' in found.supports[0]
    assert 'v23 would' in found.objects[-1]


def test_disagreement_that_has_nothing_to_do_with_failing() -> None:
    case, chance, alarms = drawn(everywhere(0.1)), random.Random(5), 0
    for _ in range(40):
        apart = {record.task_id: chance.random() < 0.3 for record in case.of_candidate}
        found = find(diagnose(replace(case, apart=apart)), 'disagreement')
        assert found.finding is not Finding.SUPPORTED
        alarms += found.finding is Finding.POSSIBLE
    assert wilson_interval(alarms, 40).low <= 0.05


def test_a_few_robots() -> None:
    found = diagnose(drawn(lambda v, c, r: 0.4 if (v, r) == ('v24', 'r3') else 0.92))
    robots = find(found, 'robots')
    assert robots.finding is Finding.SUPPORTED
    assert robots.supports[0].startswith('r3: ')
    assert next(iter(found.robots)) == 'r3'


def test_a_way_of_its_own_comes_after_a_cause() -> None:
    case = drawn(lambda v, c, r: 0.3 if (v, c) == ('v24', 'heavy') else 0.9)
    found = diagnose(case)
    first, *others = [one for one in found.hypotheses if one.finding is Finding.SUPPORTED]
    assert first.kind == 'category'
    assert any(one.is_symptom for one in others)
    assert found.sentence.startswith(first.title)
    assert all(one.title in found.sentence for one in others)


def test_what_was_not_recorded_is_not_examined() -> None:
    found = diagnose(drawn(everywhere(0.1)))
    unexamined = {one.kind for one in found.hypotheses if one.finding is Finding.UNEXAMINED}
    assert unexamined == {'drift', 'overfitting', 'label_noise', 'disagreement'}
    assert '4 of 10 hypotheses' in found.sentence
    with pytest.raises(AnalysisError, match='v24 has no comparable tasks'):
        diagnose(Case('v23', 'v24', (Record('v23'),)))


def test_no_cause_is_shown_too_often() -> None:
    """A drop that is the same everywhere: specific causes are false alarms."""
    alarms = 0
    for seed in range(30):
        case = replace(drawn(everywhere(0.08), 3000, seed=seed), known=frozenset({'near', 'far'}))
        alarms += sum(
            one.finding is Finding.SUPPORTED and not one.is_symptom and one.kind != 'everywhere'
            for one in diagnose(case).hypotheses
        )
    assert alarms <= 3


# -- the true cause comes first ------------------------------------------------------------------


def with_inputs(case: Case, trained_at: float, seed: int) -> Case:
    """Add inputs as robots count them; they are around 1, the candidate was trained elsewhere."""
    rng = np.random.default_rng(seed)
    goals = {record.task_id: float(rng.normal(1.0)) for record in case.records}

    def drifts(centre: float, records: tuple[Record, ...]) -> tuple[Drift, ...]:
        deciles = norm.ppf(np.arange(1, 10) / 10, loc=centre)
        own = [goals[record.task_id] for record in records]
        counts = np.bincount(np.searchsorted(deciles, own), minlength=10)
        return (decile_drift('goal[0]', counts.tolist(), deciles.tolist()),)

    return replace(
        case,
        drifts=drifts(trained_at, case.of_candidate),
        control_drifts=drifts(1.0, case.of_control),
    )


CAUSES: dict[str, tuple[Callable[[str, str, str], float], frozenset[str], float]] = {
    'everywhere': (everywhere(0.1), frozenset(CATEGORIES), 1.0),
    'category': (
        lambda version, category, _: 0.5 if (version, category) == ('v24', 'heavy') else 0.92,
        frozenset(CATEGORIES),
        1.0,
    ),
    'overfitting': (
        lambda version, category, _: {('v24', 'far'): 0.7, ('v23', 'far'): 0.92}.get(
            (version, category), 0.95 if version == 'v24' else 0.92
        ),
        frozenset({'near', 'heavy'}),
        1.0,
    ),
    'drift': (everywhere(0.1), frozenset(CATEGORIES), 0.5),
}


@pytest.mark.parametrize('cause', CAUSES)
def test_the_true_cause_comes_first(cause: str) -> None:
    """With everything that a recording and the manifests tell, each time anew."""
    rate, known, trained_at = CAUSES[cause]
    missed = []
    for seed in range(20):
        case = replace(drawn(rate, 3000, robots=20, seed=seed), known=known)
        found = diagnose(with_inputs(case, trained_at, seed))
        supported = [one for one in found.hypotheses if one.finding is Finding.SUPPORTED]
        if not supported or supported[0].kind != cause:
            missed.append((seed, found.sentence))
        else:
            assert found.sentence.startswith(supported[0].title)
    assert len(missed) <= 1, missed


def test_a_drop_is_no_riddle_where_drift_explains_it() -> None:
    case = with_inputs(drawn(everywhere(0.1)), 0.5, 1)
    found = diagnose(case)
    general = find(found, 'everywhere')
    assert general.finding is Finding.POSSIBLE
    drift = find(found, 'drift')
    assert drift.title in general.objects[0]
    assert 'inputs of v23 match' in drift.supports[-1]
    both = replace(case, control_drifts=case.drifts)
    assert 'inputs of v23 drifted too' in find(diagnose(both), 'drift').objects[0]


def test_what_the_lab_saw_too_is_not_explained_by_inputs_that_are_off() -> None:
    case = with_inputs(drawn(everywhere(0.1)), 0.5, 1)
    rates = dict.fromkeys(CATEGORIES, 0.92)
    good = replace(case, control_lab=rates, lab=rates)
    assert diagnose(good).hypotheses[0].kind == 'drift'
    bad = replace(good, lab=dict.fromkeys(CATEGORIES, 0.82))
    assert diagnose(bad).hypotheses[0].kind == 'everywhere'
    assert find(diagnose(bad), 'drift').finding is Finding.POSSIBLE


def test_a_lab_that_saw_it_speaks_for_the_policy_itself() -> None:
    case = drawn(everywhere(0.1))
    seen = replace(case, lab=dict.fromkeys(CATEGORIES, 0.82))
    assert 'lab had the same result' in find(diagnose(seen), 'everywhere').supports[-1]
    unseen = replace(case, lab=dict.fromkeys(CATEGORIES, 0.92))
    assert 'lab' not in find(diagnose(unseen), 'everywhere').supports[-1]


def test_where_it_is_worse_cannot_be_told_without_categories() -> None:
    case = drawn(everywhere(0.1))
    plain = replace(case, records=tuple(r._replace(category='') for r in case.records))
    general = find(diagnose(plain), 'everywhere')
    assert general.finding is Finding.POSSIBLE
    assert 'two categories' in general.text


# -- what robots saw for themselves, and what is told after a few tasks ---------------------------


def refusing(cause: str, shares: dict[str, float], requests: int = 200) -> tuple[Requests, ...]:
    """Return requests to both versions; `shares` of the candidate's are refused, by robot."""
    return tuple(
        Requests(version, robot, requests, {cause: round(requests * part)} if part else {})
        for robot, share in shares.items()
        for version, part in (('v23', 0.0), ('v24', share))
    )


def test_what_the_guard_refused_comes_before_every_guess() -> None:
    case = replace(
        drawn(everywhere(0.1)),
        requests=refusing('not_finite', {'r1': 0.01, 'r2': 0.04}),
        stopped_by={'grave_events': 'the guard stepped in more often'},
    )
    first, *others = diagnose(case).hypotheses
    assert (first.kind, first.is_direct) == ('not_finite', True)
    assert '2.5% of 400 requests to v24, 0.0% of 400 to v23.' in first.supports
    assert others[0].kind == 'everywhere'


def test_a_check_that_stopped_it_for_what_the_guard_refused_is_believed() -> None:
    few = refusing('deadline', {f'r{number}': 0.0005 for number in range(9)}, 2000)
    case = replace(drawn(everywhere(0.0), 400), requests=few)
    assert find(diagnose(case), 'deadline').finding is Finding.UNSUPPORTED
    stopped = replace(case, stopped_by={'grave_events': 'the guard stepped in more often'})
    assert diagnose(stopped).hypotheses[0].kind == 'deadline'


def test_what_both_versions_are_refused_for_is_no_cause() -> None:
    busy = tuple(Requests(v, 'r1', 1000, {'deadline': 30}) for v in ('v23', 'v24'))
    case = replace(drawn(everywhere(0.1)), requests=busy, stopped_by={'success': 'worse'})
    assert find(diagnose(case), 'deadline').finding is Finding.UNSUPPORTED


def test_a_version_that_is_slow_on_some_robots() -> None:
    shares = {'r1': 0.9, 'r2': 0.8, **{f'r{number}': 0.01 for number in range(3, 10)}}
    case = replace(
        drawn(everywhere(0.0)),
        requests=refusing('deadline', shares),
        breakers={'r1': 'deadline'},
    )
    first = diagnose(case).hypotheses[0]
    assert first.kind == 'deadline'
    assert first.title.endswith('(on some robots)')
    assert 'Of 9 robots, r1, r2 have' in first.text
    alike = replace(case, requests=refusing('deadline', dict.fromkeys(shares, 0.5)))
    everybody = diagnose(alike).hypotheses[0]
    assert everybody.kind == 'deadline'
    assert 'some robots' not in everybody.title


def test_robots_own_words_need_no_task() -> None:
    nobody = Case('v23', 'v24', (), given_up={'r1': 'it leaks'})
    first = diagnose(nobody).hypotheses[0]
    assert (first.kind, first.title.split(': ')[1]) == ('disabled', 'it leaks')
    refused = Case('v23', 'v24', (), refusals={'r1': 'four numbers'})
    first = diagnose(refused).hypotheses[0]
    assert (first.kind, first.title.split(': ')[1]) == ('load', 'four numbers')
    drift = (decile_drift('torque', [300, *[10] * 9]),)
    shadowed = Case('v23', 'v24', (), drifts=drift)
    assert diagnose(shadowed).hypotheses[0].kind == 'drift'


def few(rates: dict[str, tuple[float, float]], tasks: int, seed: int) -> Case:
    """Draw a few tasks; `rates` has the success rates of v23 and v24 by category."""
    chance = random.Random(seed)
    records = []
    for number in range(2 * tasks):
        version, category = chance.choice(('v23', 'v24')), chance.choice(list(rates))
        won = chance.random() < rates[category][version == 'v24']
        records.append(
            Record(version, successes=int(won), robot_id=f'r{number % 9}', category=category)
        )
    return Case('v23', 'v24', tuple(records))


FEW: dict[str, dict[str, tuple[float, float]]] = {
    'everywhere': {'near': (0.95, 0.75), 'far': (0.9, 0.7), 'heavy': (0.9, 0.7)},
    'category': {
        'near': (0.95, 0.95),
        'far': (0.9, 0.9),
        'heavy': (0.9, 0),
    },
    'overfitting': {'near': (0.95, 0.95), 'far': (0.9, 0.4), 'heavy': (0.9, 0.4)},
}


@pytest.mark.parametrize('cause', FEW)
def test_after_eighty_tasks_the_true_cause_mostly_comes_first(cause: str) -> None:
    """In 38, 32 and 29 of 40 trials, measured with other seeds; 'mostly' is more than half."""
    known = frozenset({'near'}) if cause == 'overfitting' else frozenset(FEW[cause])
    first = [
        diagnose(replace(few(FEW[cause], 80, seed), known=known)).hypotheses[0].kind
        for seed in range(20)
    ]
    assert first.count(cause) > 10, first


def test_the_lab_tells_where_few_tasks_do_not() -> None:
    rates = {'near': (0.95, 0.85), 'far': (0.9, 0.8), 'heavy': (0.9, 0.8)}
    lab = {
        'control_lab': {n: r[0] for n, r in rates.items()},
        'lab': {n: r[1] for n, r in rates.items()},
    }

    def strength(case: Case) -> float:
        return find(diagnose(case), 'everywhere').strength

    cases = [few(rates, 80, seed) for seed in range(20)]
    told = [strength(replace(case, **lab)) for case in cases]
    assert sum(a > strength(case) for a, case in zip(told, cases)) >= 15
    fine = {**lab, 'lab': lab['control_lab']}
    assert sum(strength(replace(case, **fine)) < strength(case) for case in cases) >= 15


def test_getting_stuck_is_the_cause_where_it_is_all_that_fails() -> None:
    def stuck_in(kind: str, others: int) -> Case:
        records = [Record('v23', 100, 92, 0, 'r1', 'near'), Record('v23', 100, 92, 0, 'r1', 'far')]
        records.append(Record('v24', 100, 92, 0, 'r1', 'near'))
        records.append(Record('v24', 100, 60 - others, 38, 'r1', 'far', error=kind))
        return Case('v23', 'v24', tuple(records))

    first = diagnose(stuck_in('', 0)).hypotheses[0]
    assert first.kind == 'stuck'
    assert "'far'" in first.title
    named = diagnose(stuck_in('joint limit', 0)).hypotheses[0].title
    assert "'joint limit'" in named
    assert "'far'" in named
    partly = diagnose(stuck_in('', 40))
    assert partly.hypotheses[0].kind != 'stuck'
    assert find(partly, 'stuck').is_symptom


def test_getting_stuck_has_stopped_what_fails_no_more_tasks() -> None:
    records = (
        Record('v23', 20_000, 18_400, 2, 'r1', 'near'),
        Record('v24', 20_000, 18_800, 18, 'r1', 'near'),
    )
    case = Case('v23', 'v24', records)
    assert find(diagnose(case), 'stuck').is_symptom
    stopped = replace(case, stopped_by={'grave_events': 'got stuck more often'})
    first = diagnose(stopped).hypotheses[0]
    assert (first.kind, first.finding) == ('stuck', Finding.SUPPORTED)
    assert '18 of 20,000 tasks, 2 of 20,000 with v23' in first.supports[0]
