# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Settings of the runtime, and the placement that a version reports."""

import os
import shutil
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from hotswap_ros.models import CachedRepository, FetchFailedError, NoDiskError, source_of
from hotswap_ros.serving import (
    Engine,
    EngineSettings,
    LoadFailedError,
    Placement,
    Routing,
    RuntimeSettings,
    VersionInfo,
    VersionState,
)

CPU = 'CPUExecutionProvider'


def serving(make_version: Any, *providers: str, **fields: Any) -> VersionInfo:
    make_version('v1')
    settings = RuntimeSettings(providers, **fields)
    with Engine(make_version.repository, 'policy', EngineSettings(runtime=settings)) as engine:
        return engine.load('v1')


@pytest.mark.parametrize('name', ['cuda', 'CUDA', 'CUDAExecutionProvider'])
def test_providers_have_short_names(name: str) -> None:
    settings = RuntimeSettings((name, 'cpu', 'CPUExecutionProvider'))
    assert settings.providers == ('CUDAExecutionProvider', CPU)


@pytest.mark.parametrize(
    ('fields', 'words'),
    [
        ({'providers': ('gpu',)}, "'gpu' is no execution provider: use one of .*cuda"),
        ({'providers': ()}, 'providers is empty: name one, such as cpu'),
        ({'threads': 0}, 'threads is 0: use 1 or more'),
    ],
)
def test_settings_that_make_no_sense(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RuntimeSettings(**fields)


def test_as_asked_there_is_nothing_to_say(make_version: Any) -> None:
    assert serving(make_version, 'cpu').placement == Placement((CPU,), '')


#: From onnxruntime 1.24 on.
tells_nodes = pytest.mark.skipif(
    not hasattr(onnxruntime.InferenceSession, 'get_provider_graph_assignment_info'),
    reason='this runtime does not tell which nodes run where',
)


@tells_nodes
@pytest.mark.skipif(
    'RknpuExecutionProvider' in onnxruntime.get_available_providers(), reason='it is here'
)
def test_the_next_one_that_works_is_taken_and_told(make_version: Any) -> None:
    info = serving(make_version, 'rknpu', 'cpu')
    note = 'RknpuExecutionProvider is not in this build of the runtime'
    assert info.placement == Placement((CPU,), note)


def test_a_runtime_that_does_not_tell_where_nodes_run_is_used_all_the_same(
    make_version: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = 'get_provider_graph_assignment_info'
    for kind in onnxruntime.InferenceSession.__mro__:
        if name in vars(kind):
            monkeypatch.delattr(kind, name)
    placement = serving(make_version, 'rknpu', 'cpu').placement
    assert placement.providers == (CPU,)
    assert 'is told by onnxruntime 1.24' in placement.note


@tells_nodes
def test_a_provider_that_takes_no_node_is_told(
    make_version: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the builds that PyPI has for the CPU, this is the one provider beside it.
    if 'AzureExecutionProvider' not in onnxruntime.get_available_providers():
        pytest.skip('this build of the runtime has the CPU alone')
    info = serving(make_version, 'azure', 'cpu')
    assert info.placement == Placement((CPU,), 'AzureExecutionProvider takes none of its nodes')


def test_the_cpu_helps_out_only_where_it_is_named(make_version: Any) -> None:
    with pytest.raises(LoadFailedError, match='is not in this build of the runtime'):
        serving(make_version, 'rknpu')
    if 'AzureExecutionProvider' in onnxruntime.get_available_providers():
        with pytest.raises(LoadFailedError, match='fallback to CPU EP has been explicitly'):
            serving(make_version, 'azure')


@pytest.mark.parametrize(
    'fields', [{'threads': 2}, {'spinning': True}, {'memory_arena': False}], ids=str
)
def test_settings_do_not_change_decisions(
    make_version: Any, observe: Any, fields: dict[str, Any]
) -> None:
    make_version('v1', bias=0.5)
    settings = RuntimeSettings(**fields)
    with Engine(make_version.repository, 'policy', EngineSettings(runtime=settings)) as engine:
        engine.load('v1')
        engine.set_routing(Routing('policy', 'v1'))
        assert engine.infer(observe(), 'task').outputs['decision'].tolist() == [[0.5, 0.5]]


def test_a_worker_tells_what_it_runs_on(watch: Any) -> None:
    engine = watch(runtime=RuntimeSettings(('rknpu', 'cpu'))).engine
    by_version = {info.version: info.placement for info in engine.versions()}
    assert by_version['v1'] == by_version['v2']
    assert by_version['v2'].note.startswith('RknpuExecutionProvider')


# --- Versions that are fetched -------------------------------------------------------------------


@pytest.fixture
def cached(make_version: Any, tmp_path: Path) -> Engine:
    """Return an engine whose versions come from elsewhere."""
    for number in (1, 2, 3):
        make_version(f'v{number}', bias=number / 10)
    size = sum(path.stat().st_size for path in (make_version.root / 'policy' / 'v1').iterdir())
    repository = CachedRepository(
        tmp_path / 'cache', source_of(str(make_version.root)), 2 * size + size // 2
    )
    return Engine(
        repository,
        'policy',
        EngineSettings(state_folder=tmp_path / 'state', probation_s=0.0),
        clock=lambda: 0.0,
    )


def test_a_version_is_fetched_before_it_is_verified(cached: Engine) -> None:
    states: list[VersionState] = []
    cached.on_change = lambda: states.extend(info.state for info in cached.versions())
    cached.load('v1')
    assert list(dict.fromkeys(states)) == [
        VersionState.FETCHING,
        VersionState.VERIFYING,
        VersionState.LOADING,
        VersionState.WARMING,
        VersionState.READY,
    ]


def test_what_is_here_is_not_fetched(cached: Engine, make_version: Any) -> None:
    cached.load('v1')
    cached.unload('v1')
    shutil.rmtree(make_version.root)
    assert cached.load('v1').state is VersionState.READY


def test_a_version_that_cannot_be_fetched_fails_and_the_rest_serves(
    cached: Engine, make_version: Any, observe: Any
) -> None:
    cached.load('v1')
    cached.set_routing(Routing('policy', 'v1'))
    os.truncate(make_version.root / 'policy' / 'v2' / 'model.onnx', 10)
    with pytest.raises(FetchFailedError, match='only 10 bytes'):
        cached.load('v2')
    assert cached.versions()[1].state is VersionState.FAILED
    assert cached.infer(observe(), 'task').version == 'v1'


def test_what_a_restart_would_need_stays_in_the_cache(cached: Engine) -> None:
    for generation, version in enumerate(('v1', 'v2')):
        cached.load(version)
        cached.set_routing(Routing('policy', version, generation=generation))
        if version == 'v1':
            cached.tick()
    cached.unload('v1')
    # v1 is the proven one, v2 is served.
    with pytest.raises(NoDiskError):
        cached.load('v3')


def test_a_damaged_copy_is_fetched_again_at_once(cached: Engine, make_version: Any) -> None:
    cached.load('v1')
    cached.unload('v1')
    make_version.damage(make_version.root.parent / 'cache' / 'policy' / 'v1' / 'model.onnx')
    assert cached.load('v1').state is VersionState.READY
