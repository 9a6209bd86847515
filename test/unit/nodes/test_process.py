# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The life cycle of a process with the rclpy of each ROS 2 distribution, old and new."""

import contextlib
import signal
import sys

import pytest

from hotswap_ros.nodes import process

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class FakeExecutor:
    """An executor without nodes; it interrupts the process that spins it."""

    def __init__(self, context=None):
        self.is_shut_down = False

    def spin_once(self, timeout_sec):
        signal.raise_signal(signal.SIGINT)

    def shutdown(self, timeout_sec):
        self.is_shut_down = True


class Events(FakeExecutor):
    """Stands for EventsExecutor."""


class SingleThreaded(FakeExecutor):
    """Stands for SingleThreadedExecutor."""


@pytest.fixture(params=['jazzy', 'kilted'])
def calls(request, monkeypatch):
    """Replace rclpy by the one of a distribution; return the calls of it."""
    calls = []

    def init(**_):
        calls.append('init')
        return contextlib.nullcontext() if request.param == 'kilted' else None

    monkeypatch.setattr(process.rclpy, 'init', init)
    monkeypatch.setattr(process.rclpy, 'try_shutdown', lambda: calls.append('shutdown'))
    monkeypatch.setattr(process, 'SingleThreadedExecutor', SingleThreaded)
    monkeypatch.setattr('rclpy.experimental.EventsExecutor', Events)
    monkeypatch.setattr(process, '_leave_within', lambda _: calls.append('deadline'))
    return calls


@pytest.fixture
def _own_signals():
    before, interval = [signal.getsignal(number) for number in SIGNALS], sys.getswitchinterval()
    yield
    sys.setswitchinterval(interval)
    for number, handler in zip(SIGNALS, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures('_own_signals')
def test_a_program_runs_until_a_signal_and_stops_in_order(calls):
    executors = []

    def start(executor):
        calls.append('start')
        executors.append(executor)
        return lambda: calls.append('stop')

    process.run([], start)
    assert calls == ['init', 'start', 'stop', 'deadline', 'shutdown']
    assert executors[0].is_shut_down


@pytest.mark.usefixtures('_own_signals')
def test_what_cannot_start_leaves_nothing_behind(calls, capsys):
    def start(_):
        raise process.ParameterError("parameter 'robots' is 0")

    with pytest.raises(SystemExit) as ended:
        process.run([], start)
    assert ended.value.code == process.CANNOT_START
    assert capsys.readouterr().err.endswith("parameter 'robots' is 0\n")
    assert calls == ['init', 'shutdown']


@pytest.mark.parametrize(
    ('release', 'kind'),
    [
        ('7.1.5', SingleThreaded),
        ('7.1.11', SingleThreaded),
        ('9.1.1', SingleThreaded),
        ('9.1.2', Events),
        ('10.0.10', Events),
    ],
)
@pytest.mark.usefixtures('calls')
def test_the_executor_is_one_that_awaits_services(monkeypatch, release, kind):
    monkeypatch.setattr(process, 'version', lambda _: release)
    assert type(process.new_executor()) is kind


@pytest.mark.usefixtures('calls')
def test_a_release_that_moved_the_experimental_executor_gets_the_other(monkeypatch):
    monkeypatch.setattr(process, 'version', lambda _: '12.0.0')
    monkeypatch.setitem(sys.modules, 'rclpy.experimental', None)
    assert type(process.new_executor()) is SingleThreaded
