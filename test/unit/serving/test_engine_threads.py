# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Serving from many threads while routings and versions change."""

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hotswap_ros.models import ModelRepository
from hotswap_ros.serving import Engine, EngineSettings, InUseError, Routing

BIAS = {'v1': 1.0, 'v2': 2.0, 'v3': 3.0}
INFERENCES = 1500
THREADS = 2


@pytest.fixture(autouse=True)
def switch_often() -> Iterator[None]:
    """Let threads interrupt each other far more often than Python's 5 ms."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture
def engine(make_version: Any, repository: ModelRepository) -> Engine:
    """Return an engine with v1 and v2 ready, which serves v1."""
    for version in ('v1', 'v2'):
        make_version(version, bias=BIAS[version])
    engine = Engine(repository, 'policy')
    engine.load('v1')
    engine.load('v2')
    engine.set_routing(Routing('policy', 'v1'))
    return engine


def test_no_answer_is_wrong_while_all_changes(
    make_version: Any, repository: ModelRepository, observe: Any
) -> None:
    for version, bias in BIAS.items():
        make_version(version, bias=bias, fault='not_finite' if version == 'v2' else 'none')
    engine = Engine(repository, 'policy', EngineSettings(resident_limit=3))
    engine.load('v1')
    engine.load('v2')
    engine.set_routing(Routing('policy', 'v1'))
    done = threading.Event()

    def infer(thread: int) -> Counter[str]:
        answers: Counter[str] = Counter()
        for number in range(INFERENCES):
            task = f'{thread}-{number // 5}'
            # Every seventh sets off the candidate's fault: it must never reach the caller.
            decision = engine.infer(observe(-1 if number % 7 == 0 else 1), task)
            assert decision.outputs['decision'][0, 0] == BIAS[decision.version]
            assert decision.version in ('v1', 'v2')
            answers['fallback' if decision.fallback else decision.version] += 1
            if number % 5 == 4:
                engine.report_task(task, True)
        return answers

    def swap() -> int:
        generation = 0
        while not done.is_set():
            generation += 1
            candidate = 'v2' if generation % 2 else ''
            share = 1.0 if candidate else 0.0
            engine.set_routing(Routing('policy', 'v1', candidate, share, generation=generation))
            engine.tick()
        return generation

    def load_and_unload() -> int:
        rounds = 0
        while not done.is_set():
            engine.load('v3')
            engine.unload('v3')
            engine.versions()
            rounds += 1
        return rounds

    answers = run_against(done, infer, swap, load_and_unload)
    counters = engine.counters()
    assert set(counters) == set(BIAS)
    assert sum(c.requests for c in counters.values()) == THREADS * INFERENCES
    assert sum(c.tasks.started for c in counters.values()) == THREADS * INFERENCES // 5
    assert sum(c.tasks.succeeded for c in counters.values()) == THREADS * INFERENCES // 5
    assert counters['v1'].requests == answers['v1']
    assert counters['v2'].requests == answers['v2'] + answers['fallback']
    assert counters['v2'].errors == answers['fallback'] == counters['v2'].fallbacks['not_finite']
    assert counters['v3'].requests == 0


def test_a_task_keeps_its_version_while_stable_is_exchanged(engine: Engine, observe: Any) -> None:
    done = threading.Event()

    def infer(thread: int) -> Counter[str]:
        answers: Counter[str] = Counter()
        for number in range(0, INFERENCES, 5):
            task = f'{thread}-{number}'
            versions = {engine.infer(observe(), task).version for _ in range(5)}
            assert len(versions) == 1
            answers[versions.pop()] += 1
            engine.report_task(task, True)
        return answers

    def exchange() -> int:
        generation = 0
        while not done.is_set():
            generation += 1
            stable = 'v2' if generation % 2 else 'v1'
            engine.set_routing(Routing('policy', stable, generation=generation))
            for version in ('v1', 'v2'):
                # Whoever is not stable is unloaded the moment that no task is left on it.
                try:
                    engine.unload(version)
                except InUseError:
                    continue
                engine.load(version)
        return generation

    answers = run_against(done, infer, exchange)
    for version in ('v1', 'v2'):
        assert engine.counters()[version].tasks.succeeded == answers[version]


def test_no_task_is_counted_under_a_routing_that_came_after_it_began(
    engine: Engine, observe: Any
) -> None:
    """Between two looks at one routing, the version that it does not name begins no task."""
    done = threading.Event()

    def infer(thread: int) -> Counter[str]:
        for number in range(INFERENCES):
            engine.infer(observe(), f'{thread}-{number}')
            engine.report_task(f'{thread}-{number}', True)
        return Counter()

    def exchange() -> int:
        generation = 0
        while not done.is_set():
            generation += 1
            stable = 'v2' if generation % 2 else 'v1'
            engine.set_routing(Routing('policy', stable, generation=generation))
        return generation

    def look() -> int:
        looks, last, counted = 0, engine.routing, engine.counters()
        while not done.is_set():
            routing, counters = engine.telemetry()
            if routing == last:
                other = 'v1' if routing.stable == 'v2' else 'v2'
                assert counters[other].tasks.started == counted[other].tasks.started
                looks += 1
            last, counted = routing, counters
        return looks

    run_against(done, infer, exchange, look)


def run_against(
    done: threading.Event,
    infer: Callable[[int], Counter[str]],
    *disturbances: Callable[[], int],
) -> Counter[str]:
    """Infer in some threads until they have done their count, while others disturb them."""
    with ThreadPoolExecutor(THREADS + len(disturbances)) as pool:
        disturbing = [pool.submit(disturbance) for disturbance in disturbances]
        inferring = [pool.submit(infer, thread) for thread in range(THREADS)]
        try:
            answers = sum((future.result() for future in inferring), Counter[str]())
        finally:
            done.set()
        assert all(future.result() > 0 for future in disturbing)
    return answers
