# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The policies succeed as often as stated, in physics.

Deterministic by seed on one machine; elsewhere, or with another MuJoCo, a draw from the same
distribution. The bounds then give a false alarm less often than once in 100,000 runs.
"""

import math
from pathlib import Path

import pytest

pytest.importorskip('mujoco')
pytest.importorskip('onnxruntime')

from hotswap_ros.models import ModelRepository
from hotswap_ros.sim.policies.measure import measure, session_policy

ROOT = Path(__file__).resolve().parents[2] / 'models'
TASKS, ROBOTS = 2000, 200
Z = 4.5
TOLERANCE = 0.005
VERSIONS = ('v23', 'v24', 'v25_regressed')


@pytest.fixture(scope='module')
def results():
    repository = ModelRepository(ROOT)
    return {
        version: measure(
            session_policy(repository.verify('pick_policy', version).content), TASKS, ROBOTS
        )
        for version in VERSIONS
    }


def deviation(rate, correlation):
    """Return the standard deviation of a share over robots whose tasks are correlated."""
    return math.sqrt(rate * (1 - rate) / TASKS * (1 + (TASKS / ROBOTS - 1) * correlation))


@pytest.mark.parametrize('version', VERSIONS)
def test_success_is_as_stated(results, version):
    training = ModelRepository(ROOT).manifest('pick_policy', version).training
    stated = training['stated_success']
    in_service = training.get('in_service', training['measured'])
    sigma = deviation(stated, in_service['intraclass_correlation'])
    assert abs(results[version].success - stated) < TOLERANCE + Z * sigma


def test_the_regression_is_seen_on_the_same_tasks(results):
    drop = results['v24'].success - results['v25_regressed'].success
    # As if the tasks were not the same, which would make it more certain still.
    sigma = math.hypot(deviation(0.94, 0.02), deviation(0.80, 0.05))
    assert drop > 0.14 - 2 * TOLERANCE - Z * sigma


def test_what_v24_learned_is_far_and_heavy(results):
    old, new = (results[version].total for version in ('v23', 'v24'))

    def successes(stats):
        return sum(stats.category_succeeded[category] for category in ('far', 'heavy'))

    assert successes(new) > successes(old)


def test_failures_take_no_longer_than_successes(results):
    for result in results.values():
        total = result.total
        failed = total.tasks - total.succeeded
        good_s = (total.simulated_s - total.failed_s) / total.succeeded
        assert total.failed_s / failed < 1.5 * good_s
