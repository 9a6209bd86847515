# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A busy computer: its waits are not the version's, and a slow version is still found."""

import math
import os
import signal
import subprocess
import time
from typing import Any

import pytest

from hotswap_ros.models import ModelRepository
from hotswap_ros.serving import BusyComputer, Engine, FailureCause, Routing
from hotswap_ros.serving.errors import RunFailedError
from hotswap_ros.serving.processor_waits import ProcessorWaits
from hotswap_ros.serving.recorder import Recorder
from hotswap_ros.serving.worker.waiting import (
    Interruptions,
    Progress,
    ThreadActivity,
    activity_of,
    waited_s,
)

# -- whose time it was ---------------------------------------------------------------------------


def test_the_wait_is_that_for_the_worker_and_for_the_engine() -> None:
    # Sent at 1.0, begun 4 ms later, answered after 2 ms, read 30 ms after that.
    assert waited_s(1.0, 1.004, 1.006, 1.036) == pytest.approx(0.034)


def test_what_other_processes_took_of_the_run_is_a_wait_too() -> None:
    assert waited_s(1.0, 1.0, 1.030, 1.030, interrupted_s=0.025) == pytest.approx(0.025)
    # More than the run: not to be believed.
    assert waited_s(1.0, 1.0, 1.030, 1.030, interrupted_s=0.5) == 0.0


def test_a_run_that_slept_was_not_interrupted() -> None:
    interruptions = Interruptions()
    for _ in range(3):
        time.sleep(0.002)
    assert interruptions.during(0.006) == 0.0
    # The processor was not asked for at all, and the thread did not sleep: others had it.
    interruptions.rest()
    assert interruptions.during(10.0) == pytest.approx(10.0, abs=1.0)
    assert interruptions.during(0.0005) == 0.0


@pytest.mark.parametrize(
    'times',
    [
        (1.0, 0.0, 0.0, 1.1),  # the worker wrote nothing
        (1.0, 1.05, 1.04, 1.1),  # ended before it began
        (1.0, 1.05, 1.2, 1.1),  # ended in the future
        (1.0, math.nan, 1.06, 1.1),
    ],
)
def test_impossible_times_are_no_excuse(times: tuple[float, float, float, float]) -> None:
    assert waited_s(*times) == 0.0


def test_a_worker_that_has_not_begun_and_could_run_used_no_time() -> None:
    assert Progress(1.0, 0.0, is_runnable=True, cpu_s=0.0).own_s(1.02) == 0.0


def test_a_worker_that_cannot_run_has_only_itself_to_blame() -> None:
    # It is stopped, or sleeps, before and after it began.
    assert Progress(1.0, 0.0, is_runnable=False, cpu_s=0.0).own_s(1.02) == pytest.approx(0.02)
    assert Progress(1.0, 1.01, is_runnable=False, cpu_s=0.0).own_s(1.02) == pytest.approx(0.01)


def test_of_a_worker_that_was_interrupted_only_its_processor_time_counts() -> None:
    assert Progress(1.0, 1.001, is_runnable=True, cpu_s=0.003).own_s(1.02) == pytest.approx(0.003)
    # More processor time than time: what the request before it used is not meant.
    assert Progress(1.0, 1.001, is_runnable=True, cpu_s=0.5).own_s(1.02) == pytest.approx(0.019)
    # A kernel that does not tell: all of it.
    assert Progress(1.0, 1.001, is_runnable=True, cpu_s=None).own_s(1.02) == pytest.approx(0.019)


# -- what is counted -----------------------------------------------------------------------------


def test_a_busy_computer_is_no_error_of_the_version() -> None:
    recorder = Recorder()
    recorder.count_failure(0.1, FailureCause.BUSY_COMPUTER, saved=True, on_trial=True)
    recorder.count_failure(25.0, FailureCause.DEADLINE, saved=True, on_trial=True)
    counts = recorder.snapshot()
    assert (counts.requests, counts.errors) == (2, 1)
    assert counts.fallbacks == {'busy_computer': 1, 'deadline': 1}
    assert counts.candidate.errors == {'deadline': 1}
    assert counts.candidate.fallbacks == 2


class Late:
    """A worker's session that answers after the deadline, of which `own_ms` are its own."""

    runs_in_worker = True
    typical_ms = 0.1
    pid = 0

    def __init__(self, own_ms: float, outputs: Any = None, cause: Any = None) -> None:
        self._own_ms, self._outputs, self._cause = own_ms, outputs, cause

    def run(self, inputs: Any, patience_s: float) -> Any:
        started = time.perf_counter()
        time.sleep(0.03)  # later than the deadline of 20 ms
        waited_ms = (time.perf_counter() - started) * 1e3 - self._own_ms
        if self._cause is not None:
            raise RunFailedError(self._cause, 'late', waited_ms)
        return self._outputs, waited_ms

    def close(self) -> None:
        pass

    def check_growth(self) -> None:
        pass


@pytest.fixture
def late(make_version: Any, repository: ModelRepository, observe: Any, clock: Any) -> Any:
    """Return a maker of engines whose candidate v2 answers late."""

    def make(**fields: Any) -> Engine:
        make_version('v1', bias=0.1)
        make_version('v2', bias=0.2, deadline_ms=20.0)
        engine = Engine(repository, 'policy', clock=clock)
        engine.load('v1')
        engine.load('v2')
        engine.set_routing(Routing('policy', 'v1', 'v2', 1.0, generation=1))
        candidate = engine._in_force.router.candidate
        assert candidate is not None
        outputs, _ = candidate.session.run(observe(), 1.0)
        candidate.session = Late(outputs=outputs, **fields)
        return engine

    return make


def test_an_answer_that_waited_is_given_and_counts_with_its_own_time(
    late: Any, observe: Any
) -> None:
    engine = late(own_ms=1.0)
    decision = engine.infer(observe(), 'task')
    assert (decision.version, decision.fallback, decision.cause) == ('v2', False, None)
    assert decision.latency_ms > 20.0  # as long as the robot waited
    counts = engine.counters()['v2']
    assert counts.errors == 0
    assert sum(counts.latency[10:]) == 0  # no request above 20 ms


def test_an_answer_that_is_slow_by_itself_is_late(late: Any, observe: Any) -> None:
    decision = late(own_ms=29.0).infer(observe(), 'task')
    assert (decision.version, decision.cause) == ('v1', FailureCause.DEADLINE)


def test_a_busy_computer_opens_no_breaker_and_is_reported(
    late: Any, observe: Any, clock: Any
) -> None:
    engine = late(own_ms=0.0, cause=FailureCause.BUSY_COMPUTER)
    for number in range(10):
        decision = engine.infer(observe(), 'task')
        assert (decision.version, decision.fallback) == ('v1', True)
        assert (engine.busy_computer is not None) == (number >= 2)
    assert engine.breaker is None
    assert engine.counters()['v2'].errors == 0
    assert engine.busy_computer == BusyComputer('v2', 10, 10)
    clock.now += 61.0
    assert engine.busy_computer is None


def test_a_slow_version_opens_the_breaker(late: Any, observe: Any) -> None:
    engine = late(own_ms=30.0, cause=FailureCause.DEADLINE)
    for _ in range(5):
        engine.infer(observe(), 'task')
    assert engine.breaker is not None
    assert engine.breaker.cause is FailureCause.DEADLINE


@pytest.mark.parametrize(('late_ones', 'is_busy'), [(2, False), (9, False), (10, True)])
def test_a_computer_is_busy_from_one_late_request_in_a_hundred(
    late_ones: int, is_busy: bool
) -> None:
    waits = ProcessorWaits()
    for number in range(1000):
        waits.count(number * 0.05, 'v2', is_late=number < late_ones)
    assert (waits.busy(50.0) is not None) == is_busy


def test_a_minute_ago_is_forgotten_and_so_is_another_version() -> None:
    waits = ProcessorWaits()
    for number in range(100):
        waits.count(float(number), 'v2', is_late=number < 30)
    assert waits.busy(99.0) is None
    waits.count(99.0, 'v3', is_late=True)
    assert waits.busy(99.0) is None


# -- a real worker that gets no turn --------------------------------------------------------------


def test_a_worker_that_gets_no_processor_is_not_blamed(
    watch: Any, observe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped worker, of which the kernel says that it could run, is one without a turn."""
    where = 'hotswap_ros.serving.worker.process'
    monkeypatch.setattr(f'{where}.HANG_S', 0.05)
    runnable = ThreadActivity(is_runnable=True, cpu_s=0.0)
    monkeypatch.setattr(f'{where}.activity_of', lambda pid: runnable)
    watched = watch({'deadline_ms': 20.0}, breaker_limit=2)
    engine, pid = watched.engine, watched.stop()
    decisions = [engine.infer(observe(), 'task') for _ in range(5)]
    time.sleep(0.2)  # longer than a worker that hangs may live
    assert {(one.version, one.cause) for one in decisions} == {('v1', FailureCause.BUSY_COMPUTER)}
    assert 'busy with other processes' in decisions[0].detail
    assert engine.breaker is None
    assert engine.counters()['v2'].errors == 0
    # Once it has its turn, it is the same worker that answers.
    os.kill(pid, signal.SIGCONT)
    answers = (engine.infer(observe(), 'task') for _ in range(100_000))
    assert next(one.version for one in answers if not one.fallback) == 'v2'
    assert watched.pid() == pid


def test_a_worker_says_when_it_ran(watch: Any, observe: Any) -> None:
    candidate = watch().engine._in_force.router.candidate
    outputs, waited_ms = candidate.session.run(observe(), 20.0)
    assert list(outputs) == ['decision']
    assert waited_ms > 0.0


def test_the_kernel_tells_what_a_process_does() -> None:
    sleeping = subprocess.Popen(['sleep', '60'])
    try:
        while activity_of(sleeping.pid).is_runnable:  # it starts
            pass
        activity = activity_of(sleeping.pid)
    finally:
        sleeping.kill()
        sleeping.wait()
    assert activity.cpu_s is None or activity.cpu_s < 10.0
    assert activity_of(os.getpid()).is_runnable
    assert activity_of(sleeping.pid) == ThreadActivity(False, None)
