# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reading plans, and what is said about those that are wrong."""

import json
import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic.alias_generators import to_camel, to_snake

from hotswap_ros.plan import (
    AS_STORED,
    Canary,
    Control,
    PlanError,
    PromoteOn,
    Stage,
    Strategy,
    SuccessCriteria,
    load_plan,
    read_plan_file,
)

PLANS = sorted((Path(__file__).resolve().parents[3] / 'config' / 'plans').glob('*'))

CANARY = """\
modelId: pick_policy
version: v24
strategy: Canary
stages:
  - {percentage: 5, tasks: 100}
  - {percentage: 20, tasks: 500, duration: PT1H}
  - {percentage: 100, tasks: 5000, timeout: 3600, controlShare: 0.2}
successCriteria:
  maxSuccessDrop: 0.02        # against the concurrent control cohort
  maxLatencyMs: 200           # p95
  maxErrorRate: 0.01
  maxStuckPerRobot: 10
confirmTimeout: PT2M30S
lease: 5
maxUnreachable: 3
"""

SHORT = 'modelId: m\nversion: v2\nstrategy: Canary\n'
STAGES = 'stages: [{percentage: 100, tasks: 5}]\n'


def problems(text):
    with pytest.raises(PlanError) as caught:
        load_plan(text)
    assert str(caught.value) == '; '.join(caught.value.problems)
    return caught.value.problems


def problem(text):
    (only,) = problems(text)
    return only


def test_a_plan_is_read_as_it_is_written():
    assert load_plan(CANARY) == Canary(
        model_id='pick_policy',
        version='v24',
        strategy=Strategy.CANARY,
        stages=(
            Stage(percentage=5, tasks=100),
            Stage(percentage=20, tasks=500, duration=timedelta(hours=1)),
            Stage(percentage=100, tasks=5000, timeout=timedelta(hours=1), control_share=0.2),
        ),
        success_criteria=SuccessCriteria(
            max_success_drop=0.02, max_latency_ms=200, max_error_rate=0.01, max_stuck_per_robot=10
        ),
        confirm_timeout=timedelta(minutes=2.5),
        lease=timedelta(seconds=5),
        max_unreachable=3,
    )


def test_what_is_left_out_has_a_default():
    plan = load_plan(SHORT + STAGES)
    assert plan.success_criteria == SuccessCriteria()
    assert plan.success_criteria.max_success_drop == 0.02
    assert (plan.confirm_timeout, plan.lease) == (timedelta(minutes=2), timedelta(seconds=10))
    assert plan.max_unreachable == 0


def test_keys_may_be_in_snake_case():
    words = {word.rstrip(':') for word in CANARY.replace('{', ' ').split() if word.endswith(':')}
    text = CANARY
    for word in words:
        text = text.replace(f'{word}:', f'{to_snake(word)}:')
    assert 'model_id:' in text
    assert 'max_stuck_per_robot:' in text
    assert load_plan(text) == load_plan(CANARY)


def test_json_is_read_too():
    import yaml

    for indent in (None, 2, '\t'):
        text = json.dumps(yaml.safe_load(CANARY), indent=indent)
        assert load_plan(text) == load_plan(CANARY)


def test_json_numbers_are_json_numbers():
    text = '{"modelId": "m", "version": "v", "strategy": "Canary", "stages": [%s]}'
    plan = load_plan(text % '{"percentage": 1e2, "tasks": 5e3}')
    assert plan.stages[0].tasks == 5000


def test_an_alias_is_refused_with_its_line_before_anything_is_built():
    text = SHORT + 'stages:\n- &first {percentage: 50, tasks: 5}\n- {<<: *first, percentage: 100}'
    assert problem(text).startswith("'*first' at line 6 is an alias")
    bomb = 'a: &a [x, x]\n' + ''.join(
        f'{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}]\n'
        for a, b in zip('abcdefgh', 'bcdefghi', strict=True)
    )
    assert len(problem(bomb)) < 500
    assert len(problem(SHORT + STAGES + bomb + 'labels: [*i]')) < 500


def test_the_short_form_stands_for_two_stages():
    plan = load_plan(SHORT + 'canaryPercentage: 10\ncanaryDuration: PT30M')
    assert plan.effective_stages == (
        Stage(percentage=10, duration=timedelta(minutes=30)),
        Stage(percentage=100, duration=timedelta(minutes=30)),
    )


@pytest.mark.parametrize('path', PLANS, ids=lambda path: path.name)
def test_the_example_plans_are_plans(path):
    assert load_plan(path.read_text()).model_id == 'pick_policy'


@pytest.mark.parametrize(
    ('text', 'seconds'),
    [('PT15M', 900), ('"PT0.5S"', 0.5), ('P1DT1H', 90_000), ('900', 900), ('0.25', 0.25)],
)
def test_a_duration_is_iso_8601_or_seconds(text, seconds):
    plan = load_plan(SHORT + f'stages: [{{percentage: 100, duration: {text}}}]')
    assert plan.stages[0].duration == timedelta(seconds=seconds)


@pytest.mark.parametrize('text', ['15m', 'PT', 'pt15m', '.nan', '.inf', '1.0e+300', '[1]'])
def test_other_durations_are_refused_with_how_to_write_one(text):
    found = problem(SHORT + f'stages: [{{percentage: 100, duration: {text}}}]')
    assert found.startswith("stages.0.duration: must be a duration: write 'PT15M', or a number")


@pytest.mark.parametrize(
    ('lines', 'expected'),
    [
        ('sucessCriteria: {}', "unknown key 'sucessCriteria': did you mean 'successCriteria'\\?"),
        ('owner: Ann', "unknown key 'owner': .*'checklist'"),
        ('max_latency_ms: 80', "unknown key 'max_latency_ms': .*'successCriteria'"),
        ('max_unreachabel: 1', "unknown key 'max_unreachabel': did you mean 'max_unreachable'\\?"),
        ('zzz: 1', "unknown key 'zzz': known: modelId, version, strategy, "),
        ('5: 1', "unknown key '5': known: modelId"),
        (
            'successCriteria: {maxLatenzyMs: 5}',
            r"successCriteria: unknown key 'maxLatenzyMs': did you mean 'maxLatencyMs'\?",
        ),
        ('model_id: m', "'modelId' and 'model_id' .*: write it once"),
        ('version: v3', "key 'version' .*twice.* line 1: write it once"),
    ],
)
def test_a_key_that_is_wrong_is_named_with_the_right_one(lines, expected):
    assert re.match(expected, problem(SHORT + STAGES + lines))


def test_a_key_that_is_written_twice_is_found_in_json_and_in_depth():
    text = '{"modelId": "m", "modelId": "n"}'
    assert re.match("key 'modelId' .*twice", problem(text))
    text = SHORT + 'stages:\n- percentage: 100\n  tasks: 5\n  tasks: 50\n'
    assert re.match("key 'tasks' .*twice.* line 5", problem(text))


@pytest.mark.parametrize(
    ('lines', 'expected'),
    [
        ('version: 24', 'version: must be text: .* quotes .* \\(found 24\\)'),
        ('version: 1.10', 'version: must be text: .* \\(found 1.1\\)'),
        ('version:', 'version: must be text: .* \\(found nothing\\)'),
        ('version: ""', "version: String should have at least 1 character \\(found ''\\)"),
        ('strategy: canari', "strategy: .*'canari': did you mean Canary\\?"),
        ('strategy: 5', "strategy: .*'5': known: ABTesting, BlueGreen, Canary"),
        ('stages: {percentage: 100}', "stages: must be a list: begin each entry with '-'"),
        ('stages:', 'stages: must be a list: .* \\(found nothing\\)'),
        ('stages: [5]', 'stages.0: must be keys with values: .* \\(found 5\\)'),
        ('stages: [{percentage: 100, tasks: 0}]', 'stages.0.tasks: .* or equal to 1 .found 0'),
        ('stages: [{percentage: 100, tasks: 1.5}]', 'stages.0.tasks: .*found 1.5'),
        ('stages: [{percentage: 0, tasks: 1}]', 'stages.0.percentage: .*greater than 0'),
        ('stages: [{percentage: 101, tasks: 1}]', 'stages.0.percentage: .*equal to 100'),
        ('stages: [{percentage: 100%, tasks: 1}]', "stages.0.percentage: .*found '100%'"),
        (
            'stages: [{percentage: 100, duration: -5}]',
            'stages.0.duration: .*0 seconds .found -5 s',
        ),
        ('stages: [{percentage: 100}]', "stages.0: .*'tasks', 'duration' or both"),
        ('stages: [{percentage: yes, tasks: 1}]', "stages.0.percentage: must not be 'yes'"),
        ('stages: [{percentage: 100, tasks: on}]', "stages.0.tasks: must not be 'yes'"),
        ('lease: 2', 'lease: .*greater than or equal to 3 seconds'),
        ('x: 2026-02-30', 'the plan is not YAML or JSON'),
        ('lease: no', "lease: must not be 'no': write a value"),
        ('maxUnreachable: -1', 'maxUnreachable: .*found -1'),
        ('successCriteria: []', 'successCriteria: must be keys with values: '),
        ('successCriteria: {alpha: 0}', 'successCriteria.alpha: .*greater than 0 .found 0'),
        ('successCriteria: {alpha: .nan}', 'successCriteria.alpha: .*finite number .found nan'),
        ('successCriteria: {maxLatencyMs: 1e9}', 'successCriteria.maxLatencyMs: .*1e9'),
        ('successCriteria: {harmNull: no_harm}', "successCriteria.harmNull: .*found 'no_harm'"),
    ],
)
def test_a_value_that_is_wrong_is_named_with_what_to_write(lines, expected):
    key = lines.split(':')[0]
    kept = [line for line in (SHORT + STAGES).splitlines() if not line.startswith(f'{key}:')]
    assert re.match(expected, problem('\n'.join([*kept, lines])))


def test_every_problem_is_named():
    found = problems(
        'strategy: Canary\nversion: ""\nstages: [{percentage: 0, tasks: 0}, {tasks: 5}]'
    )
    assert [text.split(':')[0] for text in found] == [
        'modelId',
        'version',
        'stages.0.percentage',
        'stages.0.tasks',
        'stages.1',
    ]
    assert found[0] == 'modelId: is missing: add it'


@pytest.mark.parametrize(
    ('stages', 'expected'),
    [
        ([50, 50, 100], r'.*percentages.* must rise: \[50.0, 50.0'),
        ([50, 20, 100], '.*percentages.* must rise'),
        ([50, 80], '.*last stage .*80%: .*100%'),
        ([], ".*'stages', or 'canaryPercentage' and 'canaryDuration'"),
    ],
)
def test_stages_climb_to_everybody(stages, expected):
    entries = [{'percentage': percentage, 'tasks': 5} for percentage in stages]
    assert re.match(expected, problem(SHORT + f'stages: {json.dumps(entries)}'))


@pytest.mark.parametrize(
    ('lines', 'expected'),
    [
        (STAGES + 'canaryPercentage: 5\ncanaryDuration: 5', "'stages' and 'canaryPercentage' "),
        ('canaryPercentage: 5', "'canaryPercentage' and 'canaryDuration' go together"),
        ('canaryDuration: 5', "'canaryPercentage' and 'canaryDuration' go together"),
        ('canaryPercentage: 100\ncanaryDuration: 5', 'canaryPercentage: Input should be less'),
    ],
)
def test_the_short_form_is_whole_and_alone(lines, expected):
    assert problem(SHORT + lines).startswith(expected)


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('', "the plan is empty, not keys with values: start with 'modelId: …'"),
        ('to_v24.yaml', 'the plan is plain text, not keys'),
        ('[1, 2]', 'the plan is a list, not keys'),
        ('5', 'the plan is a number, not keys'),
        ('yes', 'the plan is yes or no, not keys'),
        ('a: [', 'the plan is not YAML or JSON: while parsing'),
        ('a: 1\n---\nb: 2', 'the plan is not YAML or JSON: expected a single document'),
        ('? {a: b}\n: c', 'the plan is not YAML or JSON: .*unhashable'),
        ('!!python/object/apply:os.getcwd []', 'the plan is not YAML or JSON: could not deter'),
        ('a\0b', 'the plan is not YAML or JSON: unacceptable character'),
        ('[' * 100_000, 'the text is nested too deeply'),
        ('{a: ' * 5_000, 'line 1 is nested deeper than 20 levels'),
    ],
    ids=range(12),
)
def test_what_is_no_plan_at_all_is_said_to_be_so(text, expected):
    found = problem(text)
    assert re.match(expected, found)
    assert '\n' not in found


def test_a_plan_that_lost_its_line_breaks_on_the_way_is_recognised():
    found = problem('modelId: pick_policy version: v24 strategy: Canary')
    assert 'line breaks were lost' in found
    assert 'line breaks' not in problem('modelId: pick_policy\nversion: [')


@settings(max_examples=200, derandomize=True)
@given(st.text(max_size=200) | st.text('{}[]:,-&*!?|> \n"\'abc01#%@`', max_size=60))
def test_no_text_is_more_than_a_plan_error(text):
    with pytest.raises(PlanError):
        load_plan(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
KEYS = st.sampled_from([to_camel(name) for name in Canary.model_fields])


@settings(max_examples=200, derandomize=True)
@given(st.dictionaries(KEYS, VALUES, min_size=1))
def test_no_value_is_more_than_a_plan_error(changes):
    base = {'modelId': 'm', 'version': 'v', 'strategy': 'Canary'}
    base['stages'] = [{'percentage': 100, 'tasks': 5}]
    text = json.dumps({**base, **changes})
    try:
        plan = load_plan(text)
    except PlanError:
        return
    assert plan.effective_stages[-1].percentage == 100


STAGE = st.fixed_dictionaries(
    {'percentage': st.floats(0.1, 99.9), 'tasks': st.integers(1, 10**6)},
    optional={
        'duration': st.integers(0, 10**6),
        'timeout': st.integers(0, 10**6),
        'control_share': st.floats(0.01, 0.99),
    },
)


@settings(max_examples=100, derandomize=True)
@given(st.lists(STAGE, max_size=5, unique_by=lambda stage: stage['percentage']))
def test_a_plan_survives_the_journal(stages):
    stages = sorted(stages, key=lambda stage: stage['percentage'])
    plan = Canary(
        model_id='m',
        version='v',
        strategy='Canary',
        stages=[*stages, {'percentage': 100, 'tasks': 1}],
    )
    assert Canary.model_validate_json(plan.model_dump_json()) == plan
    shown = plan.model_dump(mode='json', by_alias=True, exclude_none=True)
    assert load_plan(json.dumps(shown)) == plan, 'the report shows a plan that can be run again'


def test_a_date_that_does_not_exist_is_no_crash():
    with pytest.raises(PlanError, match='not YAML or JSON'):
        load_plan('version: 2026-02-30')


def criteria(text):
    return load_plan(f'{SHORT}{STAGES}successCriteria: {text}').success_criteria


def criteria_problem(text):
    return problem(f'{SHORT}{STAGES}successCriteria: {text}')


def test_the_criteria_of_the_guide_are_understood():
    found = criteria('{"maxLatencyMs": 100, "maxErrorRate": 0.01, "maxLatencyIncrease": 0.20}')
    assert (found.max_latency_ms, found.max_error_rate, found.max_latency_increase) == (
        100,
        0.01,
        0.2,
    )


def test_accuracy_is_another_word_for_success():
    assert criteria('{maxAccuracyDrop: 0.05}') == criteria('{max_success_drop: 0.05}')
    assert criteria_problem('{maxAccuracyDrop: 0.05, maxSuccessDrop: 0.02}').startswith(
        "successCriteria: 'maxAccuracyDrop' and 'maxSuccessDrop' "
    )


def test_a_number_to_compare_with_is_the_control():
    found = criteria('{baselineSuccessRate: 0.92}')
    assert (found.control, found.baseline_success_rate) == (Control.FIXED, 0.92)


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('{control: fixed}', "control 'fixed' needs 'baselineSuccessRate'"),
        (
            '{control: within_robots, baselineSuccessRate: 0.9}',
            "'baselineSuccessRate' is 0.9, but control 'within_robots' ",
        ),
        ('{method: bayes}', "must be one of 'sequential', 'fixed' or 'threshold'"),
        ('{graveEvents: [crash]}', "must be one of 'stuck' or 'fallback' (found 'crash')"),
        ('{maxCategoryDrop: 1.5}', 'less than 1 (found 1.5)'),
    ],
)
def test_criteria_that_contradict_themselves_are_refused(text, words):
    assert words in criteria_problem(text)


def test_no_control_is_left_only_where_another_one_is_asked_for():
    stages = 'stages: [{percentage: 50, tasks: 5, controlShare: 0}, {percentage: 100, tasks: 5}]\n'
    assert problem(SHORT + stages).startswith(
        "stages.0.controlShare is 0, but control 'within_robots' "
    )
    across = f'{SHORT}{stages}successCriteria: {{control: across_robots}}'
    assert load_plan(across).stages[0].candidate_share(PromoteOn.NO_HARM) == 1.0
    everywhere = across.replace('100, tasks: 5', '100, tasks: 5, controlShare: 0')
    assert re.match('stages.1.controlShare is 0 at 100%, .*no control', problem(everywhere))


@pytest.mark.parametrize('text', ['P1M', 'P1Y', 'P1Y2M', 'P0.5M', 'P1MT1H'])
def test_months_and_years_are_no_duration(text):
    found = problem(SHORT + f'stages: [{{percentage: 100, duration: {text}}}]')
    assert found.startswith(f"stages.0.duration: '{text}' has months or years")
    assert "'PT1M'" in found


@pytest.mark.parametrize('text', ['"01:30"', '"01:30:00"', '1 day', 'P1H', 'PT1D', 'P'])
def test_forms_that_people_read_in_two_ways_are_no_duration(text):
    found = problem(SHORT + f'stages: [{{percentage: 100, duration: {text}}}]')
    assert found.startswith("stages.0.duration: must be a duration: write 'PT15M'")


def test_a_duration_of_years_is_written_in_days_and_read_from_an_older_journal():
    plan = load_plan(SHORT + 'stages: [{percentage: 100, duration: P400DT3H}]')
    text = plan.model_dump_json(by_alias=True, exclude_none=True)
    assert 'P400DT3H' in text
    assert load_plan(text) == plan
    older = text.replace('P400DT3H', 'P1Y35DT3H')
    assert Canary.model_validate_json(older, context=AS_STORED) == plan


@pytest.mark.parametrize(
    ('value', 'read_as'),
    [('1:30', 'base 60'), ('1:30:00', 'base 60'), ('1:30.5', 'base 60'), ('0100', 'base 8')],
)
@pytest.mark.parametrize('key', ['timeout', 'tasks', 'percentage'])
def test_numbers_that_yaml_reads_in_another_base_are_refused(key, value, read_as):
    entry = {'percentage': '100', 'tasks': '5', key: value}
    written = ', '.join(f'{name}: {text}' for name, text in entry.items())
    found = problem(SHORT + f'stages: [{{{written}}}]')
    assert found.startswith(f'{value} at line 4 is a number of {read_as} in YAML')


@pytest.mark.parametrize('key', ['stages', 'phases', 'regions', 'schedule'])
def test_more_entries_than_any_rollout_has_are_refused(key):
    text = json.dumps({'modelId': 'm', 'version': 'v', 'strategy': 'Canary', key: [{}] * 101})
    assert problem(text) == f'{key}: has 101 entries: write at most 100'


def test_a_plan_of_a_megabyte_is_refused_before_it_is_read():
    assert 'larger than 256 kB' in problem(SHORT + STAGES + '# ' + 'x' * 10**6)


@settings(max_examples=50, derandomize=True)
@given(st.text(min_size=1000, max_size=2000), st.integers(1, 200))
def test_what_is_said_of_a_plan_is_short(text, number):
    entries = [{'percentage': text, 'tasks': text}] * min(100, number)
    plan = {'modelId': 'm', 'version': 'v', 'strategy': 'Canary', 'stages': entries, text: text}
    found = problems(json.dumps(plan))
    assert len(found) <= 21
    assert max(map(len, found)) <= 500


def test_a_plan_with_a_byte_order_mark_is_read(tmp_path):
    file = tmp_path / 'plan.yaml'
    file.write_text(CANARY, encoding='utf-8-sig')
    assert load_plan(read_plan_file(file)) == load_plan('\ufeff' + CANARY) == load_plan(CANARY)


@pytest.mark.parametrize('encoding', ['utf-16', 'utf-16-le', 'utf-16-be', 'utf-32', 'cp037'])
def test_a_plan_file_in_another_encoding_is_refused_with_the_remedy(tmp_path, encoding):
    file = tmp_path / 'plan.yaml'
    file.write_bytes(CANARY.encode(encoding))
    with pytest.raises(PlanError, match='save it as UTF-8'):
        read_plan_file(file)


def test_a_plan_file_that_is_no_regular_file_or_too_large_is_refused(tmp_path):
    fifo, large = tmp_path / 'fifo', tmp_path / 'large'
    os.mkfifo(fifo)
    with large.open('wb') as file:
        file.truncate(40 * 10**9)
    for path in (fifo, tmp_path, Path('/dev/zero')):
        with pytest.raises(PlanError, match='not a regular file'):
            read_plan_file(path)
    with pytest.raises(PlanError, match='larger than 256 kB'):
        read_plan_file(large)
