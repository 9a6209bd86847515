# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One cause at a time is planted; the diagnosis has to name it, and what speaks against others."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hotswap_ros.gates import wilson_interval
from hotswap_ros.gates.analysis import (
    AnalysisError,
    Case,
    Diagnosis,
    Finding,
    Hypothesis,
    Record,
    Review,
    TrainingFeature,
    diagnose,
    feature_drift,
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


def find(diagnosis: Diagnosis, words: str) -> Hypothesis:
    return next(one for one in diagnosis.hypotheses if words in one.title)


def test_an_equal_version_needs_no_cause() -> None:
    found = diagnose(drawn(everywhere(0.0)))
    assert found.hypotheses[0].title == 'It was chance'
    assert not [one for one in found.hypotheses if one.finding is Finding.SUPPORTED]


def test_a_drop_everywhere_is_neither_a_category_nor_a_robot() -> None:
    found = diagnose(drawn(everywhere(0.1)))
    assert find(found, 'chance').finding is Finding.UNSUPPORTED
    category = find(found, 'category')
    assert category.finding is Finding.UNSUPPORTED
    assert category.objects[0] == '2 of 2 others are worse as well.'
    assert find(found, 'few robots').finding is Finding.UNSUPPORTED
    assert find(found, "'dropped'").finding is Finding.SUPPORTED


def test_a_broken_category_is_named() -> None:
    found = diagnose(drawn(lambda v, c, r: 0.3 if (v, c) == ('v24', 'heavy') else 0.9))
    assert found.hypotheses[0].title == 'One category of tasks is broken'
    assert 'heavy' in found.hypotheses[0].text
    assert 'more than half of its success is gone' in found.hypotheses[0].supports[0]
    assert next(iter(found.categories)) == 'heavy'


def test_failing_on_what_is_new_alone_is_overfitting() -> None:
    case = drawn(lambda v, c, r: 0.7 if (v, c) == ('v24', 'far') else 0.92)
    case = replace(case, known=frozenset({'near', 'heavy'}))
    overfitting = find(diagnose(case), 'Overfitting')
    assert overfitting.finding is Finding.SUPPORTED
    assert overfitting.strength > 0.8
    assert 'New categories: 2' in overfitting.supports[0]


def test_failing_on_both_is_not_overfitting() -> None:
    """The guide's case: it fails on new and on old tasks."""
    case = replace(drawn(everywhere(0.12)), known=frozenset({'near', 'heavy'}))
    overfitting = find(diagnose(case), 'Overfitting')
    assert overfitting.finding is Finding.UNSUPPORTED
    assert any('fails on known tasks as well' in line for line in overfitting.objects)


def test_a_lab_that_promised_more_supports_overfitting() -> None:
    known = dict.fromkeys(CATEGORIES, 0.95)
    case = replace(drawn(everywhere(0.12)), known=frozenset(known), lab=known)
    overfitting = find(diagnose(case), 'Overfitting')
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
    assert '1 of 2 features are off, 1 of them strongly.' in drift.text
    none = find(diagnose(drifted(0.0, drawn(everywhere(0.1)))), 'drift')
    assert none.finding is Finding.UNSUPPORTED
    assert none.objects[0].startswith('None of 2 features is off')


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
    noise = find(diagnose(replace(drawn(everywhere(0.1)), reviews=reviews(20, 100))), 'noise')
    assert noise.finding is Finding.SUPPORTED
    assert '20 of 100 reviewed failures (20.0%, 95% interval 13.3% to 28.9%)' in noise.supports[0]
    assert 'Nobody reviewed failures of v23' in noise.objects[0]


def test_noise_of_both_versions_explains_no_difference() -> None:
    both = (*reviews(20, 100), *reviews(20, 100, 'v23'))
    noise = find(diagnose(replace(drawn(everywhere(0.1)), reviews=both)), 'noise')
    assert 'with both corrected v24 is' in noise.objects[0]
    assert 'worse' in noise.objects[0]


@pytest.mark.parametrize(
    ('right', 'n', 'finding'),
    [(0, 100, Finding.UNSUPPORTED), (1, 100, Finding.UNSUPPORTED), (1, 10, Finding.POSSIBLE)],
)
def test_little_noise(right: int, n: int, finding: Finding) -> None:
    case = replace(drawn(everywhere(0.1)), reviews=reviews(right, n))
    assert find(diagnose(case), 'noise').finding is finding


def test_failing_where_it_decides_otherwise() -> None:
    case = drawn(everywhere(0.1))
    chance = random.Random(5)
    apart = {r.task_id: chance.random() < (0.3 if r.successes else 0.8) for r in case.of_candidate}
    found = find(diagnose(replace(case, apart=apart)), 'decides otherwise')
    assert found.finding is Finding.SUPPORTED
    assert 'would' not in found.supports[0]


def test_disagreement_that_has_nothing_to_do_with_failing() -> None:
    case, chance, alarms = drawn(everywhere(0.1)), random.Random(5), 0
    for _ in range(40):
        apart = {record.task_id: chance.random() < 0.3 for record in case.of_candidate}
        found = find(diagnose(replace(case, apart=apart)), 'decides otherwise')
        assert found.finding is not Finding.SUPPORTED
        alarms += found.finding is Finding.POSSIBLE
    assert wilson_interval(alarms, 40).low <= 0.05


def test_a_few_robots() -> None:
    found = diagnose(drawn(lambda v, c, r: 0.4 if (v, r) == ('v24', 'r3') else 0.92))
    robots = find(found, 'few robots')
    assert robots.finding is Finding.SUPPORTED
    assert robots.supports[0].startswith('r3: ')
    assert next(iter(found.robots)) == 'r3'


def test_a_way_of_its_own_comes_after_a_cause() -> None:
    case = drawn(lambda v, c, r: 0.3 if (v, c) == ('v24', 'heavy') else 0.9)
    found = diagnose(case)
    supported = [one.title for one in found.hypotheses if one.finding is Finding.SUPPORTED]
    assert supported[0] == 'One category of tasks is broken'
    assert any('symptom' in title for title in supported[1:])
    assert 'Also supported' in found.sentence


def test_what_was_not_recorded_is_not_examined() -> None:
    found = diagnose(drawn(everywhere(0.1)))
    unexamined = [one.title for one in found.hypotheses if one.finding is Finding.UNEXAMINED]
    assert len(unexamined) == 4
    assert '4 of 8 hypotheses could not be examined' in found.sentence
    with pytest.raises(AnalysisError, match='no comparable task of v24'):
        diagnose(Case('v23', 'v24', (Record('v23'),)))


def test_no_cause_is_shown_too_often() -> None:
    """A drop that is the same everywhere: specific causes are false alarms."""
    alarms = 0
    for seed in range(30):
        case = replace(drawn(everywhere(0.08), 3000, seed=seed), known=frozenset({'near', 'far'}))
        alarms += sum(
            one.finding is Finding.SUPPORTED and 'symptom' not in one.title
            for one in diagnose(case).hypotheses
        )
    assert alarms <= 3
