# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The breaker: it drops a candidate, tells of it, and is reset by a new routing."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotswap_ros.models import ModelRepository
from hotswap_ros.serving import (
    Engine,
    EngineSettings,
    FailureCause,
    OpenBreaker,
    Routing,
    StaleGenerationError,
)


@pytest.fixture
def serving(make_version: Any, repository: ModelRepository) -> Any:
    """Return a maker of engines with stable v1 and candidate v2, which fails on `observe(-1)`."""
    make_version('v1', bias=0.1)
    make_version('v2', bias=0.2, fault='not_finite')

    def make(limit: int = 3) -> Engine:
        engine = Engine(repository, 'policy', EngineSettings(breaker_limit=limit))
        engine.load('v1')
        engine.load('v2')
        engine.set_routing(Routing('policy', 'v1', 'v2', 1.0, generation=4))
        return engine

    return make


def test_failures_in_a_row_open_it(serving: Any, observe: Any) -> None:
    engine = serving()
    seen: list[OpenBreaker | None] = []
    engine.on_change = lambda: seen.append(engine.breaker)
    for _ in range(2):
        assert engine.infer(observe(-1), 'task').fallback
    assert (engine.breaker, seen) == (None, [])
    # The request that opens it is answered as those before it.
    assert engine.infer(observe(-1), 'task').fallback
    assert engine.breaker == OpenBreaker('v2', FailureCause.NOT_FINITE, 3, generation=4)
    assert seen == [engine.breaker]
    assert engine.routing == Routing('policy', 'v1', generation=4)

    decision = engine.infer(observe(-1), 'task')
    assert (decision.version, decision.fallback) == ('v1', False)
    assert engine.counters()['v2'].errors == 3


def test_only_a_higher_generation_brings_the_candidate_back(serving: Any, observe: Any) -> None:
    engine = serving()
    for _ in range(3):
        engine.infer(observe(-1), 'task')
    with pytest.raises(StaleGenerationError):
        engine.set_routing(Routing('policy', 'v1', 'v2', 1.0, generation=4))
    assert engine.breaker is not None
    engine.set_routing(Routing('policy', 'v1', 'v2', 1.0, generation=5))
    assert engine.breaker is None
    assert engine.infer(observe(), 'other').version == 'v2'
    for _ in range(2):
        engine.infer(observe(-1), 'other')
    assert engine.breaker is None


def test_stable_s_answers_do_not_count(serving: Any, observe: Any) -> None:
    engine = serving()
    engine.infer(observe(), 'on v2')
    engine.set_routing(Routing('policy', 'v1', 'v2', 0.0, generation=5))
    for number in range(3):
        assert engine.infer(observe(-1), 'on v2').fallback
        assert engine.infer(observe(), f'on v1 {number}').version == 'v1'
    assert engine.breaker is not None


def test_a_stable_that_was_replaced_opens_nothing(serving: Any, observe: Any) -> None:
    engine = serving(limit=1)
    engine.set_routing(Routing('policy', 'v2', generation=5))
    engine.infer(observe(), 'task')
    engine.set_routing(Routing('policy', 'v1', generation=6))
    assert engine.infer(observe(-1), 'task').fallback
    assert engine.breaker is None


def test_zero_is_never(serving: Any, observe: Any) -> None:
    engine = serving(limit=0)
    for _ in range(20):
        engine.infer(observe(-1), 'task')
    assert engine.routing.candidate == 'v2'


def test_a_negative_limit_is_refused(repository: ModelRepository) -> None:
    with pytest.raises(ValueError, match='breaker_limit is -1'):
        Engine(repository, 'policy', EngineSettings(breaker_limit=-1))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.booleans(), max_size=25))
def test_it_opens_at_the_first_run_of_failures(
    serving: Any, observe: Any, fails: list[bool]
) -> None:
    engine = serving()
    run = 0
    for is_failure in fails:
        engine.infer(observe(-1 if is_failure else 1), 'task')
        run = run + 1 if is_failure else 0
        assert (engine.breaker is not None) == (run >= 3)
        if run >= 3:
            break
