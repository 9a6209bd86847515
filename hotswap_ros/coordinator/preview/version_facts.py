# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Facts about versions from manifests and lab results, for the checklist. Blocks."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from hotswap_ros.models import (
    CachedRepository,
    Interface,
    Manifest,
    ModelError,
    ModelRepository,
    TensorSpec,
    UnknownVersionError,
    is_url,
    source_of,
)
from hotswap_ros.plan import LabResult, PlanError, VersionFacts, parse_text, read_text_file

_LAB_RESULTS = TypeAdapter(dict[str, LabResult])


def read_versions(
    repository: str, model_id: str, versions: Iterable[str], lab_results: Path | None = None
) -> dict[str, VersionFacts]:
    """
    Return what a model repository, a folder or the address of a file server, says of versions.

    An empty `repository` is none: nothing is known of them then, but what stands in the file
    `lab_results`. Raises PlanError for such a file that cannot be read.
    """
    labs = {} if lab_results is None else _read_lab_results(lab_results)
    found = {version: _version(repository, model_id, version) for version in set(versions)}
    return {
        version: replace(facts, lab=labs.get(version, facts.lab))
        for version, facts in found.items()
    }


def refuse_missing(repository: str, model_id: str, version: str, served: Collection[str]) -> None:
    """
    Raise UnknownVersionError if a model repository does not have a version.

    Nothing is raised for a repository that cannot be read, or that has none of the versions that
    robots have `served`: a folder that is not mounted, or the repository of another fleet.
    """
    try:
        _repository(repository).manifest(model_id, version)
    except UnknownVersionError:
        if any(not _version(repository, model_id, name).problem for name in served):
            raise
    except (ValueError, ModelError):
        return


def _version(repository: str, model_id: str, version: str) -> VersionFacts:
    if not repository:
        return VersionFacts(problem="the coordinator has no 'model_repository' to look into")
    try:
        manifest = _repository(repository).manifest(model_id, version)
    except ValueError as error:
        return VersionFacts(problem=f"'model_repository' of the coordinator: {error}")
    except ModelError as error:
        return VersionFacts(problem=str(error))
    unbounded = tuple(spec.name for spec in manifest.decisions if not _is_bounded(spec))
    return VersionFacts(
        manifest.total_bytes,
        unbounded,
        _stated_lab(manifest),
        interface=Interface.of(manifest),
    )


def _repository(place: str) -> ModelRepository:
    # The cache of a folder that cannot be is always empty: the manifest comes from the server.
    return (
        CachedRepository(os.devnull, source_of(place)) if is_url(place) else ModelRepository(place)
    )


def _is_bounded(spec: TensorSpec) -> bool:
    return spec.dtype.value == 'bool' or (spec.low is not None and spec.high is not None)


def _stated_lab(manifest: Manifest) -> LabResult | None:
    measured = manifest.training.get('measured')
    try:
        return None if measured is None else LabResult.model_validate(measured)
    except ValidationError:
        return None  # `training` is for people, who may call other things so


def _read_lab_results(path: Path) -> dict[str, LabResult]:
    where = f'checklist.labResults: {path}'
    try:
        return _LAB_RESULTS.validate_python(parse_text(read_text_file(path)))
    except OSError as error:
        raise PlanError([f'{where}: {error.strerror}: put the file there']) from error
    except ValidationError as error:
        first = error.errors()[0]
        field = '.'.join(map(str, first['loc'])) or 'the file'
        problem = f'{where}: {field}: {first["msg"]} (found {first["input"]!r})'
        remedy = "write 'v24: {success: 0.94, success_by_category: {near: 0.96}}'"
        raise PlanError([f'{problem}: {remedy}']) from error
    except (PlanError, ValueError, yaml.YAMLError) as error:
        problem = ' '.join(str(error).split())
        raise PlanError([f'{where}: is not YAML or JSON: {problem}']) from error
