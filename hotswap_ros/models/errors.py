# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Errors of versions in a repository, and of routings."""

from pathlib import Path

from hotswap_ros.text import size_words


class ModelError(Exception):
    """Root of the errors of a model version."""


class UnknownVersionError(ModelError):
    """The repository has no such version."""

    def __init__(self, model_id: str, version: str, known: list[str], root: object) -> None:
        self.model_id = model_id
        self.version = version
        self.known = known
        have = ', '.join(known) if known else 'none'
        super().__init__(
            f"version '{version}' of model '{model_id}' is not in the model repository {root} "
            f'(there: {have}): add the folder {root}/{model_id}/{version} or name another version'
        )


class InvalidManifestError(ModelError):
    """The manifest is missing, is not JSON, or a field of it is wrong."""

    def __init__(self, path: object, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f'manifest {path}: {problem}')


class DigestMismatchError(ModelError):
    """The model file is not the one that the manifest describes."""

    def __init__(self, path: Path, expected: str, found: str) -> None:
        self.path = path
        self.expected = expected
        self.found = found
        super().__init__(
            f'model file {path}: SHA-256 is {found[:12]}…, the manifest says {expected[:12]}…: '
            'the file is damaged or was replaced; copy this version again'
        )


class FetchFailedError(ModelError):
    """A version could not be copied to this robot."""

    def __init__(self, version: str, source: object, problem: str) -> None:
        self.version = version
        super().__init__(
            f"version '{version}' cannot be fetched from {source}: {problem}: "
            'correct that and try again'
        )


class IncompleteVersionError(ModelError):
    """A version is not whole, for example because it is still being copied."""

    def __init__(self, version: str, root: object, problem: str) -> None:
        self.version = version
        super().__init__(
            f"version '{version}' in {root} is not whole: {problem}: finish the copy and try again"
        )


class NoDiskError(ModelError):
    """A version does not fit the robot's cache."""

    def __init__(self, version: str, need: int, shortage: str, folder: Path) -> None:
        self.version = version
        self.need = need
        super().__init__(
            f"no disk for version '{version}' in {folder}: it needs {size_words(need)}, "
            f'{shortage}: raise the quota or remove what is not needed'
        )


class InvalidRoutingError(ModelError):
    """A field of a routing is out of range."""

    def __init__(self, field: str, value: object, remedy: str) -> None:
        self.field = field
        self.value = value
        super().__init__(f"routing field '{field}' is {value!r}: {remedy}")
