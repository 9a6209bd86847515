# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Jobs at their times, by threads; no figure of this file depends on how fast they are."""

import threading
import time

import pytest

from hotswap_ros.sim.faults.job_scheduler import JobScheduler

PATIENCE_S = 30.0


@pytest.fixture
def scheduler():
    scheduler = JobScheduler('test', threads=3)
    scheduler.start()
    yield scheduler
    scheduler.stop()


def test_jobs_are_done_in_the_order_of_their_times(scheduler):
    done, names = threading.Event(), []
    now = time.monotonic()
    scheduler.at(now + 0.04, done.set)
    scheduler.at(now + 0.03, lambda: names.append('second'))
    scheduler.at(now + 0.01, lambda: names.append('first'))
    assert done.wait(PATIENCE_S)
    assert names == ['first', 'second']
    assert time.monotonic() >= now + 0.04


def test_a_job_that_takes_long_holds_up_nobody(scheduler):
    done, release = threading.Event(), threading.Event()
    scheduler.after(0.0, lambda: release.wait(PATIENCE_S))
    scheduler.after(0.0, done.set)
    assert done.wait(PATIENCE_S)
    release.set()


def test_a_job_may_come_back(scheduler):
    done, times = threading.Event(), []

    def work():
        times.append(time.monotonic())
        if len(times) == 5:
            done.set()
        else:
            scheduler.after(0.0, work)

    scheduler.after(0.0, work)
    assert done.wait(PATIENCE_S)


def test_after_the_end_nothing_is_done():
    scheduler = JobScheduler('test')
    scheduler.start()
    scheduler.stop(PATIENCE_S)
    scheduler.after(0.0, lambda: pytest.fail('too late'))
