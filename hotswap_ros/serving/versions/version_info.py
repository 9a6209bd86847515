# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The state of one version on this robot."""

from __future__ import annotations

from dataclasses import dataclass

from hotswap_ros.models import VersionState
from hotswap_ros.serving.onnx.runtime import NOWHERE, Placement


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """
    One version on this robot. `digest` is empty until verified, `size_bytes` 0 until known.

    `placement` names the execution providers that it runs on, and notes on others.
    `warm_latency_ms` is the 95th percentile of its warm-up; None until it is warm. A worker warms
    up in the lowest scheduling class: on a busy computer that takes longer than when it serves.
    """

    version: str
    state: VersionState
    digest: str = ''
    reason: str = ''
    size_bytes: int = 0
    placement: Placement = NOWHERE
    warm_latency_ms: float | None = None
