# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A journal on a disk that is full: what leads back goes on, and nothing goes forward."""

import contextlib
import resource

import pytest

from hotswap_ros.rollout import Status
from hotswap_ros.testing import FakeFleet

PLAN = """
modelId: pick_policy
version: {}
strategy: ProgressiveRollout
stages: [{{percentage: 50, tasks: {}}}, {{percentage: 100, tasks: 60}}]
"""


@contextlib.contextmanager
def full_disk():
    """Let no file of this process grow, nor be written."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.fixture
def fleet(tmp_path):
    fleet = FakeFleet(tmp_path / 'journal.sqlite3', {'v23': 0.9, 'v24': 0.95, 'v25': 0.2})
    yield fleet
    fleet.kill_coordinator()


@pytest.mark.parametrize('version', ['', 'v23'])
def test_an_ordered_rollback_works_and_is_written_down_later(fleet, version):
    fleet.finish(fleet.start(PLAN.format('v24', 60)))
    with full_disk():
        rollback = fleet.coordinator.roll_back('pick_policy', version, (), fleet.now)
        fleet.run_until(lambda: rollback.is_done, at_most=5)
        fleet.run(5)
        assert fleet.coordinator.journal_error
        assert fleet.stables() == {'v23'}
        assert rollback.state.robots_confirmed == 10
    fleet.run(5)
    assert fleet.coordinator.journal_error == ''
    newest = fleet.coordinator.history(1)[0]
    assert (newest.rollout_id, newest.status) == (
        rollback.state.rollback_id,
        Status.ROLLED_BACK,
    )
    fleet.boot_coordinator()
    fleet.run(5)
    assert fleet.stables() == {'v23'}


def test_a_rollout_that_does_harm_rolls_back_and_is_written_down_later(fleet):
    rollout = fleet.start(PLAN.format('v25', 60_000))
    fleet.run_until(lambda: fleet.candidates() == {'v25'})
    with full_disk():
        fleet.run_until(lambda: fleet.state(rollout).rolling_back_since is not None, at_most=600)
        fleet.run(5)
        assert fleet.candidates() == set()
    assert fleet.finish(rollout).status is Status.ROLLED_BACK


def test_nothing_goes_forward(fleet):
    fleet.step()
    with full_disk():
        rollout = fleet.start(PLAN.format('v24', 60))
        fleet.run(30)
        assert all(set(robot.versions) == {'v23'} for robot in fleet.robots.values())
    assert fleet.finish(rollout).status is Status.SUCCEEDED
