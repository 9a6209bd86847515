# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The first texts of a serialized message, without reading the rest of it.

Messages are in CDR (OMG DDS-XTypes 1.3, 7.4.1): four bytes of header, whose second names the order
of bytes; a text is its length in bytes with the zero at its end, in four bytes at a multiple of
four, and then its bytes.
"""

from __future__ import annotations

from typing import Final

from hotswap_ros.limits import NAME_CHARACTERS

#: Bytes of the header; places count from its end.
_HEADER: Final = 4
#: Bytes of a length, at a multiple of it.
_LENGTH: Final = 4
#: Bytes of a character in UTF-8.
_CHARACTER: Final = 4


def strings(data: bytes, start: int, number: int) -> tuple[bytes, ...] | None:
    """
    Return the texts that begin `start` bytes from the beginning, header included.

    None where there are none, or where one is longer than a name may be.
    """
    if len(data) <= start:
        return None
    order = 'little' if data[1] & 1 else 'big'
    found = []
    place = start
    for _ in range(number):
        place += -(place - _HEADER) % _LENGTH
        length = int.from_bytes(data[place : place + _LENGTH], order)  # type: ignore[arg-type]
        place += _LENGTH
        if not 0 < length <= NAME_CHARACTERS * _CHARACTER + 1 or place + length > len(data):
            return None
        found.append(bytes(data[place : place + length - 1]))
        place += length
    return tuple(found)
