# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The checklist section of a plan, and the findings of its items."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotswap_ros.plan import (
    ChecklistPreset,
    Facts,
    Item,
    ItemState,
    LabResult,
    PlanError,
    Rehearsal,
    RobotFacts,
    VersionFacts,
    blockers,
    load_plan,
    review,
)

PLANS = sorted((Path(__file__).resolve().parents[3] / 'config' / 'plans').glob('*'))
NOW = 1_800_000_000.0
PLAN = {
    'modelId': 'pick_policy',
    'version': 'v24',
    'strategy': 'Canary',
    'stages': [{'percentage': 50, 'tasks': 50}, {'percentage': 100, 'tasks': 100}],
    'deploymentWindows': [{'start': '22:00', 'end': '04:00', 'timezone': 'Europe/Berlin'}],
}
STATED = {'owner': 'Ann', 'contacts': ['Bob'], 'bandwidthMbps': 100}
#: Items that no figure can tell.
BY_PEOPLE = {
    'generalization',
    'collision_detection',
    'emergency_stop',
    'human_safety',
    'alerts_configured',
    'decisions_traceable',
    'ml_engineer_available',
    'runbook_written',
    'stakeholders_notified',
}
V23 = VersionFacts(500_000_000, lab=LabResult(success=0.92, success_by_category={'a': 0.9}))
V24 = VersionFacts(500_000_000, lab=LabResult(success=0.93, success_by_category={'a': 0.91}))
ROBOTS = tuple(
    RobotFacts(
        f'r{index}',
        'v23',
        disk_free_bytes=10**9,
        warm_latency_ms=12.0 if index == 0 else None,
        counters_age_s=1.0,
    )
    for index in range(4)
)
GOOD = Facts(
    NOW,
    ROBOTS,
    versions={'v23': V23, 'v24': V24},
    rehearsals={robot.robot_id: Rehearsal(NOW - 86_400, 0.4) for robot in ROBOTS},
)


def plan_with(checklist, **fields):
    data = {**PLAN, **fields}
    if checklist is not None:
        data['checklist'] = checklist
    return load_plan(json.dumps(data))


def production(**fields):
    return plan_with({'preset': 'production', **STATED, **fields})


def found(plan, facts=GOOD):
    return {item.name.value: item for item in review(plan, facts)}


def states(plan, facts=GOOD):
    return {name: item.state.value for name, item in found(plan, facts).items()}


def problem(checklist):
    with pytest.raises(PlanError) as caught:
        plan_with(checklist)
    (only,) = caught.value.problems
    return only


def test_every_item_of_the_document_is_there_in_its_order():
    document = Path(__file__).resolve().parents[3] / 'docs' / 'reference' / 'checklist.md'
    assert len(Item) == 24, 'six sections of four'
    assert [item.name for item in review(plan_with(None), GOOD)] == list(Item)
    text = document.read_text()
    places = [text.index(f'| `{item.value}` |') for item in Item]
    assert places == sorted(places), 'and in the documentation, in the same order'


def test_a_fleet_in_order_has_only_people_left_to_sign():
    got = states(production())
    assert {name for name, state in got.items() if state == 'to_sign'} == BY_PEOPLE
    assert {state for name, state in got.items() if name not in BY_PEOPLE} == {'passed'}


def test_people_are_asked_to_sign_a_claim_and_sign_it():
    item = found(production())['human_safety']
    assert item.sentence == 'Sign-off required: v24 is safe around people.'
    signed = found(production(signed={'human_safety': {'by': 'Ann'}}))['human_safety']
    assert signed.sentence == 'v24 is safe around people.'
    answered = {'human_safety': {'by': 'Bob', 'remark': 'fenced'}}
    overridden = found(production(overrides=answered))['human_safety']
    assert overridden.sentence == item.sentence


def test_signed_by_people_nothing_blocks_any_more():
    plan = production(signed={name: {'by': 'Ann', 'remark': 'seen'} for name in BY_PEOPLE})
    items = review(plan, GOOD)
    assert blockers(items) == ''
    signed = [item for item in items if item.state is ItemState.SIGNED]
    assert {(item.by, item.remark) for item in signed} == {('Ann', 'seen')}
    assert {item.name.value for item in signed} == BY_PEOPLE


def test_what_blocks_is_named():
    plan = production(signed={name: {'by': 'Ann'} for name in BY_PEOPLE - {'emergency_stop'}})
    facts = replace(GOOD, robots=(*ROBOTS[:3], replace(ROBOTS[3], disk_free_bytes=1)))
    text = blockers(review(plan, facts))
    assert '1 failed (storage) and 1 to sign (emergency_stop)' in text
    assert 'hotswap checklist' in text


@pytest.mark.parametrize('path', PLANS, ids=lambda path: path.stem)
def test_plans_without_a_checklist_are_asked_nothing(path):
    plan = load_plan(path.read_text())
    items = review(plan, Facts(NOW))
    assert {item.state for item in items} == {ItemState.SKIPPED}
    assert blockers(items) == ''


def with_robot(**fields):
    return replace(GOOD, robots=(*ROBOTS[:3], replace(ROBOTS[3], **fields)))


def with_lab(version, **fields):
    stated = LabResult(**fields) if fields else None
    facts = replace(GOOD.versions[version], lab=stated)
    return replace(GOOD, versions={**GOOD.versions, version: facts})


def with_candidate(**fields):
    return replace(GOOD, versions={**GOOD.versions, 'v24': replace(V24, **fields)})


FAILURES = [
    ('lab_results', with_lab('v24', success=0.899), ('v24', '89.9%', 'v23', '92.0%', '2 points')),
    (
        'no_catastrophic_drop',
        with_lab('v24', success=0.93, success_by_category={'a': 0.44}),
        ('v23', '50%', 'a from 90.0% to 44.0%'),
    ),
    (
        'all_categories',
        with_lab('v24', success=0.93, success_by_category={'a': 0.9, 'b': 0.0}),
        ('v24', 'category b:'),
    ),
    (
        'all_categories',
        with_lab('v24', success=0.93, success_by_category={'b': 0.9}),
        ('v24', 'not tested', 'category a,'),
    ),
    (
        'bounds_declared',
        with_candidate(unbounded=('decision',)),
        ('v24', 'bounds for decision', "'low'", "'high'"),
    ),
    ('fallback_present', with_robot(resident_limit=1), ('r3', "'resident_limit'")),
    ('fallback_present', with_robot(is_stable_ready=False), ('stable version', 'not ready on r3')),
    ('storage', with_robot(disk_free_bytes=1000), ('needs 500 MB', 'r3 has 1 kB', 'on r3.')),
    (
        'latency',
        with_robot(warm_latency_ms=201.0),
        ('201 ms', '200 ms is allowed', 'too slow on r3'),
    ),
    ('monitoring_alive', with_robot(counters_age_s=121.0), ('r3 ', 'counters', '2 min')),
    ('monitoring_alive', with_robot(counters_age_s=None), ('r3 ', 'counters')),
    ('monitoring_alive', replace(GOOD, unreachable=('r9',)), ('r9 is unreachable', 'override')),
    (
        'rollback_rehearsed',
        replace(GOOD, rehearsals={**GOOD.rehearsals, 'r1': Rehearsal(NOW - 60, 301.0)}),
        ('4 robots', '5.02 min', '5 min is allowed'),
    ),
    ('success_criteria', replace(GOOD, is_watched=False), ('Canary', "'hotswap advise'")),
    ('failure_criteria', replace(GOOD, is_watched=False), ('Canary', "'hotswap advise'")),
]


@pytest.mark.parametrize(('name', 'facts', 'words'), FAILURES)
def test_what_is_wrong_fails_and_blocks_unless_somebody_answers_for_it(name, facts, words):
    item = found(production(), facts)[name]
    assert item.state is ItemState.FAILED
    assert [word for word in words if word not in item.sentence] == []
    signed = found(production(signed={name: {'by': 'Ann'}}), facts)[name]
    assert signed.state is ItemState.FAILED, 'a figure is not signed away'
    assert signed.sentence.startswith(f'{item.sentence} Ann signed it, but')
    answered = {name: {'by': 'Bob', 'remark': 'hotfix'}}
    overridden = found(production(overrides=answered), facts)[name]
    assert overridden.state is ItemState.OVERRIDDEN
    assert (overridden.by, overridden.remark) == ('Bob', 'hotfix')


UNKNOWN = [
    ('lab_results', with_lab('v24'), ('lab results of v24',)),
    ('lab_results', with_lab('v23'), ('lab results of v23',)),
    ('no_catastrophic_drop', with_lab('v23', success=0.9), ('lab results of v23', 'category')),
    ('all_categories', with_lab('v24', success=0.9), ('lab results of v24', 'category')),
    ('bounds_declared', replace(GOOD, versions={}), ('bounds of v24',)),
    ('storage', replace(GOOD, versions={}), ('size of v24', "'model_repository'")),
    ('storage', with_robot(disk_free_bytes=None), ('free disk space', 'on r3')),
    (
        'latency',
        replace(GOOD, robots=tuple(replace(r, warm_latency_ms=None) for r in ROBOTS)),
        ('latency of v24', '~/load_model'),
    ),
    ('rollback_rehearsed', replace(GOOD, rehearsals={}), ('r0, r1, r2, r3 ', '30 d', 'rollback')),
    (
        'rollback_rehearsed',
        replace(GOOD, rehearsals={**GOOD.rehearsals, 'r2': Rehearsal(NOW - 31 * 86_400, 0.1)}),
        ('r2 confirmed no rollback', '30 d'),
    ),
    ('monitoring_alive', Facts(NOW), ('No robot is known',)),
]


@pytest.mark.parametrize(('name', 'facts', 'words'), UNKNOWN)
def test_what_nobody_knows_is_to_be_signed(name, facts, words):
    item = found(production(), facts)[name]
    assert item.state is ItemState.TO_SIGN
    assert [word for word in words if word not in item.sentence] == []
    signed = found(production(signed={name: {'by': 'Ann', 'remark': 'looked'}}), facts)[name]
    assert (signed.state, signed.by) == (ItemState.SIGNED, 'Ann')
    testing = found(plan_with('testing'), facts)[name]
    assert testing.state is ItemState.SKIPPED, 'testing goes on without'


def test_a_network_is_estimated_from_what_the_plan_states():
    item = found(production())['network_estimate']
    assert item.state is ItemState.PASSED
    for figure in ('4 robots', '500 MB each', '2.67 min at 100 Mbit/s', '60 min is allowed'):
        assert figure in item.sentence
    slow = found(production(bandwidthMbps=4))['network_estimate']
    assert slow.state is ItemState.FAILED
    assert '66.7 min at 4 Mbit/s' in slow.sentence
    held = replace(GOOD, robots=tuple(replace(robot, holds=True) for robot in ROBOTS))
    assert found(production(bandwidthMbps=4), held)['network_estimate'].state is ItemState.PASSED
    unstated = {'preset': 'production', 'owner': 'Ann'}
    unknown = found(plan_with(unstated))['network_estimate']
    assert unknown.state is ItemState.TO_SIGN
    assert "'bandwidthMbps'" in unknown.sentence


KEYS = {'owner_set': 'owner', 'contact_set': 'contacts', 'window_set': 'deploymentWindows'}


def test_owner_contacts_and_window_have_to_be_set():
    bare = plan_with('production', deploymentWindows=[])
    got = found(bare)
    for name in KEYS:
        assert got[name].state is ItemState.FAILED
        assert f"'{KEYS[name]}'" in got[name].sentence
    closed = found(production())['window_set'].sentence
    assert '22:00 to 04:00 Europe/Berlin' in closed
    assert 'closed now' in closed


def test_testing_asks_little_and_blocks_on_what_is_known_to_be_wrong():
    got = states(plan_with('testing'))
    asked = {name for name, state in got.items() if state == 'passed'}
    assert asked == {item.value for item in ChecklistPreset.TESTING.items}
    bad = found(plan_with('testing'), with_robot(resident_limit=1))
    assert bad['fallback_present'].state is ItemState.FAILED
    skipped = found(plan_with('none'), with_robot(resident_limit=1))['fallback_present']
    assert skipped.state is ItemState.SKIPPED
    assert "preset 'none'" in skipped.sentence
    assert 'would fail' in skipped.sentence
    assert skipped.sentence.endswith(bad['fallback_present'].sentence)


def test_a_number_in_the_plan_is_a_baseline_too():
    plan = plan_with('production', successCriteria={'baselineSuccessRate': 0.96})
    item = found(plan)['lab_results']
    assert item.state is ItemState.FAILED
    assert 'baseline of the plan in 96.0%' in item.sentence


def test_limits_of_the_criteria_are_those_of_the_checklist():
    plan = plan_with('production', successCriteria={'maxLatencyMs': 10, 'maxCategoryDrop': 0.1})
    facts = with_lab('v24', success=0.93, success_by_category={'a': 0.8})
    got = found(plan, facts)
    assert '10 ms is allowed; too slow on r0' in got['latency'].sentence
    assert got['no_catastrophic_drop'].state is ItemState.FAILED


@pytest.mark.parametrize(
    ('checklist', 'words'),
    [
        ('strict', "checklist.preset: must be one of 'none', 'testing' or 'production'"),
        ({'owner': 'Ann'}, 'checklist.preset: is missing: add it'),
        (
            {'preset': 'production', 'signed': {'emergncy_stop': {'by': 'Ann'}}},
            "'emergncy_stop': did you mean 'emergency_stop'?",
        ),
        ({'preset': 'production', 'signed': {'storage': {}}}, 'by: is missing: add it'),
        (
            {'preset': 'production', 'overrides': {'storage': {'by': 'Bob'}}},
            'remark: is missing: add it',
        ),
        (
            {'preset': 'production', 'overrides': {'latency': {'by': 'a', 'remark': ''}}},
            'at least 1 character',
        ),
        ({'preset': 'production', 'ovrrides': {}}, "unknown key 'ovrrides': did you mean 'overr"),
    ],
)
def test_a_checklist_that_is_wrong_says_what_to_write(checklist, words):
    assert words in problem(checklist)


def test_items_may_be_in_camel_case_and_a_plan_can_be_written_and_read():
    plan = production(
        signed={'emergencyStop': {'by': 'Ann'}},
        overrides={'network_estimate': {'by': 'Bob', 'remark': 'at night'}},
    )
    assert set(plan.checklist.signed) == {Item.EMERGENCY_STOP}
    shown = plan.model_dump(mode='json', by_alias=True, exclude_none=True)
    assert load_plan(json.dumps(shown)) == plan
    assert type(plan).model_validate_json(plan.model_dump_json()) == plan


def test_a_checklist_is_of_the_whole_plan():
    phases = [
        {'strategy': 'Canary', 'canaryPercentage': 10, 'canaryDuration': 5},
        {'strategy': 'Direct'},
    ]
    base = {'modelId': 'm', 'version': 'v', 'phases': phases}
    plan = load_plan(json.dumps({**base, 'checklist': 'testing'}))
    assert plan.checklist.preset is ChecklistPreset.TESTING
    phases[0]['checklist'] = 'production'
    with pytest.raises(PlanError, match=r'phases.0.checklist .*whole plan'):
        load_plan(json.dumps({**base, 'checklist': 'testing'}))


@pytest.mark.parametrize('strategy', ['fixed', 'history', 'BlueGreen'])
def test_categories_need_a_control_at_the_same_time(strategy):
    criteria = {'maxCategoryDrop': 0.5}
    fields = {'successCriteria': criteria}
    if strategy == 'BlueGreen':
        data = {'modelId': 'm', 'version': 'v', 'strategy': 'BlueGreen', **fields}
        with pytest.raises(
            PlanError, match=r"'maxCategoryDrop'.* control .*BlueGreen.*: remove it"
        ):
            load_plan(json.dumps(data))
        return
    criteria['control'] = strategy
    if strategy == 'fixed':
        criteria['baselineSuccessRate'] = 0.92
    with pytest.raises(PlanError, match=rf"'maxCategoryDrop'.* control '{strategy}' .*: remove"):
        plan_with(None, **fields)


RATE = st.floats(0, 1)
LAB = st.none() | st.builds(
    LabResult, success=RATE, success_by_category=st.dictionaries(st.sampled_from('abc'), RATE)
)
VERSION = st.builds(VersionFacts, st.integers(0, 10**12), st.just(()), LAB, st.just(''))
SOME_ROBOTS = st.lists(
    st.builds(
        RobotFacts,
        st.sampled_from(['r1', 'r2', 'r3']),
        st.sampled_from(['v22', 'v23']),
        st.booleans(),
        st.integers(0, 3),
        st.none() | st.integers(0, 10**12),
        st.booleans(),
        st.integers(0, 10**12),
        st.none() | st.floats(0, 1e4),
        st.none() | st.floats(0, 1e6),
    ),
    max_size=3,
    unique_by=lambda robot: robot.robot_id,
).map(tuple)
FACTS = st.builds(
    Facts,
    st.just(NOW),
    SOME_ROBOTS,
    st.lists(st.just('r9'), max_size=1).map(tuple),
    st.booleans(),
    st.dictionaries(st.sampled_from(['v22', 'v23', 'v24']), VERSION),
    st.dictionaries(
        st.sampled_from(['r1', 'r2', 'r3']),
        st.builds(Rehearsal, st.floats(0, NOW), st.floats(0, 1e4)),
    ),
)
SOME_ITEMS = st.sets(st.sampled_from([item.value for item in Item]))


@settings(max_examples=100, derandomize=True)
@given(FACTS, st.sampled_from(['none', 'testing', 'production']), SOME_ITEMS, SOME_ITEMS)
def test_whatever_the_facts_are_every_item_has_one_state_that_follows_from_the_plan(
    facts, preset, signed, overridden
):
    plan = plan_with(
        {
            'preset': preset,
            'signed': {name: {'by': 'Ann'} for name in signed},
            'overrides': {name: {'by': 'Bob', 'remark': 'so'} for name in overridden},
        }
    )
    items = review(plan, facts)
    assert [item.name for item in items] == list(Item)
    asked = plan.checklist.preset.items
    for item in items:
        assert item.sentence.endswith('.')
        if item.name not in asked:
            assert item.state is ItemState.SKIPPED
        if item.blocks:
            assert item.name.value not in overridden
        if item.state is ItemState.SIGNED:
            assert item.name.value in signed
        if item.state is ItemState.TO_SIGN:
            assert preset == 'production'
    assert bool(blockers(items)) == any(item.blocks for item in items)
