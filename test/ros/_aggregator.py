# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The rules of diagnostic_aggregator's GenericAnalyzer, as far as config/diagnostics.yaml uses them.

Read from generic_analyzer.cpp and status_item.hpp of diagnostics, branch ros2: the aggregator
itself is C++ and not on the package index.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

CONFIG = Path(__file__).resolve().parents[2] / 'config' / 'diagnostics.yaml'
#: Parameters that the analyzers and the node know. Others are ignored without a word.
ANALYZER_KEYS = {'type', 'path', 'find_and_remove_prefix', 'timeout'}
NODE_KEYS = {'pub_rate', 'path'}


class Analyzers:
    """The analyzers of a parameters file."""

    def __init__(self, file: Path = CONFIG) -> None:
        parameters: dict[str, Any] = yaml.safe_load(file.read_text())['/**']['ros__parameters']
        self.base = '/' + parameters['path']
        self.groups = {key: v for key, v in parameters.items() if isinstance(v, dict)}
        assert parameters.keys() - self.groups.keys() <= NODE_KEYS
        for analyzer in self.groups.values():
            assert analyzer.keys() <= ANALYZER_KEYS
            assert analyzer['type'] == 'diagnostic_aggregator/GenericAnalyzer'
            assert isinstance(analyzer['timeout'], float)

    def outputs(self, name: str) -> list[str]:
        """Return the names under which /diagnostics_agg shows a status; empty: below Other."""
        return [
            f'{self.base}/{analyzer["path"]}/{name.removeprefix(prefix).replace("/", " ")}'
            for analyzer in self.groups.values()
            for prefix in analyzer['find_and_remove_prefix']
            if name.startswith(prefix)
        ]
