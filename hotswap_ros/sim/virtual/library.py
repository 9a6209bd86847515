# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The versions that virtual robots can load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hotswap_ros.models import Manifest, TensorSpec
from hotswap_ros.serving import Guard
from hotswap_ros.serving.onnx.runtime import NOWHERE
from hotswap_ros.serving.recorder import Recorder
from hotswap_ros.serving.versions.loaded_version import LoadedVersion
from hotswap_ros.sim.virtual.outcomes import VersionOutcomes


class _NoSession:
    """Stands for the session of a version in a worker: virtual robots run no model."""

    runs_in_worker = True
    placement = NOWHERE
    typical_ms = warm_latency_ms = 0.0
    pid = 0
    is_stuck = False

    def run(self, inputs: dict[str, Any], patience_s: float) -> tuple[dict[str, Any], float]:
        raise NotImplementedError('virtual robots run no model')

    def offer(self, inputs: dict[str, Any], outputs: dict[str, Any], primary: object) -> bool:
        return False

    def check_growth(self) -> None:
        pass

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Library:
    """The versions that robots can load, with the truth about each."""

    model_id: str
    outcomes: Mapping[str, VersionOutcomes]
    residents: Mapping[str, LoadedVersion]

    @classmethod
    def of(cls, model_id: str, versions: Sequence[VersionOutcomes]) -> Library:
        """Return a library of these versions."""
        residents = {one.version: _resident(model_id, one) for one in versions}
        return cls(model_id, {one.version: one for one in versions}, residents)


def _resident(model_id: str, outcomes: VersionOutcomes) -> LoadedVersion:
    form = {'dtype': 'float32', 'shape': (1,)}
    manifest = Manifest(
        model=model_id,
        version=outcomes.version,
        sha256='0' * 64,
        size_bytes=1,
        inputs=(TensorSpec.model_validate({'name': 'observation', **form}),),
        outputs=(TensorSpec.model_validate({'name': 'decision', **form}),),
    )
    return LoadedVersion(manifest, _NoSession(), Guard(manifest), Recorder())
