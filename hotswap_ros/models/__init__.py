# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Models and their versions: manifest, repository, routing, counters.

A model (a named policy) has versions. A version is immutable: a manifest and an ONNX file, named
by the digest of the manifest, which in turn holds the digest of the file.
"""

from typing import TYPE_CHECKING

from hotswap_ros.lazy import lazy_names

if TYPE_CHECKING:
    from hotswap_ros.models.cache import CachedRepository
    from hotswap_ros.models.chunk import Chunk
    from hotswap_ros.models.counters import (
        BINS,
        LATENCY_EDGES_MS,
        PROGRESS_UNIT,
        FeatureStatistics,
        InputBins,
        RoleCounts,
        ShadowCounts,
        TaskCounts,
        VersionCounters,
        succeeded,
    )
    from hotswap_ros.models.errors import (
        DigestMismatchError,
        FetchFailedError,
        IncompleteVersionError,
        InvalidManifestError,
        InvalidRoutingError,
        ModelError,
        NoDiskError,
        UnknownVersionError,
    )
    from hotswap_ros.models.interface import (
        Difference,
        Interface,
        added_inputs,
        differences,
        form_words,
        likely_states,
        tensor_words,
    )
    from hotswap_ros.models.manifest import (
        Comparison,
        GoldenSamples,
        Manifest,
        Metric,
    )
    from hotswap_ros.models.promises import Unknown, unknown_promises, with_promises_of
    from hotswap_ros.models.repository import MANIFEST_NAME, ModelRepository
    from hotswap_ros.models.routing import Routing, bucket, next_generation
    from hotswap_ros.models.share import shared
    from hotswap_ros.models.sources import is_url, source_of
    from hotswap_ros.models.states import FailureCause, VersionState
    from hotswap_ros.models.task_memory import StateTensor, TakeOver, history_axis
    from hotswap_ros.models.tensor import DType, TensorSpec, feature_of
    from hotswap_ros.models.verified import NotRegularError, VerifiedVersion, open_regular

__all__ = [
    'BINS',
    'LATENCY_EDGES_MS',
    'PROGRESS_UNIT',
    'MANIFEST_NAME',
    'CachedRepository',
    'Chunk',
    'Comparison',
    'DType',
    'DigestMismatchError',
    'FailureCause',
    'FeatureStatistics',
    'FetchFailedError',
    'IncompleteVersionError',
    'GoldenSamples',
    'InputBins',
    'InvalidManifestError',
    'InvalidRoutingError',
    'Manifest',
    'Metric',
    'ModelError',
    'ModelRepository',
    'NoDiskError',
    'NotRegularError',
    'RoleCounts',
    'Routing',
    'ShadowCounts',
    'StateTensor',
    'TakeOver',
    'TaskCounts',
    'TensorSpec',
    'Unknown',
    'UnknownVersionError',
    'VerifiedVersion',
    'VersionCounters',
    'VersionState',
    'bucket',
    'added_inputs',
    'differences',
    'form_words',
    'feature_of',
    'history_axis',
    'is_url',
    'likely_states',
    'next_generation',
    'open_regular',
    'shared',
    'source_of',
    'succeeded',
    'tensor_words',
    'unknown_promises',
    'with_promises_of',
    'Difference',
    'Interface',
]

__getattr__ = lazy_names(__name__)
