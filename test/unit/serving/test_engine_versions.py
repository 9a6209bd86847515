# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Loading and unloading: every state that others can see, and every refusal."""

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest

from hotswap_ros.models import (
    CachedRepository,
    DigestMismatchError,
    ModelRepository,
    UnknownVersionError,
    VerifiedVersion,
    source_of,
)
from hotswap_ros.serving import (
    Engine,
    EngineSettings,
    InUseError,
    LoadFailedError,
    NoRoomError,
    NotLoadedError,
    NotReadyError,
    OtherInterfaceError,
    Placement,
    Routing,
    VersionInfo,
    VersionState,
)


class GatedRepository(ModelRepository):
    """Holds every verification up until the test lets it pass."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.entered = threading.Event()
        self.let_pass = threading.Event()
        self.verifications = 0

    def verify(self, model_id: str, version: str) -> VerifiedVersion:
        self.verifications += 1
        self.entered.set()
        assert self.let_pass.wait(30)
        return super().verify(model_id, version)


@pytest.fixture
def gated(make_version: Any) -> GatedRepository:
    make_version('v1')
    return GatedRepository(make_version.root)


def state_of(engine: Engine, version: str) -> VersionState:
    return next(info.state for info in engine.versions() if info.version == version)


def test_loading_passes_through_every_state(make_version: Any, engine: Engine) -> None:
    make_version('v1')
    states: list[VersionState] = []
    engine.on_change = lambda: states.append(state_of(engine, 'v1'))
    engine.load('v1')
    assert [state.value for state in states] == ['verifying', 'loading', 'warming', 'ready']


def test_what_is_known_of_a_loaded_version(make_version: Any, engine: Engine) -> None:
    content = (make_version('v1') / 'model.onnx').read_bytes()
    digest = make_version.repository.verify('policy', 'v1').digest
    info = engine.load('v1')
    assert info.warm_latency_ms is not None
    assert 0 < info.warm_latency_ms < 1000
    assert replace(info, warm_latency_ms=None) == VersionInfo(
        'v1', VersionState.READY, digest, '', len(content), Placement(('CPUExecutionProvider',))
    )
    assert engine.versions() == (info,)


def test_loading_again_is_a_success(make_version: Any, engine: Engine) -> None:
    make_version('v1')
    changes: list[None] = []
    first = engine.load('v1')
    engine.on_change = lambda: changes.append(None)
    assert engine.load('v1') == first
    assert not changes


def test_two_loads_of_one_version_share_the_work(gated: GatedRepository) -> None:
    engine = Engine(gated, 'policy', EngineSettings(resident_limit=1))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(engine.load, 'v1')
        assert gated.entered.wait(30)
        second = pool.submit(engine.load, 'v1')
        gated.let_pass.set()
        assert first.result(30) == second.result(30) == engine.versions()[0]
    assert gated.verifications == 1


def test_two_loads_of_one_version_share_the_failure(
    gated: GatedRepository, make_version: Any
) -> None:
    make_version.damage(gated.root / 'policy' / 'v1' / 'model.onnx')
    engine = Engine(gated, 'policy')
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(engine.load, 'v1')
        assert gated.entered.wait(30)
        second = pool.submit(engine.load, 'v1')
        gated.let_pass.set()
        assert isinstance(first.exception(30), DigestMismatchError)
        assert isinstance(second.exception(30), DigestMismatchError)


def test_a_version_that_is_being_loaded_takes_a_place(
    gated: GatedRepository, make_version: Any
) -> None:
    make_version('v2')
    engine = Engine(gated, 'policy', EngineSettings(resident_limit=1))
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(engine.load, 'v1')
        assert gated.entered.wait(30)
        with pytest.raises(NoRoomError, match=r'limit of 1 is reached \(loaded: v1\)'):
            engine.load('v2')
        with pytest.raises(InUseError, match='it is being loaded'):
            engine.unload('v1')
        with pytest.raises(NotReadyError, match='is verifying, not ready'):
            engine.set_routing(Routing('policy', 'v1'))
        gated.let_pass.set()
        assert loading.result(30).state is VersionState.READY


def test_no_room_says_what_is_loaded(make_version: Any, engine: Engine) -> None:
    for version in ('v1', 'v2', 'v3', 'v4'):
        make_version(version)
    for version in ('v3', 'v2', 'v1'):
        engine.load(version)
    with pytest.raises(NoRoomError) as caught:
        engine.load('v4')
    assert caught.value.loaded == ('v1', 'v2', 'v3')
    assert caught.value.limit == 3
    assert 'unload one of them' in str(caught.value)
    assert [info.version for info in engine.versions()] == ['v1', 'v2', 'v3']
    engine.unload('v2')
    assert engine.load('v4').state is VersionState.READY


def test_a_failure_leaves_the_rest_serving_and_may_be_retried(
    make_version: Any, engine: Engine, observe: Any
) -> None:
    make_version('v1', bias=0.1)
    make_version('v2', fault='unknown_operator')
    engine.load('v1')
    engine.set_routing(Routing('policy', 'v1'))
    with pytest.raises(LoadFailedError) as caught:
        engine.load('v2')
    failed = engine.versions()[1]
    assert failed.state is VersionState.FAILED
    assert failed.reason == str(caught.value)
    assert failed.digest
    assert engine.infer(observe(), 'task').version == 'v1'
    with pytest.raises(NotReadyError, match='NoSuchOperator'):
        engine.set_routing(Routing('policy', 'v1', 'v2', generation=1))

    make_version('v2')
    assert engine.load('v2') == engine.versions()[1]
    assert engine.versions()[1].reason == ''


def test_failures_take_no_place(make_version: Any, repository: ModelRepository) -> None:
    engine = Engine(repository, 'policy', EngineSettings(resident_limit=1))
    make_version('v1', fault='unknown_operator')
    make_version('v2')
    with pytest.raises(LoadFailedError):
        engine.load('v1')
    assert engine.load('v2').state is VersionState.READY


def test_what_the_repository_refuses_is_told_as_it_is(make_version: Any, engine: Engine) -> None:
    make_version.damage(make_version('v1') / 'model.onnx')
    with pytest.raises(DigestMismatchError):
        engine.load('v1')
    with pytest.raises(UnknownVersionError):
        engine.load('v9')
    assert {info.version: info.state.value for info in engine.versions()} == {
        'v1': 'failed',
        'v9': 'failed',
    }


class Unforeseen(BaseException):
    """What nobody catches."""


def test_nothing_unforeseen_keeps_a_place(
    make_version: Any, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_version('v1')

    def fail(*_: object) -> VerifiedVersion:
        raise Unforeseen

    with monkeypatch.context() as patch:
        patch.setattr(ModelRepository, 'verify', fail)
        with pytest.raises(Unforeseen):
            engine.load('v1')
    assert engine.versions()[0].reason == 'Unforeseen'
    assert engine.load('v1').state is VersionState.READY


def test_unloading_gives_the_memory_back(make_version: Any, engine: Engine) -> None:
    make_version('v1')
    engine.load('v1')
    session = weakref.ref(engine._versions.ready('v1').session._runtime)
    engine.unload('v1')
    gc.collect()
    assert session() is None
    assert state_of(engine, 'v1') is VersionState.RELEASED


def test_unloading_twice_is_a_success(make_version: Any, engine: Engine) -> None:
    make_version('v1')
    engine.load('v1')
    engine.unload('v1')
    engine.unload('v1')
    assert engine.load('v1').state is VersionState.READY


def test_unloading_what_was_never_loaded(make_version: Any, engine: Engine) -> None:
    make_version('v1')
    engine.load('v1')
    with pytest.raises(NotLoadedError, match=r"'v2' is not loaded \(loaded: v1\)"):
        engine.unload('v2')


def test_unloading_a_failed_version_clears_its_reason(make_version: Any, engine: Engine) -> None:
    make_version('v1', fault='unknown_operator')
    with pytest.raises(LoadFailedError):
        engine.load('v1')
    engine.unload('v1')
    assert engine.versions()[0].state is VersionState.RELEASED
    assert engine.versions()[0].reason == ''


@pytest.mark.parametrize('version', ['v1', 'v2'])
def test_what_the_routing_names_is_not_unloaded(
    make_version: Any, engine: Engine, version: str
) -> None:
    for name in ('v1', 'v2'):
        make_version(name)
        engine.load(name)
    engine.set_routing(Routing('policy', 'v1', 'v2'))
    with pytest.raises(InUseError, match='the routing names it'):
        engine.unload(version)


def test_what_tasks_are_on_is_not_unloaded(
    make_version: Any, engine: Engine, observe: Any
) -> None:
    for name in ('v1', 'v2'):
        make_version(name)
        engine.load(name)
    engine.set_routing(Routing('policy', 'v1', generation=1))
    engine.infer(observe(), 'one')
    engine.infer(observe(), 'two')
    engine.set_routing(Routing('policy', 'v2', generation=2))
    with pytest.raises(InUseError, match=r'2 task\(s\) under way'):
        engine.unload('v1')
    engine.report_task('one', True)
    engine.report_task('two', True)
    engine.unload('v1')
    assert engine.counters()['v1'].tasks.succeeded == 2


def test_the_repository_s_versions_are_known(make_version: Any, engine: Engine) -> None:
    for name in ('v1', 'v2', 'v3'):
        make_version(name)
    (make_version.root / 'policy' / 'v3' / 'manifest.json').write_text('{}')
    engine.load('v2')
    v1, v2, v3 = engine.known_versions()
    assert (v1.state, v2.state) == (VersionState.ABSENT, VersionState.READY)
    assert v1.size_bytes == v2.size_bytes > 0
    assert v3.state is VersionState.FAILED
    assert "field 'model'" in v3.reason
    assert [info.version for info in engine.versions()] == ['v2']


def test_a_listener_s_error_does_not_stop_anything(
    make_version: Any, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    make_version('v1')

    def fail() -> None:
        raise RuntimeError('listener is broken')

    engine.on_change = fail
    assert engine.load('v1').state is VersionState.READY
    assert 'listener is broken' in caplog.text


def test_boots_differ(repository: ModelRepository) -> None:
    assert Engine(repository, 'policy').boot_id != Engine(repository, 'policy').boot_id


def test_a_version_that_nobody_has_is_not_a_matter_of_room(make_version: Any) -> None:
    make_version('v1')
    engine = Engine(make_version.repository, 'policy', EngineSettings(resident_limit=1))
    engine.load('v1')
    with pytest.raises(UnknownVersionError):
        engine.load('v2')


def test_the_copy_of_a_released_version_is_deleted_on_request(
    make_version: Any, tmp_path: Path
) -> None:
    for version in ('v1', 'v2'):
        make_version(version)
    cache = CachedRepository(tmp_path / 'cache', source_of(str(make_version.root)))
    with Engine(cache, 'policy') as engine:
        for version in ('v1', 'v2'):
            engine.load(version)
        engine.set_routing(Routing('policy', 'v1'))
        with pytest.raises(InUseError):
            engine.unload('v1', delete_files=True)
        assert cache.has('policy', 'v1')
        engine.unload('v2', delete_files=True)
        assert not cache.has('policy', 'v2')
        engine.load('v2')
        engine.unload('v2')
        assert cache.has('policy', 'v2')
        engine.unload('v2', delete_files=True)
        assert not cache.has('policy', 'v2')
        with pytest.raises(NotLoadedError):
            engine.unload('v9')


@pytest.mark.parametrize(
    'other',
    [
        {'size': 5},
        {'outputs': [{'name': 'decision', 'shape': [1, 3]}]},
    ],
)
def test_a_version_that_cannot_take_the_place_of_stable_is_refused_before_it_is_loaded(
    make_version: Any, other: dict[str, Any]
) -> None:
    make_version('v1')
    (make_version('v3', **other) / 'model.onnx').unlink()
    engine = Engine(ModelRepository(make_version.root), 'policy')
    engine.load('v1')
    engine.set_routing(Routing('policy', 'v1'))
    # There is no model file: nothing of the version is read but its manifest.
    with pytest.raises(OtherInterfaceError) as caught:
        engine.load('v3')
    assert (caught.value.version, caught.value.stable) == ('v3', 'v1')
    assert engine.versions()[-1].state is VersionState.FAILED
    assert engine.routing.stable == 'v1'


def test_a_previous_version_that_puts_out_less_can_be_loaded_again(make_version: Any) -> None:
    make_version('v1')
    model = onnx.load(make_version('v2') / 'model.onnx')
    model.graph.node.append(onnx.helper.make_node('Identity', ['decision'], ['value']))
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info('value'))
    outputs = [{'name': name, 'shape': [1, 2]} for name in ('decision', 'value')]
    make_version('v2', content=model.SerializeToString(), outputs=outputs)
    engine = Engine(ModelRepository(make_version.root), 'policy')
    engine.load('v2')
    engine.set_routing(Routing('policy', 'v2'))
    assert engine.load('v1').state is VersionState.READY


def test_what_serves_nothing_takes_any_interface(make_version: Any) -> None:
    make_version('v1')
    make_version('v3', size=5)
    engine = Engine(ModelRepository(make_version.root), 'policy')
    engine.load('v1')
    engine.set_routing(Routing('policy', 'v1'))
    engine.set_routing(Routing('policy', generation=1))
    assert engine.load('v3').state is VersionState.READY
