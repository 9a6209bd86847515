# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The cache of a robot: copies of the versions that it needs, within a quota."""

from __future__ import annotations

import codecs
import errno
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import IO

from hotswap_ros.limits import DOWNLOAD_BYTES_PER_S, MANIFEST_BYTES
from hotswap_ros.models.errors import (
    DigestMismatchError,
    FetchFailedError,
    IncompleteVersionError,
    InvalidManifestError,
    NoDiskError,
    UnknownVersionError,
)
from hotswap_ros.models.manifest import Manifest, StatedFile, is_name
from hotswap_ros.models.repository import (
    MANIFEST_NAME,
    ModelRepository,
    manifest_of,
)
from hotswap_ros.models.sources import MissingError, Source
from hotswap_ros.models.verified import VerifiedVersion
from hotswap_ros.text import size_words

_CHUNK_BYTES = 1 << 20

#: How often a download goes on where a connection broke.
_ATTEMPTS = 10

#: What is said of a copy that is not whole.
_DAMAGED = (DigestMismatchError, IncompleteVersionError, InvalidManifestError)

#: Folder of incomplete versions; no model has this name.
_PARTS = '.fetching'


class CachedRepository(ModelRepository):
    """
    A repository in a folder of this robot, which `fetch` fills from a source.

    A version appears in it as a whole or not at all, and is served also when the source is
    unreachable. When the next version does not fit the quota, the least recently used ones are
    deleted. Threads may share it; a folder belongs to one robot. A manifest may take `patience_s`
    (seconds), a model file that and what it takes at 10 kB a second; a server that sends less than
    that for `patience_s` is given up before.
    """

    def __init__(
        self,
        folder: Path | str,
        source: Source,
        quota_bytes: int | None = None,
        patience_s: float = 30.0,
    ) -> None:
        super().__init__(folder)
        self._source = source
        self._quota = quota_bytes
        self._patience_s = patience_s
        self._lock = threading.Lock()

    def versions(self, model_id: str) -> list[str]:
        """Return the names of the versions that are here or can be fetched, sorted."""
        return sorted({*super().versions(model_id), *self._source.versions(model_id)})

    def manifest(self, model_id: str, version: str) -> Manifest:
        """Read a manifest, from the source if the version is not here."""
        if self.has(model_id, version):
            return super().manifest(model_id, version)
        return self._remote_manifest(model_id, version)[0]

    def verify(self, model_id: str, version: str) -> VerifiedVersion:
        """Check a version's digest. A damaged copy is deleted: it can be fetched again."""
        try:
            verified = super().verify(model_id, version)
        except _DAMAGED:
            verified = self._verify_again(model_id, version)
        os.utime(self._folder(model_id, version))
        return verified

    def _verify_again(self, model_id: str, version: str) -> VerifiedVersion:
        """Delete a damaged copy, unless a fetch has put a whole one in its place meanwhile."""
        with self._lock:
            try:
                return super().verify(model_id, version)
            except _DAMAGED:
                shutil.rmtree(self._folder(model_id, version), ignore_errors=True)
                raise

    def has(self, model_id: str, version: str) -> bool:
        """Return whether nothing needs to be fetched for a version."""
        if not (is_name(model_id) and is_name(version)):
            return False
        return (self._folder(model_id, version) / MANIFEST_NAME).exists()

    def fetch(self, model_id: str, version: str, keep: Collection[str] = ()) -> None:
        """
        Copy a version into the cache; versions to `keep` are not deleted for it. Blocks.

        Raises UnknownVersionError, InvalidManifestError, FetchFailedError, or NoDiskError with the
        figures; then nothing of the version is in the cache.
        """
        with self._lock:
            try:
                self._fetch(model_id, version, keep)
            except OSError as error:
                raise FetchFailedError(version, self._source, f'{self.root}: {error}') from error

    def delete(self, model_id: str, version: str) -> bool:
        """
        Delete this robot's copy of a version, and return whether there was one.

        Waits for a fetch that is under way. Raises OSError.
        """
        with self._lock:
            if not self.has(model_id, version):
                return False
            # The manifest first: a folder without it, after a failed deletion, is no version.
            folder = self._folder(model_id, version)
            (folder / MANIFEST_NAME).unlink()
            shutil.rmtree(folder)
            return True

    def _fetch(self, model_id: str, version: str, keep: Collection[str]) -> None:
        if self.has(model_id, version):
            os.utime(self._folder(model_id, version))
            return
        manifest, text = self._remote_manifest(model_id, version)
        # Left by a power cut.
        shutil.rmtree(self.root / _PARTS / model_id, ignore_errors=True)
        try:
            self._make_room(manifest, keep)
            with self._part(model_id, version) as part:
                for file in manifest.files:
                    self._download(manifest, file, part / file.name)
                _write(part / MANIFEST_NAME, text)
        except OSError as error:
            if not _says_full(error):
                raise
            # Other programs write to this disk too: the free space may have shrunk.
            shortage = f'the disk says "{error.strerror}"'
            raise NoDiskError(version, manifest.total_bytes, shortage, self.root) from error

    def _remote_manifest(self, model_id: str, version: str) -> tuple[Manifest, bytes]:
        if not (is_name(model_id) and is_name(version)):
            raise UnknownVersionError(model_id, version, self.versions(model_id), self._source)
        with self._reading(model_id, version, MANIFEST_NAME, self._patience_s) as file:
            text = file.read(MANIFEST_BYTES + 1)
        if not text.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b'{'):
            problem = f'{MANIFEST_NAME} is no JSON object{_what_it_is(text)}'
            raise FetchFailedError(version, self._source, problem)
        where = f'{self._source}/{model_id}/{version}/{MANIFEST_NAME}'
        return manifest_of(text, model_id, version, where), text

    @contextmanager
    def _reading(
        self, model_id: str, version: str, name: str, within_s: float, offset: int = 0
    ) -> Iterator[IO[bytes]]:
        place, quiet_s = (model_id, version, name), self._patience_s
        try:
            with self._source.open(
                *place, within_s=within_s, quiet_s=quiet_s, offset=offset
            ) as file:
                yield file
        except MissingError as error:
            if name == MANIFEST_NAME:
                known = self.versions(model_id)
                raise UnknownVersionError(model_id, version, known, self._source) from error
            raise FetchFailedError(version, self._source, f'it has no {name}') from error
        except (OSError, HTTPException) as error:
            if _says_full(error):  # this robot's disk, not that of the source
                raise
            problem = str(error) or type(error).__name__
            raise FetchFailedError(version, self._source, problem) from error

    def _make_room(self, manifest: Manifest, keep: Collection[str]) -> None:
        need = manifest.total_bytes
        self.root.mkdir(parents=True, exist_ok=True)
        removable = self._removable(manifest.model, keep)
        # Before anything is deleted, which would be useless.
        shortage = self._shortage(need - sum(map(_size_of, removable)))
        if shortage is not None:
            raise NoDiskError(manifest.version, need, shortage, self.root)
        for folder in removable:
            if self._shortage(need) is None:
                return
            shutil.rmtree(folder, ignore_errors=True)

    def _removable(self, model_id: str, keep: Collection[str]) -> list[Path]:
        """Return the folders of this model's other versions, the least recently used first."""
        folders = [
            path
            for path in self.root.glob(f'{model_id}/*')
            if path.is_dir() and path.name not in keep
        ]
        return sorted(folders, key=lambda path: path.stat().st_mtime)

    def _shortage(self, need: int) -> str | None:
        """Return why this number of bytes does not fit, None when it does."""
        taken = _size_of(self.root)
        if self._quota is not None and taken + need > self._quota:
            return f'{size_words(taken)} of the quota of {size_words(self._quota)} are taken'
        free = shutil.disk_usage(self.root).free
        return f'the disk has {size_words(free)} left' if need > free else None

    @contextmanager
    def _part(self, model_id: str, version: str) -> Iterator[Path]:
        """Yield a folder to fill; without an error it becomes the folder of the version."""
        folder = self._folder(model_id, version)
        parts = self.root / _PARTS / model_id
        parts.mkdir(parents=True, exist_ok=True)
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parts) as part:
            filled = Path(part) / version
            filled.mkdir()
            yield filled
            shutil.rmtree(folder, ignore_errors=True)
            filled.rename(folder)

    def _download(self, manifest: Manifest, file: StatedFile, place: Path) -> None:
        ends = time.monotonic() + self._patience_s + file.size_bytes / DOWNLOAD_BYTES_PER_S
        with place.open('wb') as copy:
            for attempt in range(1, _ATTEMPTS + 1):
                before = copy.tell()
                try:
                    self._copy_rest(manifest, file, copy, ends)
                    break
                except FetchFailedError:
                    is_late = time.monotonic() >= ends
                    if copy.tell() == before or attempt == _ATTEMPTS or is_late:
                        raise
            copy.flush()
            os.fsync(copy.fileno())

    def _copy_rest(
        self, manifest: Manifest, file: StatedFile, copy: IO[bytes], ends: float
    ) -> None:
        """Append what is missing. Raises FetchFailedError when less or more came."""
        name, size = file.name, file.size_bytes
        within_s = max(1.0, ends - time.monotonic())
        place = (manifest.model, manifest.version, name)
        with self._reading(*place, within_s, copy.tell()) as source:
            while chunk := source.read(min(_CHUNK_BYTES, size + 1 - copy.tell())):
                if copy.tell() + len(chunk) > size:
                    raise self._wrong_size(manifest, file, 'more')
                copy.write(chunk)
        if copy.tell() < size:
            raise self._wrong_size(manifest, file, f'only {copy.tell():,}')

    def _wrong_size(self, manifest: Manifest, file: StatedFile, found: str) -> FetchFailedError:
        problem = f'{file.name} has {found} bytes, its manifest says {file.size_bytes:,}'
        return FetchFailedError(manifest.version, self._source, problem)


def _says_full(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _what_it_is(text: bytes) -> str:
    """Return what came instead of a manifest, where that is known."""
    # The page of a network that wants a log-in comes with "200 OK" for every address.
    is_page = text.lstrip()[:1] == b'<'
    return ' but a web page, such as the log-in page of a network' if is_page else ''


def _write(path: Path, text: bytes) -> None:
    with path.open('wb') as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob('*') if path.is_file())
