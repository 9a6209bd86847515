# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Why an answer of a version was not accepted."""

from __future__ import annotations

import enum


class Cause(str, enum.Enum):
    """Why an answer was not accepted. Numbered from 1 in this order by `msg/Decision.msg`."""

    EXCEPTION = 'exception'
    OUTPUT = 'output'
    NOT_FINITE = 'not_finite'
    OUT_OF_BOUNDS = 'out_of_bounds'
    DEADLINE = 'deadline'
    CRASH = 'crash'
    RATE_LIMIT = 'rate_limit'
