# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Outcomes that were measured in the physics simulation have what the tasks reported."""

from pathlib import Path

import pytest

from hotswap_ros.models import LATENCY_EDGES_MS, ModelRepository, VersionCounters
from hotswap_ros.sim.arm.task import TaskEnd
from hotswap_ros.sim.policies.fit import replaced
from hotswap_ros.sim.policies.fit_figures import Fit, TaskRecord
from hotswap_ros.sim.virtual import plain

MODELS = Path(__file__).parents[3] / 'models'


@pytest.mark.parametrize('failure', [0.25, None])
def test_measured_outcomes_have_the_progress_of_tasks(failure: float | None) -> None:
    ends = [TaskEnd(True, False, '', 1.0, progress) for progress in (0.5, 0.75, 1.0)]
    if failure is not None:
        ends.append(TaskEnd(False, False, 'misplaced', 1.0, failure))
    manifest = ModelRepository(MODELS).manifest('pick_policy', 'v24')
    done = [TaskRecord(robot, 'near', end, (), 1.0, 0) for robot, end in enumerate(ends)]
    latency = (1,) * (len(LATENCY_EDGES_MS) + 1)
    found = Fit(manifest, 'v23', len(ends), done, VersionCounters(latency=latency)).outcomes()
    assert found.reports_progress
    assert found.success_progress[len(found.success_progress) // 2] == pytest.approx(
        0.75, abs=0.02
    )
    assert set(found.failure_progress) == {failure or 0.0}


def test_some_figures_can_be_measured_anew_while_the_others_stay() -> None:
    before = plain('v24', 0.9, load_s=0.5)
    newer = plain('v24', 0.8, load_s=0.7, success_progress=(0.5, 1.0))
    found = replaced(before, newer, ['success_progress'])
    assert (found.success, found.load_s) == (0.9, 0.5)
    assert found.success_progress == (0.5, 1.0)
    assert 'success_progress' in found.origin


@pytest.mark.parametrize('newer', [{'digest': 'b' * 64}, {'refused': 'no memory'}])
def test_figures_of_another_file_or_of_none_are_not_mixed(newer: dict[str, str]) -> None:
    before, found = plain('v24', 0.9), plain('v24', 0.9, **newer)
    with pytest.raises(ValueError, match='measure'):
        replaced(before, found, ['success_progress'])
