# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A recorded message, and the error at the end of what can be read of a recording."""

from __future__ import annotations

from typing import NamedTuple

from mcap.records import Schema


class Message(NamedTuple):
    """A message as it was stored; `schema` None: its definition is not in the recording."""

    schema: Schema | None
    encoding: str
    data: bytes


class DamagedError(Exception):
    """The rest of a part is no recording; `began` if something of it was read."""

    began = False
