# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
What a model version is: its manifest, the folder it lives in, which one is served, what it did.

A model (a named policy) has versions. A version is immutable: a manifest and an ONNX file, named
by the digest of the manifest, which in turn holds the digest of the file.
"""

from hotswap_ros.models._cache import CachedRepository
from hotswap_ros.models._cause import Cause
from hotswap_ros.models._counters import (
    LATENCY_EDGES_MS,
    RoleCounts,
    ShadowCounts,
    TaskCounts,
    VersionCounters,
)
from hotswap_ros.models._errors import (
    DigestMismatchError,
    FetchFailedError,
    InvalidManifestError,
    InvalidRoutingError,
    ModelError,
    NoDiskError,
    UnknownVersionError,
)
from hotswap_ros.models._hashing import bucket
from hotswap_ros.models._input_statistics import BINS, FeatureStatistics, InputBins
from hotswap_ros.models._manifest import Comparison, DType, Manifest, Metric, TensorSpec
from hotswap_ros.models._repository import MANIFEST_NAME, ModelRepository
from hotswap_ros.models._routing import Routing, next_generation
from hotswap_ros.models._sources import FolderSource, HttpSource, is_url, source_of
from hotswap_ros.models._verified import SealedCopy, VerifiedVersion
from hotswap_ros.models._version_state import VersionState

__all__ = [
    'BINS',
    'LATENCY_EDGES_MS',
    'MANIFEST_NAME',
    'CachedRepository',
    'Cause',
    'Comparison',
    'DType',
    'DigestMismatchError',
    'FetchFailedError',
    'FolderSource',
    'HttpSource',
    'FeatureStatistics',
    'InvalidManifestError',
    'InvalidRoutingError',
    'Manifest',
    'Metric',
    'InputBins',
    'ModelError',
    'ModelRepository',
    'NoDiskError',
    'RoleCounts',
    'Routing',
    'SealedCopy',
    'ShadowCounts',
    'TaskCounts',
    'TensorSpec',
    'UnknownVersionError',
    'VerifiedVersion',
    'VersionCounters',
    'VersionState',
    'bucket',
    'is_url',
    'next_generation',
    'source_of',
]
