# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Importers: files of other tools become versions in a model repository.

They need the package `onnx`, which robots do not.
"""

from hotswap_ros.models.importers.onnx_file import (
    ImportedGraph,
    ImportedTensor,
    ImportRefusedError,
    read_onnx,
)
from hotswap_ros.models.importers.preprocessing import (
    Change,
    Merged,
    PreprocessingError,
    Scaling,
)
from hotswap_ros.models.importers.version_folder import VersionExistsError, write_version

__all__ = [
    'Change',
    'ImportRefusedError',
    'ImportedGraph',
    'ImportedTensor',
    'Merged',
    'PreprocessingError',
    'Scaling',
    'VersionExistsError',
    'read_onnx',
    'write_version',
]
