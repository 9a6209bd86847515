# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Plans that ask for a proof, and plans that are spread thin."""

import pytest

from hotswap_ros.plan import (
    Observe,
    PlanError,
    PromoteOn,
    Robot,
    SetRouting,
    compile_plan,
    load_plan,
)

HEAD = 'modelId: pick_policy\nversion: v24\n'
STAGES = (
    'stages: [{percentage: 20, tasks: 50}, {percentage: 50, tasks: 50}, '
    '{percentage: 100, tasks: 50}]\n'
)
CANARY = f'{HEAD}strategy: Canary\n{STAGES}'
THIN = (
    f'{HEAD}strategy: Canary\nspread: thin\n'
    'stages: [{share: 0.02, tasks: 50}, {share: 0.5, tasks: 50}]\n'
)
FLEET = [Robot(f'r{number}', '', 'v23') for number in range(10)]


def steps(text):
    return compile_plan(load_plan(text), FLEET, 'salt')


def shares(text):
    return [s.candidate_share for s in steps(text) if isinstance(s, SetRouting) and not s.promote]


def problem(text):
    with pytest.raises(PlanError) as caught:
        load_plan(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ('more', 'expected'),
    [
        ('', PromoteOn.NO_HARM),
        ('checklist: testing', PromoteOn.NO_HARM),
        ('checklist: production', PromoteOn.PROVEN),
        ('checklist: production\npromoteOn: noHarm', PromoteOn.NO_HARM),
        ('promoteOn: proven', PromoteOn.PROVEN),
        ('checklist: production\nsuccessCriteria: {method: threshold}', PromoteOn.NO_HARM),
    ],
)
def test_a_proof_is_asked_for_in_production(more, expected):
    assert load_plan(CANARY + more).promotes_on is expected


def test_the_last_watched_stage_has_the_budget():
    found = [s for s in steps(f'{CANARY}promoteOn: proven') if isinstance(s, Observe)]
    assert [step.proof is not None for step in found] == [False, False, True]
    assert found[-1].proof.tasks == 5000
    assert all(step.proof is None for step in steps(CANARY))


def test_a_plan_that_does_not_promote_proves_nothing():
    found = steps(f'{CANARY}promoteOn: proven\npromote: false')
    assert all(step.proof is None for step in found)


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        (f'{HEAD}strategy: Direct\npromoteOn: proven', 'strategy Direct'),
        (f'{CANARY}promoteOn: proven\nsuccessCriteria: {{method: fixed}}', "method 'fixed'"),
        (f'{CANARY}promoteOn: noHarm\nproofBudget: {{tasks: 9}}', 'proofBudget'),
        (f'{CANARY}proofBudget: {{tasks: 0}}', 'proofBudget.tasks'),
        (CANARY.replace('percentage: 20', 'share: 0.1'), "'spread: thin'"),
        (THIN.replace('share: 0.5', 'percentage: 100'), 'stage needs a'),
        (THIN.replace('share: 0.5', 'share: 0.01'), 'must rise'),
        (THIN.replace('tasks: 50', 'tasks: 50, controlShare: 0.5'), 'exclude each other'),
        (THIN.replace('tasks: 50', 'duration: 0'), 'not watched'),
        (f'{THIN}successCriteria: {{control: across_robots}}', 'across_robots'),
        (CANARY.replace('percentage: 20, ', ''), "needs 'percentage'"),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(text, expected):
    assert expected in problem(text)


def test_a_phase_before_the_last_one_proves_nothing():
    found = steps(
        f'{HEAD}promoteOn: proven\nphases:\n- strategy: Canary\n  stages: '
        '[{percentage: 20, tasks: 50}]\n  successCriteria: {method: threshold}\n'
        '- strategy: Canary\n  stages: [{percentage: 100, tasks: 50}]\n'
    )
    assert [s.proof is not None for s in found if isinstance(s, Observe)] == [False, True]


def test_few_robots_start_beside_a_large_control_where_a_proof_is_asked_for():
    assert shares(CANARY) == [0.5, 0.5, 0.9], 'as older plans mean it'
    assert shares(f'{CANARY}promoteOn: proven') == [0.1, 0.5, 0.5]


def test_a_thin_plan_has_all_robots_and_a_share_that_rises():
    found = steps(THIN)
    assert shares(THIN) == [0.02, 0.5]
    assert {step.robots for step in found} == {found[0].robots}
    assert len(found[0].robots) == len(FLEET)
    assert [step.kind for step in found].count('stage_models') == 1
