# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Limits on the robots that may fail: a number, or a share of the robots."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

_Number: TypeAlias = Annotated[int, Field(ge=0, strict=True)]
_Share: TypeAlias = Annotated[float, Field(gt=0, lt=1, strict=True)]

#: A whole number of robots, or a share of them: 0.02 is 2%.
MaxFailed: TypeAlias = Annotated[_Number | _Share, Field(union_mode='left_to_right')]
