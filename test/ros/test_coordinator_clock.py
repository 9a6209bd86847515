# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A coordinator whose wall clock is set by an hour, while it runs and between two starts."""

import os

import pytest
from _world import plan

from hotswap_ros import msg

HOUR = 3_600
TERMINAL = {
    msg.RolloutStatus.STATUS_SUCCEEDED,
    msg.RolloutStatus.STATUS_ROLLED_BACK,
    msg.RolloutStatus.STATUS_FAILED,
    msg.RolloutStatus.STATUS_ABORTED,
    msg.RolloutStatus.STATUS_SUPERSEDED,
}

#: Python runs it at the start of the coordinator: its clock is ahead by the number in a file.
_SHIFTED = """
import pathlib, time
_right, _ahead = time.time, pathlib.Path(__file__).with_name('ahead')
time.time = lambda: _right() + float(_ahead.read_text())
"""


@pytest.fixture
def site(make_site):
    site = make_site()
    site.run_fleet(2, speed=20.0)
    yield site
    for program in site.programs:
        if program.is_running:
            program.stop()


@pytest.fixture
def set_clock(site, tmp_path, monkeypatch):
    """Return what sets the clock of coordinators ahead, by so many seconds, and not of robots."""
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join([str(tmp_path), os.environ['PYTHONPATH']]))
    (tmp_path / 'sitecustomize.py').write_text(_SHIFTED)

    def ahead(by_s):
        (tmp_path / 'new').write_text(str(by_s))
        (tmp_path / 'new').replace(tmp_path / 'ahead')

    ahead(0)
    return ahead


@pytest.mark.parametrize('by_s', [-HOUR, HOUR])
def test_a_rollout_and_a_rollback_go_on_after_the_clock_was_set(site, set_clock, by_s):
    journal = site.folder / 'journal.sqlite3'
    coordinator = site.run_coordinator(journal)
    site.roll_out(plan('v24', [(50, 200), (100, 50)]))
    site.wait_for_candidate('v24')
    set_clock(by_s)
    done = max(m.tasks for m in site.statuses)
    site.statuses.wait_for(
        lambda m: m.status == msg.RolloutStatus.STATUS_RUNNING and m.tasks > done + 20,
        'tasks after the clock was set',
    )
    coordinator.kill()
    site.statuses.clear()
    site.run_coordinator(journal)
    ended = site.statuses.wait_for(lambda m: m.status in TERMINAL, 'the end of the rollout')
    assert ended.status == msg.RolloutStatus.STATUS_SUCCEEDED, ended.reason
    # An hour ahead looks like an hour without a coordinator; an hour back is no time at all.
    assert max(by_s, 0) <= ended.elapsed_s < max(by_s, 0) + HOUR / 2
    site.wait_until_served('v24')
    answer = site.roll_back(model_id='pick_policy', version='v23')
    assert answer.error_code == answer.NONE, answer.error_msg
    site.wait_until_served('v23')
