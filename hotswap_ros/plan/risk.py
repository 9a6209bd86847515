# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The risk of a change."""

from __future__ import annotations

import enum


class Risk(str, enum.Enum):
    """The size of a change: a bug fix, an optimisation, a new algorithm."""

    LOW = 'low'
    MEDIUM = 'medium'
    HIGH = 'high'
