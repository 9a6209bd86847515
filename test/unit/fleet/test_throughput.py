# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Throughput of robots, over reboots and late messages."""

import pytest

from hotswap_ros.fleet.reports import Telemetry
from hotswap_ros.fleet.throughput import Throughput
from hotswap_ros.models import Routing, TaskCounts, VersionCounters


def telemetry(tasks, boot='b'):
    counters = VersionCounters(tasks=TaskCounts(finished=tasks))
    return Telemetry(boot, Routing('m', 'v23'), {'v23': counters})


def test_throughput_is_the_rate_of_the_last_minutes():
    throughput = Throughput()
    for second in range(2000):
        tasks = second if second < 1000 else 1000 + 3 * (second - 1000)
        throughput.on_telemetry('m', 'r', telemetry(tasks), float(second))
    assert throughput.tasks_per_s('m', ['r', 'unknown']) == {'r': pytest.approx(3.0)}
    assert throughput.age_s('m', 'r', 2009.0) == 10.0
    assert throughput.age_s('m', 'unknown', 0.0) is None


@pytest.fixture
def throughput():
    """Return that of a robot that has finished a task in each of 100 seconds."""
    found = Throughput()
    for second in range(100):
        found.on_telemetry('m', 'r', telemetry(second), float(second))
    return found


def test_a_reboot_begins_a_rate_anew(throughput):
    throughput.on_telemetry('m', 'r', telemetry(0, 'other'), 100.0)
    assert throughput.tasks_per_s('m', ['r']) == {}
    throughput.on_telemetry('m', 'r', telemetry(40, 'other'), 120.0)
    assert throughput.tasks_per_s('m', ['r']) == {'r': 2.0}


def test_a_late_message_is_no_reboot(throughput):
    throughput.on_telemetry('m', 'r', telemetry(90), 100.0)
    assert throughput.tasks_per_s('m', ['r']) == {'r': 1.0}
    assert throughput.age_s('m', 'r', 100.0) == 1.0, 'the newest counters are from 99 s'


def test_neither_is_a_late_message_of_an_earlier_boot(throughput):
    throughput.on_telemetry('m', 'r', telemetry(0, 'other'), 100.0)
    throughput.on_telemetry('m', 'r', telemetry(20, 'other'), 110.0)
    throughput.on_telemetry('m', 'r', telemetry(103), 111.0)
    throughput.on_telemetry('m', 'r', telemetry(40, 'other'), 120.0)
    assert throughput.tasks_per_s('m', ['r']) == {'r': 2.0}


def test_a_robot_that_does_nothing_is_heard(throughput):
    throughput.on_telemetry('m', 'r', telemetry(99), 109.0)
    assert throughput.age_s('m', 'r', 110.0) == 1.0
