# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Writes a version into a repository: as a whole, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from hotswap_ros.models.errors import ModelError
from hotswap_ros.models.manifest import Manifest
from hotswap_ros.models.repository import MANIFEST_NAME


class VersionExistsError(ModelError):
    """The repository has this version already, and a version never changes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f'{folder} is there already, and a version never changes: name a new one')


def write_version(root: Path, manifest: Manifest, files: Mapping[str, bytes]) -> Path:
    """
    Write the folder of a version, with these files by name, and return it.

    Raises VersionExistsError, and OSError; then the repository is as it was.
    """
    folder = root / manifest.model / manifest.version
    if folder.exists():
        raise VersionExistsError(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    text = manifest.model_dump_json(indent=2, exclude_none=True, exclude_defaults=True) + '\n'
    # Not a name of a version: a reader of the repository does not see it.
    part = Path(tempfile.mkdtemp(prefix='.import-', dir=folder.parent))
    try:
        for name, content in {**files, MANIFEST_NAME: text.encode()}.items():
            _write(part / name, content)
        part.chmod(0o755)
        part.rename(folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        if folder.exists():  # somebody else was faster
            raise VersionExistsError(folder) from error
        raise
    return folder


def _write(path: Path, content: bytes) -> None:
    with path.open('wb') as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
