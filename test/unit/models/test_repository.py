# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The repository of versions."""

import codecs
import hashlib
from pathlib import Path
from typing import Any

import pytest

from hotswap_ros.models import (
    MANIFEST_NAME,
    DigestMismatchError,
    IncompleteVersionError,
    InvalidManifestError,
    ModelRepository,
    UnknownVersionError,
)


def test_a_sound_version(make_version: Any, repository: ModelRepository) -> None:
    folder = make_version('v1', bias=0.5)
    verified = repository.verify('policy', 'v1')
    assert verified.manifest.version == 'v1'
    assert verified.content == (folder / 'model.onnx').read_bytes()
    assert verified.digest == hashlib.sha256((folder / MANIFEST_NAME).read_bytes()).hexdigest()


def test_versions_are_the_folders_with_a_manifest(
    make_version: Any, repository: ModelRepository
) -> None:
    for version in ('v2', 'v10', 'v1'):
        make_version(version)
    make_version('v9', model_id='other')
    (make_version.root / 'policy' / 'empty').mkdir()
    assert repository.versions('policy') == ['v1', 'v10', 'v2']
    assert repository.versions('nobody') == []


def test_a_root_that_is_not_there(tmp_path: Path) -> None:
    repository = ModelRepository(tmp_path / 'nowhere')
    assert repository.versions('policy') == []
    with pytest.raises(UnknownVersionError, match='there: none'):
        repository.verify('policy', 'v1')


def test_an_unknown_version_says_what_there_is(
    make_version: Any, repository: ModelRepository
) -> None:
    make_version('v1')
    make_version('v2')
    with pytest.raises(UnknownVersionError) as caught:
        repository.manifest('policy', 'v3')
    assert caught.value.known == ['v1', 'v2']
    assert "version 'v3' of model 'policy'" in str(caught.value)
    assert 'there: v1, v2' in str(caught.value)
    assert f'add the folder {repository.root / "policy" / "v3"}' in str(caught.value)


@pytest.mark.parametrize(
    'name', ['..', '../policy/v1', '/etc', '', '.', 'v1/', '*', 'v1\0', 'v1\n']
)
def test_a_name_leads_nowhere_else(
    make_version: Any, repository: ModelRepository, name: str
) -> None:
    make_version('v1')
    with pytest.raises(UnknownVersionError):
        repository.verify('policy', name)
    with pytest.raises(UnknownVersionError):
        repository.verify(name, 'v1')
    assert repository.versions(name) == []


def test_a_file_name_leads_nowhere_else(make_version: Any, repository: ModelRepository) -> None:
    make_version('v1')
    make_version('v2', file='../v1/model.onnx')
    with pytest.raises(InvalidManifestError, match="field 'file'"):
        repository.verify('policy', 'v2')


def test_a_copied_folder(make_version: Any, repository: ModelRepository) -> None:
    make_version('v1').rename(make_version.root / 'policy' / 'v2')
    with pytest.raises(InvalidManifestError) as caught:
        repository.manifest('policy', 'v2')
    assert "it describes 'policy/v1' but lies in 'policy/v2'" in str(caught.value)
    assert 'move the folder' in str(caught.value)


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        (b'', 'JSON'),
        (b'{"model": "policy"', 'JSON'),
        (b'\xff\xfe', 'UTF-16'),
        (b'[]', 'object'),
        (b'{}', "field 'model': Field required"),
    ],
)
def test_a_broken_manifest(
    make_version: Any, repository: ModelRepository, text: bytes, words: str
) -> None:
    path = make_version('v1') / MANIFEST_NAME
    path.write_bytes(text)
    with pytest.raises(InvalidManifestError) as caught:
        repository.verify('policy', 'v1')
    assert caught.value.path == path
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ('fields', 'words'),
    [
        ({'size_bytes': -1}, "field 'size_bytes': Input should be greater than 0"),
        ({'deadlineMs': 5}, "field 'deadlineMs': Extra inputs are not permitted"),
        ({'inputs': [{'name': 'x', 'shape': ['N']}]}, "field 'inputs.0.shape.0'"),
    ],
)
def test_a_wrong_field_is_named(
    make_version: Any, repository: ModelRepository, fields: dict[str, Any], words: str
) -> None:
    make_version('v1', **fields)
    with pytest.raises(InvalidManifestError) as caught:
        repository.verify('policy', 'v1')
    assert words in str(caught.value)
    assert str(caught.value.path) in str(caught.value)


def test_a_damaged_file(make_version: Any, repository: ModelRepository) -> None:
    path = make_version('v1') / 'model.onnx'
    sound = path.read_bytes()
    path.write_bytes(sound[:-1] + b'!')
    with pytest.raises(DigestMismatchError) as caught:
        repository.verify('policy', 'v1')
    assert caught.value.path == path
    assert caught.value.expected == hashlib.sha256(sound).hexdigest()
    assert caught.value.found[:12] in str(caught.value)
    assert 'copy this version again' in str(caught.value)


def test_a_missing_file(make_version: Any, repository: ModelRepository) -> None:
    (make_version('v1') / 'model.onnx').unlink()
    with pytest.raises(IncompleteVersionError, match=r'it has no model\.onnx'):
        repository.verify('policy', 'v1')


@pytest.mark.parametrize('change', [-1, 1])
def test_a_file_of_another_size_is_no_whole_version(
    make_version: Any, repository: ModelRepository, change: int
) -> None:
    path = make_version('v1') / 'model.onnx'
    whole = path.read_bytes()
    path.write_bytes((whole + b'!')[: len(whole) + change])
    with pytest.raises(IncompleteVersionError, match=f'has {len(whole) + change} bytes'):
        repository.verify('policy', 'v1')
    path.write_bytes(whole)
    assert repository.verify('policy', 'v1').content == whole


def test_a_manifest_may_have_a_byte_order_mark(
    make_version: Any, repository: ModelRepository
) -> None:
    path = make_version('v1') / MANIFEST_NAME
    before = repository.manifest('policy', 'v1')
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    assert repository.manifest('policy', 'v1') == before
