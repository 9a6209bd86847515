# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A full disk, for everybody who writes in this process."""

import errno
import os
import shutil
import tempfile

import pytest

from hotswap_ros.models import CachedRepository, NoDiskError, Routing, source_of
from hotswap_ros.serving import Engine, EngineSettings
from hotswap_ros.sim.faults import full_disk

NO_SPACE = 'No space left on device'


@pytest.fixture
def full(tmp_path):
    folder = tmp_path / 'full'
    folder.mkdir()
    (folder / 'old').write_text('here before')
    full_disk.fill(folder)
    yield folder
    full_disk.empty(folder)


@pytest.mark.parametrize(
    'write',
    [
        lambda folder: (folder / 'new').write_text('x'),
        lambda folder: (folder / 'old').open('a'),
        lambda folder: os.open(folder / 'new', os.O_CREAT | os.O_WRONLY),
        lambda folder: (folder / 'below').mkdir(),
        lambda folder: tempfile.mkdtemp(dir=folder),
        lambda folder: shutil.copy(__file__, folder / 'copy'),
    ],
)
def test_nothing_can_be_written(full, write):
    with pytest.raises(OSError, match=NO_SPACE) as caught:
        write(full)
    assert caught.value.errno == errno.ENOSPC
    assert [path.name for path in full.iterdir()] == ['old']


def test_what_is_there_can_be_read_and_removed(full):
    assert full_disk.is_full(full)
    assert (full / 'old').read_text() == 'here before'
    (full / 'old').unlink()
    assert list(full.iterdir()) == []


def test_other_folders_are_written_to_and_this_one_again(full, tmp_path):
    (tmp_path / 'full_of_ideas').write_text('x')
    full_disk.empty(full)
    (full / 'new').write_text('x')
    assert not full_disk.is_full(full)


def test_a_version_that_finds_no_room_on_the_way_says_so(version_maker, tmp_path):
    version_maker(tmp_path / 'repository')('v1', model_id='m')
    cache = CachedRepository(tmp_path / 'cache', source_of(str(tmp_path / 'repository')))
    full_disk.fill(tmp_path / 'cache')
    try:
        with pytest.raises(NoDiskError, match="no disk for version 'v1'") as caught:
            cache.fetch('m', 'v1')
    finally:
        full_disk.empty(tmp_path / 'cache')
    assert NO_SPACE in str(caught.value)
    cache.fetch('m', 'v1')
    assert cache.has('m', 'v1')


def test_a_robot_serves_on_when_its_routing_cannot_be_kept(version_maker, tmp_path, caplog):
    make = version_maker(tmp_path)
    for version in ('v1', 'v2'):
        make(version, model_id='m')
    from hotswap_ros.models import ModelRepository

    state = tmp_path / 'state'
    with Engine(ModelRepository(tmp_path), 'm', EngineSettings(state_folder=state)) as engine:
        engine.load('v1')
        engine.set_routing(Routing('m', 'v1', generation=1))
        full_disk.fill(state)
        engine.load('v2')
        engine.set_routing(Routing('m', 'v2', generation=2))
        assert engine.routing.stable == 'v2'
        assert 'is not kept for a restart' in caplog.text
        full_disk.empty(state)
