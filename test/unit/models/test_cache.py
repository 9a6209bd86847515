# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The cache: versions are fetched whole or not at all, within the quota."""

import functools
import hashlib
import http.server
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hotswap_ros.models import (
    CachedRepository,
    DigestMismatchError,
    FetchFailedError,
    IncompleteVersionError,
    InvalidManifestError,
    ModelError,
    ModelRepository,
    NoDiskError,
    UnknownVersionError,
    source_of,
)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(make_version: Any) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(make_version.root))
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f'http://127.0.0.1:{server.server_port}'
        server.shutdown()
        thread.join()


MakeCache = Callable[..., CachedRepository]


@pytest.fixture(params=['folder', 'server'])
def make_cache(request: pytest.FixtureRequest, make_version: Any, tmp_path: Path) -> MakeCache:
    is_folder = request.param == 'folder'
    place = str(make_version.root) if is_folder else request.getfixturevalue('address')

    def make(quota_bytes: int | None = None) -> CachedRepository:
        return CachedRepository(tmp_path / 'cache', source_of(place), quota_bytes)

    return make


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file())


def test_what_was_fetched_is_what_the_source_has(make_version: Any, make_cache: MakeCache) -> None:
    folder = make_version('v1')
    cache = make_cache()
    assert not cache.has('policy', 'v1')
    cache.fetch('policy', 'v1')
    assert cache.has('policy', 'v1')
    found, original = (r.verify('policy', 'v1') for r in (cache, make_version.repository))
    assert (found.manifest, found.digest) == (original.manifest, original.digest)
    assert found.content == (folder / 'model.onnx').read_bytes()
    assert files_below(cache.root) == ['policy/v1/manifest.json', 'policy/v1/model.onnx']


def test_a_fetched_version_needs_no_source(
    make_version: Any, make_cache: MakeCache, tmp_path: Path
) -> None:
    make_version('v1')
    make_cache().fetch('policy', 'v1')
    shutil.rmtree(make_version.root)
    cache = CachedRepository(tmp_path / 'cache', source_of('http://127.0.0.1:1'))
    cache.fetch('policy', 'v1')
    assert cache.verify('policy', 'v1').content
    assert cache.versions('policy') == ['v1']


def test_a_manifest_can_be_read_before_anything_is_fetched(
    make_version: Any, make_cache: MakeCache
) -> None:
    make_version('v1')
    cache = make_cache()
    assert cache.manifest('policy', 'v1') == make_version.repository.manifest('policy', 'v1')
    assert not cache.has('policy', 'v1')


def damage_the_manifest(folder: Path) -> None:
    (folder / 'manifest.json').write_text('{}')


def cut_the_file(folder: Path) -> None:
    file = folder / 'model.onnx'
    file.write_bytes(file.read_bytes()[:-1])


def lengthen_the_file(folder: Path) -> None:
    with (folder / 'model.onnx').open('ab') as file:
        file.write(b'more')


def remove_the_file(folder: Path) -> None:
    (folder / 'model.onnx').unlink()


def remove_the_version(folder: Path) -> None:
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ('break_it', 'error', 'words'),
    [
        (damage_the_manifest, InvalidManifestError, "field 'model': Field required"),
        (cut_the_file, FetchFailedError, 'its manifest says'),
        (lengthen_the_file, FetchFailedError, 'has more bytes, its manifest says'),
        (remove_the_file, FetchFailedError, 'it has no model.onnx'),
        (remove_the_version, UnknownVersionError, "version 'v1' of model 'policy' is not in"),
    ],
)
def test_what_cannot_be_fetched_leaves_nothing(
    make_version: Any,
    make_cache: MakeCache,
    break_it: Callable[[Path], None],
    error: type[ModelError],
    words: str,
) -> None:
    break_it(make_version('v1'))
    cache = make_cache()
    with pytest.raises(error, match=words):
        cache.fetch('policy', 'v1')
    assert files_below(cache.root) == []
    make_version('v1')
    cache.fetch('policy', 'v1')
    assert cache.has('policy', 'v1')


def test_an_unreachable_source(tmp_path: Path) -> None:
    cache = CachedRepository(tmp_path, source_of('http://127.0.0.1:1'))
    with pytest.raises(FetchFailedError, match=r'cannot be fetched from http://127\.0\.0\.1:1'):
        cache.fetch('policy', 'v1')


def test_names_do_not_leave_the_folder(make_cache: MakeCache) -> None:
    with pytest.raises(UnknownVersionError):
        make_cache().fetch('policy', '../v1')


@pytest.mark.parametrize('damage', [lambda whole: whole[:7], lambda whole: whole[:-1] + b'!'])
def test_a_damaged_copy_goes_and_can_be_fetched_again(
    make_version: Any, make_cache: MakeCache, damage: Callable[[bytes], bytes]
) -> None:
    make_version('v1')
    cache = make_cache()
    cache.fetch('policy', 'v1')
    path = cache.root / 'policy' / 'v1' / 'model.onnx'
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    with pytest.raises((DigestMismatchError, IncompleteVersionError)):
        cache.verify('policy', 'v1')
    assert not cache.has('policy', 'v1')
    cache.fetch('policy', 'v1')
    assert cache.verify('policy', 'v1').content


def test_a_copy_that_was_fetched_again_during_a_check_stays(
    make_version: Any, make_cache: MakeCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_version('v1')
    cache = make_cache()
    cache.fetch('policy', 'v1')
    path = cache.root / 'policy' / 'v1' / 'model.onnx'
    path.write_bytes(path.read_bytes()[::-1])
    verify = ModelRepository.verify

    def while_another_fetches(self: Any, model_id: str, version: str) -> Any:
        monkeypatch.setattr(ModelRepository, 'verify', verify)
        try:
            return verify(self, model_id, version)
        finally:
            cache.delete('policy', 'v1')
            cache.fetch('policy', 'v1')

    monkeypatch.setattr(ModelRepository, 'verify', while_another_fetches)
    assert cache.verify('policy', 'v1').content
    assert cache.has('policy', 'v1')


@pytest.mark.parametrize('text', [b'<!DOCTYPE html><title>Log in</title>', b'log in first', b''])
def test_a_page_in_place_of_a_manifest_is_no_fault_of_the_manifest(
    make_version: Any, make_cache: MakeCache, text: bytes
) -> None:
    path = make_version('v1') / 'manifest.json'
    manifest = path.read_bytes()
    path.write_bytes(text)
    cache = make_cache()
    with pytest.raises(FetchFailedError, match=r'manifest\.json is no JSON object'):
        cache.fetch('policy', 'v1')
    path.write_bytes(manifest)
    cache.fetch('policy', 'v1')
    assert cache.verify('policy', 'v1').content


def test_what_a_power_cut_left_is_cleared(make_version: Any, make_cache: MakeCache) -> None:
    make_version('v1')
    left = make_cache().root / '.fetching' / 'policy' / 'somewhere' / 'v1'
    left.mkdir(parents=True)
    (left / 'model.onnx').write_bytes(b'half of it')
    cache = make_cache()
    cache.fetch('policy', 'v1')
    assert files_below(cache.root) == ['policy/v1/manifest.json', 'policy/v1/model.onnx']


def test_a_name_that_is_too_long_is_unknown(make_cache: MakeCache) -> None:
    with pytest.raises(UnknownVersionError):
        make_cache().fetch('policy', 'v' * 300)


@pytest.mark.parametrize('name', ['manifest.json', 'model.onnx'])
def test_a_file_that_never_ends_in_a_folder_is_refused(
    make_version: Any, tmp_path: Path, name: str
) -> None:
    file = make_version('v1') / name
    file.unlink()
    os.mkfifo(file)
    cache = CachedRepository(tmp_path / 'cache', source_of(str(make_version.root)))
    with pytest.raises(FetchFailedError, match='regular'):
        cache.fetch('policy', 'v1')


def test_a_folder_that_cannot_be_written(make_version: Any, tmp_path: Path) -> None:
    make_version('v1')
    (tmp_path / 'cache').write_text('a file')
    cache = CachedRepository(tmp_path / 'cache', source_of(str(make_version.root)))
    with pytest.raises(FetchFailedError, match='cache'):
        cache.fetch('policy', 'v1')


@pytest.fixture
def size(make_version: Any) -> int:
    """Return what one version takes on the disk."""
    folder = make_version('v1')
    return sum(path.stat().st_size for path in folder.iterdir())


def fetch_in_order(cache: CachedRepository, *versions: str) -> None:
    for moment, version in enumerate(versions):
        cache.fetch('policy', version)
        os.utime(cache.root / 'policy' / version, (moment, moment))


def test_the_least_recently_used_makes_room(
    make_version: Any, make_cache: MakeCache, size: int
) -> None:
    for version in ('v2', 'v3', 'v4'):
        make_version(version)
    cache = make_cache(quota_bytes=3 * size + size // 2)
    fetch_in_order(cache, 'v1', 'v2', 'v3')
    cache.verify('policy', 'v1')  # used now
    cache.fetch('policy', 'v4')
    assert [v for v in ('v1', 'v2', 'v3', 'v4') if cache.has('policy', v)] == ['v1', 'v3', 'v4']


def test_what_is_needed_makes_no_room(make_version: Any, make_cache: MakeCache, size: int) -> None:
    for version in ('v2', 'v3'):
        make_version(version)
    cache = make_cache(quota_bytes=2 * size + size // 2)
    fetch_in_order(cache, 'v1', 'v2')
    with pytest.raises(NoDiskError, match=r'of the quota of .* are taken'):
        cache.fetch('policy', 'v3', keep=['v1', 'v2'])
    cache.fetch('policy', 'v3', keep=['v1'])
    assert [v for v in ('v1', 'v2', 'v3') if cache.has('policy', v)] == ['v1', 'v3']


def test_a_version_larger_than_the_quota(make_cache: MakeCache, size: int) -> None:
    cache = make_cache(quota_bytes=size // 2)
    with pytest.raises(NoDiskError, match=r"no disk for version 'v1' in .*: it needs"):
        cache.fetch('policy', 'v1')


def test_nothing_is_removed_for_a_version_that_does_not_fit(
    make_version: Any, make_cache: MakeCache, size: int
) -> None:
    make_version('v2', size=10_000, content=b'x' * 5 * size)
    cache = make_cache(quota_bytes=2 * size)
    cache.fetch('policy', 'v1')
    with pytest.raises(NoDiskError):
        cache.fetch('policy', 'v2')
    assert cache.has('policy', 'v1')


def test_a_disk_that_is_full(
    make_cache: MakeCache, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage('/')._replace(free=size // 4)
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage)
    with pytest.raises(NoDiskError, match=r'the disk has .* left'):
        make_cache().fetch('policy', 'v1')


def test_a_version_can_be_deleted_and_fetched_again(
    make_version: Any, make_cache: MakeCache
) -> None:
    make_version('v1')
    make_version('v2')
    cache = make_cache()
    for version in ('v1', 'v2'):
        cache.fetch('policy', version)
    assert cache.delete('policy', 'v1')
    assert files_below(cache.root) == ['policy/v2/manifest.json', 'policy/v2/model.onnx']
    assert not cache.delete('policy', 'v1')
    assert not cache.delete('policy', '../policy')
    cache.fetch('policy', 'v1')
    assert cache.verify('policy', 'v1').manifest.version == 'v1'


def test_nothing_is_deleted_from_a_repository(make_version: Any) -> None:
    folder = make_version('v1')
    assert not make_version.repository.delete('policy', 'v1')
    assert (folder / 'manifest.json').exists()


@pytest.mark.parametrize('mark', ['/', '?', '#'])
@pytest.mark.parametrize('start', ['1234', 'secret'])
def test_a_password_that_ends_the_host_is_in_no_error(start: str, mark: str) -> None:
    with pytest.raises(ValueError, match='%2F') as raised:
        source_of(f'http://admin:{start}{mark}hidden@host.example/models')
    assert start not in str(raised.value)
    assert 'hidden' not in str(raised.value)
    assert raised.value.__suppress_context__


def test_an_escaped_password_is_read() -> None:
    assert str(source_of('http://admin:a%2Fb@host.example/m')) == 'http://host.example/m'


def test_golden_samples_come_with_the_version(make_cache: MakeCache, make_version: Any) -> None:
    golden = {'sha256': hashlib.sha256(b'samples').hexdigest(), 'size_bytes': 7}
    folder = make_version('v1', golden=golden)
    cache = make_cache()
    with pytest.raises(FetchFailedError, match=r'golden\.npz'):
        cache.fetch('policy', 'v1')
    assert not cache.has('policy', 'v1')
    (folder / 'golden.npz').write_bytes(b'samples')
    cache.fetch('policy', 'v1')
    verified = cache.verify('policy', 'v1')
    assert verified.golden is not None
    assert Path(verified.golden.path).read_bytes() == b'samples'
