# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The folder that versions come from: `<root>/<model>/<version>/manifest.json` and ONNX file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from hotswap_ros.models._errors import (
    DigestMismatchError,
    InvalidManifestError,
    UnknownVersionError,
)
from hotswap_ros.models._manifest import Manifest, is_name

MANIFEST_NAME = 'manifest.json'


@dataclass(frozen=True)
class VerifiedVersion:
    """
    A version whose file is the one that its manifest describes.

    `content` is what was verified: loading it rather than the path leaves no moment in which the
    file could be exchanged. `digest` is the SHA-256 of the manifest file, which names the version.
    """

    manifest: Manifest
    digest: str
    content: bytes


class ModelRepository:
    """Read-only view of a model repository folder; every call reads the disk."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

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
            content = path.read_bytes()
        except OSError as error:
            raise InvalidManifestError(
                path.parent / MANIFEST_NAME,
                f"'file' names {manifest.file}, which cannot be read ({error.strerror}): "
                'copy this version again',
            ) from error
        found = hashlib.sha256(content).hexdigest()
        if found != manifest.sha256:
            raise DigestMismatchError(path, manifest.sha256, found)
        return VerifiedVersion(manifest, digest, content)

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
        try:
            manifest = Manifest.model_validate_json(text)
        except ValidationError as error:
            raise InvalidManifestError(path, _first_problem(error)) from error
        if (manifest.model, manifest.version) != (model_id, version):
            raise InvalidManifestError(
                path,
                f"it describes '{manifest.model}/{manifest.version}' but lies in "
                f"'{model_id}/{version}': move the folder or write the manifest again",
            )
        return manifest, hashlib.sha256(text).hexdigest()


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    where = '.'.join(str(part) for part in first['loc'])
    problem = first['msg'].removeprefix('Value error, ')
    if first['type'] == 'json_invalid':
        return f'{problem}: write the manifest again'
    found = '' if first['type'] in ('missing', 'value_error') else f' (found {first["input"]!r})'
    return f"field '{where}': {problem}{found}: correct it in the manifest"
