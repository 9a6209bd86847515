# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The repository of versions: `<root>/<model>/<version>/manifest.json` and an ONNX file."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Collection
from pathlib import Path

from pydantic import ValidationError

from hotswap_ros.limits import MANIFEST_BYTES, PROBLEM_CHARACTERS
from hotswap_ros.models.errors import (
    DigestMismatchError,
    IncompleteVersionError,
    InvalidManifestError,
    UnknownVersionError,
)
from hotswap_ros.models.manifest import Manifest, StatedFile, is_name
from hotswap_ros.models.verified import SealedCopy, VerifiedVersion, WrongSizeError, open_regular
from hotswap_ros.text import shortened, size_words

MANIFEST_NAME = 'manifest.json'


class ModelRepository:
    """Read-only view of a model repository folder; every call reads the disk."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def has(self, model_id: str, version: str) -> bool:
        """Return True: a repository itself has nothing to fetch."""
        return True

    def fetch(self, model_id: str, version: str, keep: Collection[str] = ()) -> None:
        """Do nothing: there is no other source."""

    def delete(self, model_id: str, version: str) -> bool:
        """Delete nothing, because other robots share the repository. Returns False."""
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
        """Read a version and check its digests. Raises a ModelError that explains the fault."""
        manifest, digest = self._read(model_id, version)
        folder = self._folder(model_id, version)
        model, *others = (self._verified_copy(folder, version, file) for file in manifest.files)
        return VerifiedVersion(manifest, digest, model, others[0] if others else None)

    def _verified_copy(self, folder: Path, version: str, file: StatedFile) -> SealedCopy:
        path = folder / file.name
        try:
            copy = SealedCopy(path, file.size_bytes)
        except FileNotFoundError as error:
            raise IncompleteVersionError(version, self.root, f'it has no {path.name}') from error
        except WrongSizeError as error:
            problem = f'{path.name} {error}'
            raise IncompleteVersionError(version, self.root, problem) from error
        except OSError as error:
            raise InvalidManifestError(
                folder / MANIFEST_NAME,
                f"'{file.key}' names {file.name}, which cannot be read ({error.strerror}): "
                'copy this version again',
            ) from error
        if copy.sha256 != file.sha256:
            raise DigestMismatchError(path, file.sha256, copy.sha256)
        return copy

    def _folder(self, model_id: str, version: str) -> Path:
        return self.root / model_id / version

    def _read(self, model_id: str, version: str) -> tuple[Manifest, str]:
        if not (is_name(model_id) and is_name(version)):
            raise UnknownVersionError(model_id, version, self.versions(model_id), self.root)
        path = self._folder(model_id, version) / MANIFEST_NAME
        try:
            with open_regular(path) as file:
                text = file.read(MANIFEST_BYTES + 1)
        except FileNotFoundError as error:
            known = self.versions(model_id)
            raise UnknownVersionError(model_id, version, known, self.root) from error
        except OSError as error:
            raise InvalidManifestError(path, f'cannot be read ({error.strerror})') from error
        return manifest_of(text, model_id, version, path), hashlib.sha256(text).hexdigest()


def manifest_of(text: bytes, model_id: str, version: str, where: object) -> Manifest:
    """Return the manifest that was found `where`. Raises InvalidManifestError."""
    if len(text) > MANIFEST_BYTES:
        raise InvalidManifestError(where, f'it has more than {size_words(MANIFEST_BYTES)}')
    if text.startswith((b'\xff\xfe', b'\xfe\xff')):
        raise InvalidManifestError(where, 'it is text in UTF-16: save it as UTF-8')
    try:
        manifest = Manifest.model_validate_json(text.removeprefix(codecs.BOM_UTF8))
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
    problem = shortened(first['msg'].removeprefix('Value error, '), PROBLEM_CHARACTERS)
    if first['type'] == 'json_invalid':
        return f'{problem}: write the manifest again'
    found = (
        ''
        if first['type'] in ('missing', 'value_error')
        else f' (found {shortened(repr(first["input"]), 80)})'
    )
    return f"field '{where}': {problem}{found}: correct it in the manifest"
