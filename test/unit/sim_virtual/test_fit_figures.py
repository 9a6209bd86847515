# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Outcomes that were measured in the physics simulation have what the tasks reported."""

from pathlib import Path

import pytest

from hotswap_ros.models import LATENCY_EDGES_MS, ModelRepository, VersionCounters
from hotswap_ros.sim.arm.task import TaskEnd
from hotswap_ros.sim.policies.fit_figures import Fit, TaskRecord

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
