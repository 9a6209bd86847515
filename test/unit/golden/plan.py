# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Errors of plans, items of checklists, titles of steps, and advice."""

import json
from collections.abc import Iterator
from dataclasses import replace

from hotswap_ros.plan import (
    Facts,
    LabResult,
    PlanError,
    Rehearsal,
    Risk,
    Robot,
    RobotFacts,
    VersionFacts,
    advise,
    blockers,
    compile_plan,
    load_plan,
    review,
)

NOW = 1_800_000_000.0
#: A plan of each strategy, without model and version.
PLANS = {
    'Direct': 'strategy: Direct',
    'RegionalRollout': 'strategy: RegionalRollout\nregions: [north]\ndelayBetweenRegions: PT1H',
    'Canary': (
        'strategy: Canary\nstages: [{percentage: 10, tasks: 50}, {percentage: 100, tasks: 9}]'
    ),
    'ProgressiveRollout': (
        'strategy: ProgressiveRollout\nautoProgress: false\n'
        'stages: [{percentage: 50, duration: PT1H}, {percentage: 100, duration: 0}]'
    ),
    'ABTesting': (
        'strategy: ABTesting\nmodelA: {modelId: m, version: v23}\n'
        'modelB: {modelId: m, version: v24}\ntestDuration: P7D\ntasks: 200'
    ),
    'BlueGreen': 'strategy: BlueGreen\napproval: {}\nbackupRobots: [r01]',
    'Shadow': 'strategy: Shadow\ntasks: 1000\npromote: true',
    'FeatureFlag': 'strategy: FeatureFlag\nschedule: [{after: 0, share: 0.1}]',
    'FeatureFlag, loop': 'strategy: FeatureFlag\ncontrolLoop: {}',
    'Phases': 'phases: [{strategy: Shadow, tasks: 50}, {strategy: Direct}]',
}
HEAD = 'modelId: m\nversion: v24\n'
CANARY = f'{HEAD}{PLANS["Canary"]}\n'
AB = f'{HEAD}{PLANS["ABTesting"]}\n'
#: Texts that are no plan, by the problem.
BAD = {
    'empty': '',
    'plain text': 'to_v24.yaml',
    'not YAML': 'a: [1',
    'one line': 'modelId: m version: v24 strategy: Canary',
    'nested': '[' * 100_000,
    'key twice': 'modelId: m\nmodelId: n',
    'strategy missing': 'modelId: m',
    'strategy unknown': f'{HEAD}strategy: Canari',
    'key missing': HEAD + 'strategy: RegionalRollout',
    'key near': f'{CANARY}sucessCriteria: {{}}',
    'key far': f'{CANARY}zzz: 1',
    'key of a section': f'{CANARY}owner: Ann',
    'key of a strategy': f'{CANARY}regions: [a]',
    'two spellings': f'{CANARY}maxMissing: 1\nmax_missing: 1',
    'number for text': CANARY.replace('v24', '24'),
    'no duration': f'{CANARY}lease: 5m',
    'no list': f'{CANARY}labels: a',
    'no section': f'{CANARY}successCriteria: 5',
    'yes for a number': f'{CANARY}maxUnreachable: yes',
    'number for yes': f'{CANARY}promote: 1',
    'not one of': f'{CANARY}onInconclusive: stop',
    'out of range': f'{CANARY}maxUnreachable: -1',
    'stage without end': HEAD + 'strategy: Canary\nstages: [{percentage: 100}]',
    'stages fall': HEAD
    + 'strategy: Canary\nstages: [{percentage: 50, tasks: 1}, {percentage: 20, tasks: 1}]',
    'stages end early': HEAD + 'strategy: Canary\nstages: [{percentage: 50, tasks: 1}]',
    'stages unwatched': HEAD
    + 'strategy: ProgressiveRollout\nstages: [{percentage: 100, duration: 0}]',
    'no stages': HEAD + 'strategy: Canary',
    'stages and short form': f'{CANARY}canaryPercentage: 5\ncanaryDuration: 5',
    'half a short form': HEAD + 'strategy: Canary\ncanaryPercentage: 5',
    'no control within robots': CANARY.replace('tasks: 50', 'tasks: 50, controlShare: 0'),
    'no control across robots': CANARY.replace('tasks: 9', 'tasks: 9, controlShare: 0')
    + 'successCriteria: {control: across_robots}',
    'approval for nobody': HEAD
    + 'strategy: ProgressiveRollout\nstages: [{percentage: 100, tasks: 1}]\n'
    'approval: {timeout: 5}',
    'limit twice': f'{CANARY}successCriteria: {{maxSuccessDrop: 0.1, maxAccuracyDrop: 0.1}}',
    'no number': f'{CANARY}successCriteria: {{control: fixed}}',
    'a number too many': CANARY + 'successCriteria: {control: history, baselineSuccessRate: 0.9}',
    'categories without control': CANARY
    + 'successCriteria: {control: history, maxCategoryDrop: 0.5}',
    'categories of BlueGreen': HEAD
    + 'strategy: BlueGreen\nsuccessCriteria: {maxCategoryDrop: 0.5}',
    'progress without draws': CANARY
    + 'successCriteria: {control: history, maxProgressDrop: 0.05}',
    'interventions at the end': CANARY
    + 'successCriteria: {method: fixed, noMoreInterventions: true}',
    'progress of BlueGreen': HEAD
    + 'strategy: BlueGreen\nsuccessCriteria: {maxProgressDrop: 0.05}',
    'duration without limit': CANARY + 'successCriteria: {maxDurationIncrease: 0.2}',
    'limit without duration': CANARY + 'successCriteria: {durationLimitS: 60}',
    'progress not asked for': CANARY + 'successCriteria: {successMetric: progress}',
    'shadow without end': HEAD + 'strategy: Shadow',
    'flag without schedule': HEAD + 'strategy: FeatureFlag',
    'flag times': HEAD
    + 'strategy: FeatureFlag\nschedule: [{after: 5, share: 0.1}, {after: 5, share: 0.2}]',
    'flag falls': HEAD
    + 'strategy: FeatureFlag\nschedule: [{after: 5, share: 0.5}, {after: 9, share: 0.1}]',
    'region twice': HEAD + 'strategy: RegionalRollout\nregions: [a, b, a]\ndelayBetweenRegions: 5',
    'A/B without end': AB.replace('testDuration: P7D\ntasks: 200', ''),
    'A/B of one version': AB.replace('v23', 'v24'),
    'A/B of another version': AB.replace('version: v24\nstrategy', 'version: v25\nstrategy'),
    'A/B control': f'{AB}successCriteria: {{control: history}}',
    'one phase': HEAD + 'phases: [{strategy: Direct}]',
    'phase promotes': HEAD + 'phases: [{strategy: Direct}, {strategy: Shadow, tasks: 1}]',
    'phase would promote': HEAD
    + 'phases: [{strategy: Shadow, tasks: 1, promote: true}, {strategy: Direct}]',
    'phase of another version': HEAD
    + 'phases: [{strategy: Shadow, tasks: 1, version: v25}, {strategy: Direct}]',
    'phase of its own labels': HEAD
    + 'phases: [{strategy: Shadow, tasks: 1, labels: [a]}, {strategy: Direct}]',
    'window zone': f'{CANARY}deploymentWindows: [{{timezone: Mars/North}}]',
    'window number': f'{CANARY}deploymentWindows: [{{start: 22:30}}]',
    'window offset': f'{CANARY}deploymentWindows: [{{start: "22:30+01:00"}}]',
    'window days': f'{CANARY}deploymentWindows: [{{days: []}}]',
    'item near': f'{CANARY}checklist: {{preset: none, signed: {{storag: {{by: Ann}}}}}}',
    'item twice': CANARY
    + 'checklist: {preset: none, signed: {ownerSet: {by: A}, owner_set: {by: A}}}',
}
FLEET = [Robot(f'r{i:02}', ('north', 'south')[i % 2], 'v23', ('floor=1',)) for i in range(20)]
#: Plans that do not fit the fleet.
UNFIT = {
    'no such label': f'{CANARY}labels: [floor=2]',
    'no robot with all labels': f'{CANARY}labels: [floor=1, floor=3]',
    'no such robot': HEAD + 'strategy: Direct\ntargetDevices: [r99]',
    'no such region': HEAD + 'strategy: RegionalRollout\nregions: [west]\ndelayBetweenRegions: 5',
    'no such backup': HEAD + 'strategy: BlueGreen\nbackupRobots: [zz]',
    'robots of other versions': AB.replace('v23', 'v22'),
}

LAB = LabResult(success=0.92, success_by_category={'near': 0.95, 'far': 0.9})
ROBOTS = tuple(
    RobotFacts(
        f'r{index}',
        'v23',
        disk_free_bytes=10**9,
        warm_latency_ms=12.0 if index == 0 else None,
        counters_age_s=1.0,
        clock_skew_s=0.004 * index,
    )
    for index in range(4)
)
GOOD = Facts(
    NOW,
    ROBOTS,
    versions={name: VersionFacts(500_000_000, lab=LAB) for name in ('v23', 'v24')},
    rehearsals={robot.robot_id: Rehearsal(NOW - 86_400, 0.4) for robot in ROBOTS},
)
STATED = {
    'owner': 'Ann',
    'contacts': ['Bob', 'Eve'],
    'bandwidthMbps': 100,
}
WINDOW = '\ndeploymentWindows: [{days: [mon, tue], start: "22:00", end: "04:00"}]'


def sentences() -> Iterator[tuple[str, str]]:
    """Yield every sentence that a plan may give."""
    for name, text in BAD.items():
        yield f'error, {name}', _problems(text)
    for name, text in UNFIT.items():
        yield f'error, {name}', _problems(text, fits=True)
    yield from _titles()
    yield from _items()
    yield from _advice()


def _problems(text: str, *, fits: bool = False) -> str:
    try:
        plan = load_plan(text)
        if fits:
            compile_plan(plan, FLEET, 'salt')
    except PlanError as error:
        return '\n'.join(error.problems)
    raise AssertionError(f'a plan: {text}')


def _titles() -> Iterator[tuple[str, str]]:
    for name, text in PLANS.items():
        steps = compile_plan(load_plan(HEAD + text), FLEET, 'salt')
        yield f'steps, {name}', '\n'.join(step.title('v24') for step in steps)


def _items() -> Iterator[tuple[str, str]]:
    """Yield the sentences of items that pass, fail or are unknown, each sentence once."""
    seen = set()
    for case, facts in _facts():
        checklist = {'preset': 'production', **({} if case == 'unstated' else STATED)}
        text = f'{CANARY}checklist: {json.dumps(checklist)}{"" if case == "unstated" else WINDOW}'
        for item in review(load_plan(text), facts):
            if item.sentence not in seen:
                yield f'item, {case}, {item.name.value}, {item.state.value}', item.sentence
            seen.add(item.sentence)
    yield from _answered()


def _facts() -> Iterator[tuple[str, Facts]]:
    first, *others = ROBOTS
    yield 'good', GOOD
    yield 'unstated', replace(GOOD, is_watched=False)
    yield 'no robot', Facts(NOW)
    worse = LabResult(success=0.89, success_by_category={'near': 0.95, 'far': 0.4})
    slow = replace(first, warm_latency_ms=250.0, disk_free_bytes=10**6, counters_age_s=200.0)
    yield (
        'bad',
        replace(
            GOOD,
            robots=(slow, *others),
            versions={**GOOD.versions, 'v24': VersionFacts(5 * 10**8, ('decision',), worse)},
            rehearsals=dict.fromkeys(GOOD.rehearsals, Rehearsal(NOW - 86_400, 400.0)),
        ),
    )
    cold = replace(first, is_stable_ready=False)
    broken = LabResult(success=0.93, success_by_category={'near': 0.95, 'far': 0.0})
    yield (
        'broken',
        replace(
            GOOD,
            robots=(cold, *others),
            unreachable=('r8', 'r9'),
            versions={**GOOD.versions, 'v24': VersionFacts(5 * 10**8, lab=broken)},
        ),
    )
    small = replace(first, resident_limit=1, disk_free_bytes=None, warm_latency_ms=None)
    untested = LabResult(success=0.93, success_by_category={'near': 0.95})
    yield (
        'untested',
        replace(
            GOOD,
            robots=(small, *others),
            versions={**GOOD.versions, 'v24': VersionFacts(5 * 10**8, lab=untested)},
            rehearsals={},
        ),
    )
    lost = VersionFacts(problem='v24 is not in the model repository: add it')
    yield 'unknown', replace(GOOD, versions={'v24': lost})
    yield 'loaded', replace(GOOD, robots=tuple(replace(robot, holds=True) for robot in ROBOTS))


def _answered() -> Iterator[tuple[str, str]]:
    """Yield what is said where people sign and override, and of presets that require less."""
    small = replace(GOOD, robots=(replace(ROBOTS[0], resident_limit=1), *ROBOTS[1:]))
    by = {'by': 'Ann', 'remark': 'seen'}
    asked = {'preset': 'production', 'signed': {'human_safety': by, 'fallback_present': by}}
    overridden = {'preset': 'production', 'overrides': {'human_safety': by}}
    for case, checklist, name in (
        ('signed', asked, 'human_safety'),
        ('signed', asked, 'fallback_present'),
        ('overridden', overridden, 'human_safety'),
        ('testing', 'testing', 'human_safety'),
        ('testing', 'testing', 'owner_set'),
        ('none', 'none', 'storage'),
    ):
        plan = load_plan(f'{CANARY}checklist: {json.dumps(checklist)}')
        (item,) = (item for item in review(plan, small) if item.name.value == name)
        yield f'item, {case}, {name}', item.sentence
    plan = load_plan(f'{CANARY}checklist: {json.dumps(overridden)}')
    yield 'blockers', blockers(review(plan, small))


def _advice() -> Iterator[tuple[str, str]]:
    for name, asked in {
        'testing': {'robots': 5, 'is_production': False},
        'few robots': {'robots': 5},
        'unknown risk': {'robots': 50},
        'regions': {'robots': 50, 'regions': ['a', 'b']},
        'many robots': {'robots': 500},
        **{f'risk {risk.value}': {'robots': 50, 'risk': risk} for risk in Risk},
        'comparison of robots': {'robots': 50, 'compares': True},
        'comparison of tasks': {'robots': 12, 'compares': True},
    }.items():
        advice = advise(**asked)  # type: ignore[arg-type]
        yield f'advice, {name}, {advice.strategy.value}', advice.reason
