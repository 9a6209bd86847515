# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The counts of a trial and of a diagnosis, over reboots and late messages."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from hotswap_ros.fleet import FleetView, RobotReport, Telemetry
from hotswap_ros.models import (
    LATENCY_EDGES_MS,
    RoleCounts,
    Routing,
    ShadowCounts,
    TaskCounts,
    VersionCounters,
)
from hotswap_ros.rollout.evidence.diagnosis import RolloutDiagnosis
from hotswap_ros.rollout.evidence.trial_counts import TrialCounts, Unit
from hotswap_ros.rollout.state import RobotProgress

LATENCY = [0] * (len(LATENCY_EDGES_MS) + 1)


def tell(trial_counts, boot, tasks, won):
    counters = {'v23': VersionCounters(tasks=TaskCounts(tasks, tasks, won))}
    trial_counts.observe('r1', boot, counters, 'v23', 'v24')


def tasks_of(trial_counts):
    ((_, counts),) = trial_counts.of('v23')
    return counts.finished, counts.succeeded


def test_trial_counts_go_on_over_reboots_and_survive_the_journal():
    trial_counts = TrialCounts()
    tell(trial_counts, 'a', 100, 90)  # before the trial
    tell(trial_counts, 'a', 110, 99)
    tell(trial_counts, 'a', 105, 95)  # late
    tell(trial_counts, 'b', 4, 4)
    trial_counts = TrialCounts(trial_counts.dump())
    tell(trial_counts, 'b', 6, 5)
    assert tasks_of(trial_counts) == (16, 14)


def test_a_late_message_of_an_earlier_boot_is_no_reboot():
    trial_counts = TrialCounts()
    tell(trial_counts, 'a', 100, 90)
    tell(trial_counts, 'b', 4, 4)
    tell(trial_counts, 'a', 103, 92)
    tell(trial_counts, 'b', 6, 5)
    assert tasks_of(trial_counts) == (9, 7)


def test_counts_that_an_older_release_wrote_go_on():
    trial_counts = TrialCounts(
        {
            'boots': {'r1': 'b'},
            'last': [['r1', 'v23', [4, 4, 0, 0, 0, 0, LATENCY]]],
            'done': [['r1', 'v23', [14, 13, 1, 0, 0, 0, LATENCY]]],
            'open': {'r1': [2, 1, 3]},
            'shadowed_tasks': 5,
            'units': [[3, 2, 3, 1, 2]],
        }
    )
    assert trial_counts.units == {Unit(3, 2, 3, 1): 2}
    counters = {
        'v23': VersionCounters(tasks=TaskCounts(6, 6, 5)),
        'v24': VersionCounters(shadow=ShadowCounts(offered=2, compared=2, agreed=2)),
    }
    trial_counts.observe('r1', 'b', counters, 'v23', 'v24')
    ((_, counts),) = trial_counts.of('v23')
    assert (counts.finished, counts.succeeded, counts.stuck) == (16, 14, 1)
    assert trial_counts.units == {Unit(3, 2, 3, 1): 2, Unit(4, 3, 5, 2): 1}
    assert trial_counts.shadowed_tasks == 7


@pytest.mark.parametrize('reboots', [False, True])
def test_a_diagnosis_knows_what_robots_did_before_they_rebooted(reboots):
    state = SimpleNamespace(
        plan=SimpleNamespace(model_id='m', version='v24'),
        robots={'r1': RobotProgress('v23')},
        previous={'r1': 'v23'},
        lab={},
    )
    view = FleetView(0.0)
    diagnosis = RolloutDiagnosis(state)

    def hear(boot, tasks, nans):
        tasks = TaskCounts(tasks, tasks, tasks - nans)
        role = RoleCounts(nans, {'not_finite': nans})
        new = VersionCounters(requests=10 * tasks.finished, tasks=tasks, candidate=role)
        won = replace(tasks, succeeded=tasks.finished)
        old = VersionCounters(requests=10 * tasks.finished, tasks=won)
        telemetry = Telemetry(boot, Routing('m', 'v23'), {'v24': new, 'v23': old})
        diagnosis.observe('r1', telemetry)
        view.on_telemetry('m', 'r1', telemetry)

    hear('a', 0, 0)
    hear('a', 60, 50)
    if reboots:
        hear('b', 1, 0)
    found = diagnosis.conclude(view, ())
    assert found is not None
    assert 'NaN' in found.cause


def test_a_diagnosis_knows_the_labels_that_robots_report():
    """v24 is worse on robots with one of two firmwares."""
    names = [f'r{number}' for number in range(10)]
    state = SimpleNamespace(
        plan=SimpleNamespace(model_id='m', version='v24'),
        robots={name: RobotProgress('v23') for name in names},
        previous=dict.fromkeys(names, 'v23'),
        lab={},
    )
    view = FleetView(0.0)
    diagnosis = RolloutDiagnosis(state)
    for number, name in enumerate(names):
        labels = (f'firmware={number % 2}',)
        report = RobotReport(name, f'/{name}', 'm', 'a', Routing('m', 'v23'), labels=labels)
        view.on_report(report, 0.0)
        for tasks in (0, 200):
            won = round(tasks * (0.6 if number % 2 else 0.9))
            telemetry = Telemetry(
                'a',
                Routing('m', 'v23'),
                {
                    'v23': VersionCounters(tasks=TaskCounts(tasks, tasks, round(tasks * 0.9))),
                    'v24': VersionCounters(tasks=TaskCounts(tasks, tasks, won)),
                },
            )
            diagnosis.observe(name, telemetry)
            view.on_telemetry('m', name, telemetry)
    found = diagnosis.conclude(view, ())
    assert found is not None
    assert 'firmware=1' in found.cause
    assert found.finding == 'supported'
