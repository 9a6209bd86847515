# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Routings that are set or refused, and the lease of a candidate."""

from types import SimpleNamespace
from typing import Any

import pytest

from hotswap_ros.serving import (
    Engine,
    InvalidRoutingError,
    NotReadyError,
    NotServingError,
    Routing,
    StaleGenerationError,
    UnknownModelError,
    VersionState,
)
from hotswap_ros.serving.router import Router


@pytest.fixture(autouse=True)
def loaded(make_version: Any, engine: Engine) -> None:
    for version, bias in (('v1', 0.1), ('v2', 0.2)):
        make_version(version, bias=bias)
        engine.load(version)


def on_trial(generation: int = 1, lease_s: float = 5.0) -> Routing:
    return Routing('policy', 'v1', 'v2', 1.0, salt='r7', generation=generation, lease_s=lease_s)


def test_at_the_start_nothing_is_served(engine: Engine, observe: Any) -> None:
    assert engine.routing == Routing('policy')
    with pytest.raises(NotServingError, match='set a routing that names it as stable'):
        engine.infer(observe(), 'task')
    assert all(counts.requests == 0 for counts in engine.counters().values())


def test_the_first_routing_may_have_generation_zero(engine: Engine, observe: Any) -> None:
    routing = Routing('policy', 'v1')
    assert engine.set_routing(routing) is routing
    assert engine.routing is routing
    assert engine.infer(observe(), 'task').version == 'v1'
    with pytest.raises(StaleGenerationError):
        engine.set_routing(Routing('policy', 'v2'))


def test_another_model(engine: Engine) -> None:
    with pytest.raises(UnknownModelError, match="serves model 'policy', not 'other'"):
        engine.set_routing(Routing('other', 'v1', generation=1))


@pytest.mark.parametrize(
    ('generation', 'words'),
    [(4, 'generation 4 is older than'), (5, 'generation 5 differs from')],
)
def test_a_stale_generation(engine: Engine, generation: int, words: str) -> None:
    engine.set_routing(Routing('policy', 'v1', generation=5))
    with pytest.raises(StaleGenerationError) as caught:
        engine.set_routing(Routing('policy', 'v2', generation=generation))
    assert (caught.value.generation, caught.value.in_force) == (generation, 5)
    assert words in str(caught.value)
    assert 'generation 6 or higher' in str(caught.value)
    assert engine.routing.stable == 'v1'


def test_the_same_again_changes_nothing(engine: Engine) -> None:
    engine.set_routing(on_trial())
    changes: list[None] = []
    engine.on_change = lambda: changes.append(None)
    assert engine.set_routing(on_trial()) == engine.routing
    assert not changes
    engine.set_routing(on_trial(generation=2))
    assert len(changes) == 1


def test_an_absent_version(engine: Engine) -> None:
    with pytest.raises(NotReadyError) as caught:
        engine.set_routing(Routing('policy', 'v1', 'v9', generation=1))
    assert (caught.value.version, caught.value.state) == ('v9', VersionState.ABSENT)
    assert "'v9' is absent, not ready: load it" in str(caught.value)
    assert engine.routing == Routing('policy')


def test_a_candidate_that_stable_could_not_answer_for(make_version: Any, engine: Engine) -> None:
    make_version('v3', size=5)
    engine.load('v3')
    with pytest.raises(InvalidRoutingError, match="stable 'v1' could not") as caught:
        engine.set_routing(Routing('policy', 'v1', 'v3', generation=1))
    assert caught.value.field == 'candidate'
    assert "input 'observation' is float32[1, 5] in v3 and float32[1, 4] in v1" in str(
        caught.value
    )
    engine.set_routing(Routing('policy', 'v3', generation=1))


@pytest.mark.parametrize(
    ('outputs', 'differing'),
    [
        ({'decision': [1, 2]}, None),
        ({'decision': [1, 2], 'value': [1]}, None),
        ({'value': [1]}, "output 'decision' is missing in v4"),
        ({'decision': [1, 3]}, r"output 'decision' is float32\[1, 3\] in v4"),
    ],
)
def test_a_candidate_puts_out_what_stable_does_and_may_add_to_it(
    make_version: Any, outputs: dict[str, list[int]], differing: str | None
) -> None:
    specs = [{'name': name, 'shape': shape} for name, shape in outputs.items()]
    loaded: Any = {
        manifest.version: SimpleNamespace(version=manifest.version, manifest=manifest)
        for manifest in (make_version.manifest('v1'), make_version.manifest('v4', outputs=specs))
    }
    routing = Routing('policy', 'v1', 'v4')
    if differing is None:
        assert Router.of(routing, loaded.__getitem__).candidate is loaded['v4']
    else:
        with pytest.raises(InvalidRoutingError, match=differing):
            Router.of(routing, loaded.__getitem__)


def test_serving_can_be_ended(engine: Engine, observe: Any) -> None:
    engine.set_routing(on_trial())
    engine.infer(observe(), 'task')
    engine.set_routing(Routing('policy', generation=2))
    with pytest.raises(NotServingError):
        engine.infer(observe(), 'task')
    engine.set_routing(Routing('policy', 'v1', generation=3))
    assert engine.infer(observe(), 'task').version == 'v1'


# --- Lease --------------------------------------------------------------------------------------


def test_a_lease_that_ends_drops_the_candidate(engine: Engine, clock: Any, observe: Any) -> None:
    engine.set_routing(on_trial())
    assert engine.infer(observe(), 'task').version == 'v2'
    changes: list[None] = []
    engine.on_change = lambda: changes.append(None)
    clock.now += 4.9
    assert not engine.tick()
    clock.now += 0.1
    assert engine.tick()
    assert engine.routing == Routing('policy', 'v1', salt='r7', generation=1, lease_s=5.0)
    assert len(changes) == 1
    assert engine.infer(observe(), 'task').version == 'v1'
    assert not engine.tick()


def test_a_dropped_candidate_comes_back_with_a_higher_generation(
    engine: Engine, clock: Any
) -> None:
    engine.set_routing(on_trial())
    clock.now += 5
    engine.tick()
    with pytest.raises(StaleGenerationError, match='differs from'):
        engine.set_routing(on_trial())
    engine.set_routing(on_trial(generation=2))
    clock.now += 4.9
    assert not engine.tick()
    assert engine.routing.candidate == 'v2'


def test_heartbeats_of_its_rollout_renew_the_lease(engine: Engine, clock: Any) -> None:
    engine.set_routing(on_trial())
    for _ in range(3):
        clock.now += 4
        engine.renew_lease(['r6', 'r7'])
        assert not engine.tick()
    clock.now += 4
    engine.renew_lease(['r6'])
    clock.now += 1
    assert engine.tick()


def test_a_heartbeat_does_not_bring_a_dropped_candidate_back(engine: Engine, clock: Any) -> None:
    engine.set_routing(on_trial())
    clock.now += 5
    engine.tick()
    engine.renew_lease(['r7'])
    assert engine.routing.candidate == ''
    clock.now += 100
    assert not engine.tick()


def test_the_same_routing_again_does_not_renew_the_lease(engine: Engine, clock: Any) -> None:
    engine.set_routing(on_trial())
    clock.now += 4
    engine.set_routing(on_trial())
    clock.now += 1
    assert engine.tick()


def test_without_a_lease_a_candidate_stays(engine: Engine, clock: Any) -> None:
    engine.set_routing(on_trial(lease_s=0))
    clock.now += 1e9
    assert not engine.tick()
    assert engine.routing.candidate == 'v2'
