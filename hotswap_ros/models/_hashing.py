# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The keyed hash that every stable random choice in the fleet is made with."""

import hashlib


def bucket(salt: str, key: str) -> float:
    """
    Return a number in [0, 1) that depends on nothing but `salt` and `key`.

    Keyed BLAKE2b: the same on every machine, in every process and after every reboot, which
    Python's `hash()` is not. Two salts give independent numbers for one key.
    """
    # A BLAKE2b key has 64 bytes at most; a longer salt is digested first so that all of it counts.
    salt_bytes = salt.encode()
    if len(salt_bytes) > hashlib.blake2b.MAX_KEY_SIZE:
        salt_bytes = hashlib.blake2b(salt_bytes).digest()
    digest = hashlib.blake2b(key.encode(), digest_size=8, key=salt_bytes).digest()
    # 53 bits: the most that a float holds exactly, so that the result stays below 1.
    return (int.from_bytes(digest, 'big') >> 11) / (1 << 53)
