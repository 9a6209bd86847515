# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A worker process: its answers, its crashes, and its end without remains."""

import gc
import math
import os
import select
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hotswap_ros.models import DigestMismatchError
from hotswap_ros.serving import (
    FailureCause,
    Guard,
    LoadFailedError,
    NotReadyError,
    Routing,
    RuntimeSettings,
    VersionState,
)
from hotswap_ros.serving.recorder import Recorder
from hotswap_ros.serving.versions.loaded_version import LoadedVersion
from hotswap_ros.serving.worker.job import Job
from hotswap_ros.serving.worker.supervisor import WorkerSupervisor

FAULTS = ['exception', 'output', 'not_finite', 'out_of_bounds']


def is_gone(pid: int) -> bool:
    """Return whether a process has ended and was waited for: a zombie is not gone."""
    return not Path(f'/proc/{pid}').exists()


def fds_open() -> int:
    gc.collect()  # those of the tests before
    return len(os.listdir('/proc/self/fd'))  # noqa: PTH208


def test_it_answers_as_in_process(watch: Any, observe: Any) -> None:
    watched = watch()
    engine = watched.engine
    assert list(engine.workers()) == ['v2']
    assert watched.pid() != os.getpid()
    decisions = [engine.infer(observe(), 'task') for _ in range(50)]
    assert {decision.version for decision in decisions} == {'v2'}
    assert not any(decision.fallback for decision in decisions)
    for decision in decisions:
        np.testing.assert_array_equal(
            decision.outputs['decision'], np.full((1, 2), 0.2, np.float32)
        )
    # The arrays are the caller's own: another answer does not change them.
    decisions[0].outputs['decision'][:] = 7.0
    assert decisions[1].outputs['decision'][0, 0] == np.float32(0.2)
    assert engine.counters()['v2'].requests == 50


def test_a_start_that_replaces_itself_once_keeps_its_pipes(
    watch: Any, observe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # ROS from wheels runs the interpreter again at its start, unless a parent has done so.
    monkeypatch.delenv('_ROS_WHEELS_BOOTSTRAP_COMPLETE', raising=False)
    assert watch().engine.infer(observe(), 'task').version == 'v2'


def test_its_states_are_those_of_any_version(watch: Any) -> None:
    watched = watch()
    states = [state for version, state in watched.states if version == 'v2']
    assert states == ['verifying', 'loading', 'warming', 'ready']
    info = watched.engine.versions()[1]
    assert info.digest
    assert info.size_bytes > 0
    assert info.warm_latency_ms is not None
    assert info.warm_latency_ms > 0


@pytest.mark.parametrize('fault', FAULTS)
def test_stable_answers_for_what_it_gets_wrong(watch: Any, observe: Any, fault: str) -> None:
    engine = watch({'fault': fault}).engine
    assert engine.infer(observe(), 'task').version == 'v2'
    decision = engine.infer(observe(-1), 'task')
    assert (decision.version, decision.fallback, decision.cause) == (
        'v1',
        True,
        FailureCause(fault),
    )
    assert bool(decision.detail) == (fault in ('exception', 'output'))
    assert engine.infer(observe(), 'task').version == 'v2'


@pytest.mark.parametrize('death', [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_in_the_middle_of_a_request(watch: Any, observe: Any, death: int) -> None:
    watched = watch(breaker_limit=0)
    engine, pid = watched.engine, watched.stop()
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(engine.infer, observe(), 'task')
        os.kill(pid, death)
        os.kill(pid, signal.SIGCONT)
        decision = under_way.result(30)
    assert (decision.version, decision.fallback, decision.cause) == (
        'v1',
        True,
        FailureCause.CRASH,
    )
    # Until its worker is back, stable answers; then the task is its own again.
    watched.wait_for_another_worker(pid)
    assert is_gone(pid)
    assert engine.infer(observe(), 'task').version == 'v2'
    counters = engine.counters()['v2']
    assert counters.errors == counters.fallbacks['crash'] == 1


def test_a_worker_that_hangs_is_replaced(
    watch: Any, observe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('hotswap_ros.serving.worker.process.HANG_S', 0.05)
    watched = watch({'deadline_ms': 500.0}, breaker_limit=0)
    engine, pid = watched.engine, watched.stop()
    decision = engine.infer(observe(), 'task')
    assert (decision.version, decision.fallback, decision.cause) == (
        'v1',
        True,
        FailureCause.DEADLINE,
    )
    causes = set()
    while (decision := engine.infer(observe(), 'task')).fallback:
        causes.add(decision.cause)
    assert FailureCause.CRASH not in causes, 'it was late'
    watched.wait_for_another_worker(pid)
    assert is_gone(pid)
    assert engine.infer(observe(), 'task').version == 'v2'


@pytest.mark.parametrize(
    ('deadline_ms', 'warm_ms', 'expected'),
    [
        (None, 1200.0, 3600.0),
        (None, 2.0, 1000.0),
        (None, math.nan, 1000.0),
        (500.0, 1200.0, 500.0),
    ],
)
def test_the_default_deadline_follows_the_warm_latency(
    make_version: Any, deadline_ms: float | None, warm_ms: float, expected: float
) -> None:
    manifest = make_version.manifest('v1', deadline_ms=deadline_ms)
    session: Any = SimpleNamespace(warm_latency_ms=warm_ms)
    loaded = LoadedVersion(manifest, session, Guard(manifest), Recorder())
    assert loaded.deadline_ms == pytest.approx(expected)


def test_a_late_reply_is_not_taken_for_the_next(watch: Any, observe: Any) -> None:
    watched = watch({'deadline_ms': 300.0}, breaker_limit=0)
    engine = watched.engine
    watched.stop()
    causes = [engine.infer(observe(), 'task').cause for _ in range(2)]
    assert causes == [FailureCause.DEADLINE, FailureCause.DEADLINE]
    os.kill(watched.pid(), signal.SIGCONT)
    answers = (engine.infer(observe(), 'task') for _ in range(1_000_000))
    decision = next(answer for answer in answers if not answer.fallback)
    assert decision.outputs['decision'][0, 0] == np.float32(0.2)
    assert engine.infer(observe(), 'task').version == 'v2'


def test_the_breaker_opens_while_the_worker_restarts(watch: Any, observe: Any) -> None:
    watched = watch(breaker_limit=3)
    engine, pid = watched.engine, watched.pid()
    os.kill(pid, signal.SIGKILL)
    answers = [engine.infer(observe(), 'task') for _ in range(3)]
    assert {answer.cause for answer in answers} == {FailureCause.CRASH}
    assert engine.breaker is not None
    assert engine.breaker.cause is FailureCause.CRASH
    assert engine.routing.candidate == ''
    watched.wait_for_another_worker(pid)
    engine.set_routing(Routing('policy', 'v1', 'v2', 1.0, generation=3))
    assert engine.infer(observe(), 'other').version == 'v2'


def test_a_version_that_always_dies_is_given_up(
    watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('hotswap_ros.serving.worker.supervisor.RESTARTS', 1)
    watched = watch()
    engine = watched.engine
    first = watched.pid()
    os.kill(first, signal.SIGKILL)
    watched.wait_for_another_worker(first)
    os.kill(watched.pid(), signal.SIGKILL)
    watched.wait_until(lambda: engine.versions()[1].state is VersionState.FAILED)
    assert 'too often' in engine.versions()[1].reason
    assert engine.routing.candidate == ''
    assert engine.breaker is not None
    with pytest.raises(NotReadyError, match='too often'):
        engine.set_routing(Routing('policy', 'v1', 'v2', 1.0, generation=3))
    engine.load('v2')
    engine.set_routing(Routing('policy', 'v1', 'v2', 1.0, generation=3))


def test_what_does_not_load_is_told_as_in_process(watch: Any, make_version: Any) -> None:
    watched = watch(resident_limit=3)
    make_version('v3', fault='unknown_operator')
    with pytest.raises(LoadFailedError, match='NoSuchOperator'):
        watched.engine.load('v3')
    make_version.damage(make_version('v3') / 'model.onnx')
    with pytest.raises(DigestMismatchError):
        watched.engine.load('v3')
    assert watched.engine.versions()[2].state is VersionState.FAILED
    assert list(watched.engine.workers()) == ['v2']


def test_a_death_while_loading_fails_the_version(
    watch: Any, make_version: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = watch(resident_limit=3)
    make_version('v3')
    monkeypatch.setattr('hotswap_ros.serving.worker.process.json.loads', die_of_news)
    with pytest.raises(LoadFailedError, match='its worker was ended by signal 9 while loading'):
        watched.engine.load('v3')


def die_of_news(line: bytes) -> dict[str, Any]:
    """Kill the worker that tells its first news."""
    children = Path(f'/proc/{os.getpid()}/task').glob('*/children')
    youngest = max(int(pid) for path in children for pid in path.read_text().split())
    os.kill(youngest, signal.SIGKILL)
    return {'state': 'verifying'}


def test_promotion_brings_the_new_stable_home(watch: Any, observe: Any) -> None:
    watched = watch()
    engine, pid = watched.engine, watched.pid()
    assert engine.infer(observe(), 'task').version == 'v2'
    engine.set_routing(Routing('policy', 'v2', generation=3))
    # From the very first moment on, in the worker or at home, it is v2 that answers.
    while engine.workers():
        assert engine.infer(observe(), 'task').version == 'v2'
    watched.wait_until(lambda: is_gone(pid))
    decision = engine.infer(observe(), 'task')
    assert (decision.version, decision.fallback) == ('v2', False)
    assert decision.outputs['decision'][0, 0] == np.float32(0.2)
    assert [info.state.value for info in engine.versions()] == ['ready', 'ready']
    engine.set_routing(Routing('policy', 'v1', generation=4))
    assert engine.infer(observe(), 'other').version == 'v1'


def test_a_promotion_that_fails_leaves_the_worker_serving(
    watch: Any, observe: Any, make_version: Any, caplog: pytest.LogCaptureFixture
) -> None:
    watched = watch()
    make_version.damage(make_version.root / 'policy' / 'v2' / 'model.onnx')
    watched.engine.set_routing(Routing('policy', 'v2', generation=3))
    watched.wait_until(lambda: 'stays in its worker' in caplog.text)
    assert watched.engine.infer(observe(), 'task').version == 'v2'
    assert list(watched.engine.workers()) == ['v2']


def test_one_that_was_stable_goes_into_a_worker_to_be_a_candidate(
    watch: Any, observe: Any
) -> None:
    watched = watch()
    engine = watched.engine
    engine.set_routing(Routing('policy', 'v2', generation=3))
    watched.wait_until(lambda: not engine.workers())
    engine.set_routing(Routing('policy', 'v1', generation=4))
    assert engine.workers() == {}
    engine.set_routing(Routing('policy', 'v1', 'v2', 1.0, generation=5))
    # From the very first moment on, at home or in the worker, it is v2 that answers.
    while not engine.workers():
        assert engine.infer(observe(), 'task').version == 'v2'
    pid = watched.pid()
    assert pid != os.getpid()
    decision = engine.infer(observe(), 'task')
    assert (decision.version, decision.fallback) == ('v2', False)
    engine.set_routing(Routing('policy', 'v2', generation=6))
    watched.wait_until(lambda: is_gone(pid))
    assert engine.infer(observe(), 'task').version == 'v2'
    assert engine.workers() == {}


def test_one_that_is_wanted_back_while_it_moves_stays(watch: Any, observe: Any) -> None:
    watched = watch()
    engine = watched.engine
    engine.set_routing(Routing('policy', 'v2', 'v1', 1.0, generation=3))
    engine.set_routing(Routing('policy', 'v1', 'v2', 1.0, generation=4))
    # Both were on their way: each ends where it belongs now.
    watched.wait_until(lambda: list(engine.workers()) == ['v2'])
    assert engine.infer(observe(), 'task').version == 'v2'
    engine.close()
    assert engine.workers() == {}


def test_nothing_is_left_of_an_unloaded_version(watch: Any, observe: Any) -> None:
    watched = watch()
    engine, pid = watched.engine, watched.pid()
    engine.infer(observe(), 'task')
    engine.set_routing(Routing('policy', 'v1', generation=3))
    engine.unload('v2')
    assert is_gone(pid)
    assert engine.workers() == {}
    before = fds_open()
    for _ in range(2):
        engine.load('v2')
        engine.unload('v2')
    # Engines of earlier tests may close theirs meanwhile.
    assert fds_open() <= before


def test_closing_ends_every_worker(watch: Any) -> None:
    watched = watch()
    pid = watched.pid()
    watched.engine.close()
    assert is_gone(pid)
    assert watched.engine.workers() == {}


def test_requests_of_many_threads_get_their_own_answers(
    watch: Any, observe: Any, make_version: Any
) -> None:
    engine = watch().engine

    def infer(thread: int) -> int:
        for number in range(100):
            decision = engine.infer(observe(), f'{thread}-{number}')
            assert decision.version == 'v2'
            assert decision.outputs['decision'][0, 0] == np.float32(0.2)
        return thread

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(infer, range(4))) == [0, 1, 2, 3]
    assert engine.counters()['v2'].requests == 400


_SCRIPT = """
import sys
print('ran', flush=True)
from hotswap_ros.models import ModelRepository
from hotswap_ros.serving import Engine, EngineSettings, Routing
repository = ModelRepository(sys.argv[1])
engine = Engine(repository, 'policy', EngineSettings(isolation='worker', idle_background=False))
engine.load('v1')
engine.load('v2')
print(engine.workers()['v2'], flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize('is_stopped', [False, True])
def test_a_worker_dies_with_its_engine_and_leaves_the_script_alone(
    make_version: Any, is_stopped: bool
) -> None:
    make_version('v1')
    make_version('v2')
    script = subprocess.Popen(
        [sys.executable, '-c', _SCRIPT, str(make_version.root)],
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert script.stdout is not None
    with script:
        assert script.stdout.readline() == 'ran\n'
        worker = int(script.stdout.readline())  # a second 'ran' would be no number
        if is_stopped:
            os.kill(worker, signal.SIGSTOP)
        end = os.pidfd_open(worker)
        script.kill()
    assert select.select([end], [], [], 60)[0]
    os.close(end)


def test_it_loads_in_the_lowest_class_and_serves_in_the_normal_one(make_version: Any) -> None:
    make_version('v2')
    manifest = make_version.repository.manifest('policy', 'v2')
    with ThreadPoolExecutor(1) as pool:
        supervisor = WorkerSupervisor(
            Job(make_version.root, manifest, RuntimeSettings(), idle=True), lambda news: None
        )
        opening = pool.submit(supervisor.open)
        while {os.SCHED_IDLE, os.SCHED_OTHER} != classes_of(supervisor.pid):
            assert not opening.done()
        supervisor.close()
        with pytest.raises(LoadFailedError, match='ended by signal 9'):
            opening.result(60)


def classes_of(pid: int) -> set[int]:
    """Return the scheduling classes of a process's threads."""
    if not pid:
        return set()
    return {os.sched_getscheduler(int(tid)) for tid in os.listdir(f'/proc/{pid}/task')}  # noqa: PTH208


def test_a_worker_cannot_take_more_than_its_budget(make_version: Any) -> None:
    make_version('v2')
    manifest = make_version.repository.manifest('policy', 'v2')
    # Less than nothing left, with what the kernel counts and nobody uses.
    job = Job(
        make_version.root, manifest, RuntimeSettings(), idle=False, memory_bytes=-250_000_000
    )
    with pytest.raises(LoadFailedError):
        WorkerSupervisor(job, lambda news: None).open()


def test_no_answer_is_wrong_while_workers_die_and_routings_change(
    watch: Any, observe: Any, make_version: Any
) -> None:
    watched = watch(breaker_limit=0)
    engine = watched.engine
    done = threading.Event()

    def infer(thread: int) -> int:
        fallbacks = 0
        for number in range(1500):
            decision = engine.infer(observe(), f'{thread}-{number // 5}')
            bias = {'v1': 0.1, 'v2': 0.2}[decision.version]
            assert decision.outputs['decision'][0, 0] == np.float32(bias)
            fallbacks += decision.fallback
            if number % 5 == 4:
                engine.report_task(f'{thread}-{number // 5}', True)
        return fallbacks

    def swap() -> None:
        generation = 2
        while not done.is_set():
            generation += 1
            candidate, shadow = ('v2', '') if generation % 2 else ('', 'v2')
            routing = Routing(
                'policy',
                'v1',
                candidate,
                float(bool(candidate)),
                shadow=shadow,
                generation=generation,
            )
            with suppress(NotReadyError):  # its worker is on the way back up
                engine.set_routing(routing)

    with ThreadPoolExecutor(3) as pool:
        swapping = pool.submit(swap)
        inferring = [pool.submit(infer, thread) for thread in range(2)]
        os.kill(watched.pid(), signal.SIGKILL)
        try:
            fallbacks = sum(future.result(100) for future in inferring)
        finally:
            done.set()
        swapping.result(60)
    counters = engine.counters()
    assert sum(c.requests for c in counters.values()) == 3000
    assert sum(c.tasks.succeeded for c in counters.values()) == 600
    assert counters['v2'].errors == fallbacks == sum(counters['v2'].fallbacks.values())


def test_a_worker_that_is_merely_slow_is_not_ended(
    watch: Any, observe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[tuple[Any, list[int]]] = []

    class Timer:
        """Stands still until the test says so."""

        def __init__(self, delay_s: float, end: Any, arguments: list[int]) -> None:
            ends.append((end, arguments))

        def start(self) -> None:
            pass

    monkeypatch.setattr('hotswap_ros.serving.worker.process.threading.Timer', Timer)
    watched = watch({'deadline_ms': 100.0}, breaker_limit=0)
    engine, pid = watched.engine, watched.stop()
    assert engine.infer(observe(), 'task').cause is FailureCause.DEADLINE
    os.kill(pid, signal.SIGCONT)
    assert any(not engine.infer(observe(), 'task').fallback for _ in range(1_000_000))
    watched.stop()
    assert engine.infer(observe(), 'task').cause is FailureCause.DEADLINE
    (first, second) = ends
    first[0](*first[1])
    assert not is_gone(pid)
    second[0](*second[1])
    watched.wait_for_another_worker(pid)


def test_a_worker_that_cannot_be_started_fails_the_version(
    watch: Any, make_version: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = watch(resident_limit=3)
    make_version('v3')
    monkeypatch.setattr('hotswap_ros.serving.worker.job.sys.executable', '/no/such/interpreter')
    with pytest.raises(LoadFailedError, match='its worker cannot be started'):
        watched.engine.load('v3')


def test_a_version_whose_worker_grows_too_far_is_given_up(watch: Any, observe: Any) -> None:
    watched = watch(worker_growth_bytes=1)
    engine = watched.engine
    pid = watched.pid()
    # Threads, pages of libraries, the arena: the first answers take a little memory themselves.
    while engine.infer(observe(), 'task').version == 'v2':
        engine.tick()
    watched.wait_until(lambda: engine.versions()[1].state is VersionState.FAILED)
    assert is_gone(pid)
    assert 'more memory than when it was warm' in engine.versions()[1].reason
    assert engine.breaker is not None
    assert engine.routing.candidate == ''
    assert engine.infer(observe(), 'other').version == 'v1'
