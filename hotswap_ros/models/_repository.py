# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The folder that versions come from: `<root>/<model>/<version>/manifest.json` and ONNX file."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

from pydantic import ValidationError

from hotswap_ros.models._errors import (
    DigestMismatchError,
    InvalidManifestError,
    UnknownVersionError,
)
from hotswap_ros.models._manifest import Manifest, is_name
from hotswap_ros.models._verified import SealedCopy, VerifiedVersion

MANIFEST_NAME = 'manifest.json'


class ModelRepository:
    """Read-only view of a model repository folder; every call reads the disk."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def has(self, model_id: str, version: str) -> bool:
        """Return whether nothing needs to be fetched for a version: there is nowhere to."""
        return True

    def fetch(self, model_id: str, version: str, keep: Collection[str] = ()) -> None:
        """Do nothing: what is not here is nowhere."""

    def delete(self, model_id: str, version: str) -> bool:
        """Delete nothing: a repository is not this robot's alone. Returns whether it was here."""
        return False

    def versions(self, model_id: str) -> list[str]:
        """Return the names of the versions that have a manifest, sorted."""
        if not is_name(model_id):
            return []
        found = (path.parent.name for path in self.root.glob(f'{model_id}/*/{MANIFEST_NAME}'))
        return sorted(name for name in found if is_name(name))

    def manifest(self, model_id: str, version: str) -> Manifest:
        """Read a manifest. Raises UnknownVersionError or InvalidManifestError."""
        return self._read(model_id, version)[0]

    def verify(self, model_id: str, version: str) -> VerifiedVersion:
        """Read a version and check its digest. Raises a ModelError that says what is wrong."""
        manifest, digest = self._read(model_id, version)
        path = self._folder(model_id, version) / manifest.file
        try:
            copy = SealedCopy(path)
        except OSError as error:
            raise InvalidManifestError(
                path.parent / MANIFEST_NAME,
                f"'file' names {manifest.file}, which cannot be read ({error.strerror}): "
                'copy this version again',
            ) from error
        if copy.sha256 != manifest.sha256:
            raise DigestMismatchError(path, manifest.sha256, copy.sha256)
        return VerifiedVersion(manifest, digest, copy)

    def _folder(self, model_id: str, version: str) -> Path:
        return self.root / model_id / version

    def _read(self, model_id: str, version: str) -> tuple[Manifest, str]:
        if not (is_name(model_id) and is_name(version)):
            raise UnknownVersionError(model_id, version, self.versions(model_id), self.root)
        path = self._folder(model_id, version) / MANIFEST_NAME
        try:
            text = path.read_bytes()
        except FileNotFoundError as error:
            known = self.versions(model_id)
            raise UnknownVersionError(model_id, version, known, self.root) from error
        except OSError as error:
            raise InvalidManifestError(path, f'cannot be read ({error.strerror})') from error
        return manifest_of(text, model_id, version, path), hashlib.sha256(text).hexdigest()


def manifest_of(text: bytes, model_id: str, version: str, where: object) -> Manifest:
    """Return the manifest that was found `where`. Raises InvalidManifestError."""
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise InvalidManifestError(where, _first_problem(error)) from error
    if (manifest.model, manifest.version) != (model_id, version):
        raise InvalidManifestError(
            where,
            f"it describes '{manifest.model}/{manifest.version}' but lies in "
            f"'{model_id}/{version}': move the folder or write the manifest again",
        )
    return manifest


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    where = '.'.join(str(part) for part in first['loc'])
    problem = first['msg'].removeprefix('Value error, ')
    if first['type'] == 'json_invalid':
        return f'{problem}: write the manifest again'
    found = '' if first['type'] in ('missing', 'value_error') else f' (found {first["input"]!r})'
    return f"field '{where}': {problem}{found}: correct it in the manifest"
